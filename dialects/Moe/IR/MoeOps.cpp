// Verifiers of the moe operations, and the small pieces of custom syntax they share.
#include "dialects/Moe/IR/TensorBuilder.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace moe;

//===-- Custom syntax
//-----------------------------------------------------------------------------------------------===//

static ParseResult parseAxisName(OpAsmParser &parser, StringAttr &name) {
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  name = parser.getBuilder().getStringAttr(keyword);
  return success();
}

static void printAxisName(OpAsmPrinter &printer, Operation *, StringAttr name) { printer << name.getValue(); }

static ParseResult parseAxisNames(OpAsmParser &parser, ArrayAttr &names) {
  SmallVector<Attribute> list;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
        StringAttr name;
        if (parseAxisName(parser, name))
          return failure();
        list.push_back(name);
        return success();
      }))
    return failure();
  names = parser.getBuilder().getArrayAttr(list);
  return success();
}

static void printAxisNames(OpAsmPrinter &printer, Operation *, ArrayAttr names) {
  printer << "[";
  llvm::interleaveComma(names, printer, [&](Attribute name) { printer << cast<StringAttr>(name).getValue(); });
  printer << "]";
}

/// A 64-bit float without its type suffix.
static ParseResult parsePlainF64(OpAsmParser &parser, FloatAttr &value) {
  return parser.parseAttribute(value, parser.getBuilder().getF64Type());
}
static void printPlainF64(OpAsmPrinter &printer, Operation *, FloatAttr value) {
  printer.printAttributeWithoutType(value);
}

/// A region of one block, which may be empty.
static ParseResult parseBody(OpAsmParser &parser, Region &body) {
  if (parser.parseRegion(body))
    return failure();
  if (body.empty())
    body.emplaceBlock();
  return success();
}
static void printBody(OpAsmPrinter &printer, Operation *, Region &body) {
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

#define GET_OP_CLASSES
#include "dialects/Moe/IR/MoeOps.cpp.inc"

//===-- Axis declarations
//-------------------------------------------------------------------------------------------===//

/// The map of `axis`, one group per element of `finer`, must reach every group and no other.
static LogicalResult verifyMap(AxisOp axis, AxisOp finer) {
  int64_t fine = *finer.getSize(), coarse = *axis.getSize();
  if (static_cast<int64_t>(axis.getMap()->size()) != fine) {
    InFlightDiagnostic diag = axis.emitOpError("maps ")
                              << axis.getMap()->size() << " elements, but '" << *axis.getOf() << "' has " << fine;
    diag.attachNote(finer.getLoc()) << "'" << *axis.getOf() << "' is declared here";
    return diag;
  }
  SmallVector<bool> seen(coarse, false);
  ArrayRef<int32_t> map = *axis.getMap();
  for (int32_t group : map) {
    if (group < 0 || group >= coarse)
      return axis.emitOpError("maps to group ") << group << ", outside 0.." << coarse - 1;
    seen[group] = true;
  }
  for (auto [group, full] : llvm::enumerate(seen))
    if (!full) // R3
      return axis.emitOpError("leaves group ") << group << " empty (R3)";
  return success();
}

LogicalResult AxisOp::verify() {
  if (getSize() && (static_cast<int64_t>(*getSize()) < 1 || static_cast<int64_t>(*getSize()) > maxSize))
    return emitOpError("has size ") << static_cast<int64_t>(*getSize()) << "; a static axis holds 1 to " << maxSize
                                    << " elements";
  if (getMap() && (!getOf() || !getSize()))
    return emitOpError("has a map, but no ")
           << (getOf() ? "size: write how many groups there are" : "finer axis to map from: write `of`");
  if (!getOf())
    return success();
  AxisOp finer = lookupAxis(getOperation()->getParentOp(), *getOf());
  if (!finer)
    return emitOpError("groups '") << *getOf() << "', which is not an axis of this gate";
  if (!finer->isBeforeInBlock(getOperation()))
    return emitOpError("groups '") << *getOf() << "', which is not declared before it";
  if (!getSize())
    return success();
  if (!finer.getSize())
    return emitOpError("has a static size, but '") << *getOf() << "', which it groups, has none";
  if (getMap())
    return verifyMap(*this, finer);
  int64_t fine = *finer.getSize(), coarse = *getSize();
  if (fine % coarse != 0) { // R2
    InFlightDiagnostic diag = emitOpError("makes ") << coarse << " equal groups of '" << *getOf() << "', but " << coarse
                                                    << " does not divide its size " << fine << " (R2)";
    diag.attachNote(finer.getLoc()) << "'" << *getOf() << "' is declared here";
    return diag;
  }
  return success();
}

//===-- Gate
//--------------------------------------------------------------------------------------------------------===//

static std::string sizeText(int64_t size) { return ShapedType::isDynamic(size) ? "?" : std::to_string(size); }

/// Checks that each axis of `type` is declared, with the declared size. `slots` holds the slot axes made so far.
static LogicalResult checkAxes(Operation *op, Type type, const llvm::StringMap<int64_t> &slots) {
  auto check = [&](StringAttr name, std::optional<int64_t> dim) -> LogicalResult {
    int64_t size;
    if (auto slot = slots.find(name.getValue()); slot != slots.end())
      size = slot->second;
    else if (AxisOp axis = lookupAxis(op, name.getValue()))
      size = axis.getSize() ? static_cast<int64_t>(*axis.getSize()) : ShapedType::kDynamic;
    else
      return op->emitOpError("uses axis '") << name.getValue() << "', which this gate does not declare";
    if (dim && *dim != size)
      return op->emitOpError("has size ")
             << sizeText(*dim) << " on axis '" << name.getValue() << "' of size " << sizeText(size);
    return success();
  };
  if (auto selection = dyn_cast<SelectionType>(type)) {
    for (StringAttr name : selection.getBatch())
      if (failed(check(name, std::nullopt)))
        return failure();
    return check(selection.getAxis(), std::nullopt);
  }
  if (!namesItsAxes(type))
    return op->emitOpError("makes a value of type ")
           << type << ", expected a selection or a tensor that names each axis with #moe.axes";
  auto tensor = cast<RankedTensorType>(type);
  for (auto [name, dim] : llvm::zip_equal(axesOf(type), tensor.getShape()))
    if (failed(check(name, dim)))
      return failure();
  return success();
}

/// The tensors of an upstream operation have the same axes in the same order (R1); what repeats a value is
/// moe.broadcast.
static LogicalResult checkPointwise(Operation *op) {
  if (op->getNumResults() == 0 || isa<MoeDialect>(op->getDialect()))
    return success();
  if (!isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return op->emitOpError("has no place in a gate, whose values are made by operations of moe, arith and math");
  Type result = op->getResult(0).getType();
  for (Type type : op->getOperandTypes())
    if (axesOf(type) != axesOf(result))
      return op->emitOpError("mixes values on different axes, ")
             << type << " and " << result << "; moe.broadcast one first (R1)";
  return success();
}

/// Notes the slot axes that `op` makes.
static LogicalResult noteSlots(GateOp gate, Operation *op, llvm::StringMap<int64_t> &slots) {
  if (op->getNumRegions() != 0)
    return op->emitOpError("has a region; the body of a gate is a straight line");
  for (Type type : op->getResultTypes()) {
    auto selection = dyn_cast<SelectionType>(type);
    bool given = isa<ForcedOp>(op) && axisIndex(op->getOperand(0).getType(), selection.getSlot().getValue()) >= 0;
    if (selection && ((!given && lookupAxis(gate, selection.getSlot().getValue())) ||
                      !slots.try_emplace(selection.getSlot().getValue(), selection.getSize()).second))
      return op->emitOpError("makes the slot axis '")
             << selection.getSlot().getValue() << "', which exists already (R5)";
  }
  return success();
}

/// Checks the values that `op` makes. A constant on a slot axis may stand above the selection that makes the axis; an
/// input may not.
static LogicalResult checkBodyOp(Operation *op, const llvm::StringMap<int64_t> &slots) {
  for (Type type : op->getResultTypes())
    if (failed(checkAxes(op, type, slots)))
      return failure();
  return checkPointwise(op);
}

LogicalResult GateOp::verifyRegions() {
  llvm::StringMap<int64_t> slots;
  llvm::StringMap<Operation *> arrays;
  for (Operation &op : getBody().front())
    if (failed(noteSlots(*this, &op, slots)))
      return failure();
  llvm::StringMap<int64_t> above;
  for (Operation &op : getBody().front()) {
    if (failed(checkBodyOp(&op, isa<InputOp>(op) ? above : slots)) || failed(noteSlots(*this, &op, above)))
      return failure();
    if (!isa<InputOp, ParamOp, LossOp, MetricOp, OutputOp>(op))
      continue;
    StringRef name = op.getAttrOfType<StringAttr>("name").getValue();
    if (name.empty())
      return op.emitOpError("has an empty name");
    if (auto [first, isNew] = arrays.try_emplace(name, &op); !isNew) { // R5
      InFlightDiagnostic diag = op.emitOpError("uses the name '") << name << "' a second time (R5)";
      diag.attachNote(first->second->getLoc()) << "first used here";
      return diag;
    }
  }
  return success();
}

LogicalResult MetricOp::verify() {
  for (auto [name, dim] : llvm::zip_equal(axesOf(getValue().getType()), getValue().getType().getShape()))
    if (ShapedType::isDynamic(dim))
      return emitOpError("has the run-time axis '") << name.getValue() << "'; reduce over it first, or write an output";
  return success();
}

LogicalResult OutputOp::verify() {
  if (!getStore())
    return success();
  auto tensor = dyn_cast<RankedTensorType>(getValue().getType());
  bool narrows = tensor && tensor.getElementType().isF32() && (getStore()->isBF16() || getStore()->isF16());
  if (!narrows && (!tensor || tensor.getElementType() != *getStore()))
    return emitOpError("stores ") << getValue().getType() << " as " << *getStore()
                                  << "; only f32 can be stored as another type, bf16 or f16";
  return success();
}

//===-- Shape
//-------------------------------------------------------------------------------------------------------===//

/// The result type of an op must be `expected`; the message shows both.
static LogicalResult expectResult(Operation *op, Type actual, Type expected) {
  if (actual == expected)
    return success();
  return op->emitOpError("has result type ") << actual << ", expected " << expected;
}

static InFlightDiagnostic noSuchAxis(Operation *op, StringRef axis, Type type) {
  return op->emitOpError("works on axis '") << axis << "', which its operand lacks: " << type;
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = getInput().getType(), to = getResult().getType();
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the element type from ") << from.getElementType() << " to " << to.getElementType();
  for (auto [name, dim] : llvm::zip_equal(axesOf(from), from.getShape())) {
    int64_t i = axisIndex(to, name.getValue());
    if (i < 0)
      return emitOpError("loses axis '") << name.getValue() << "': " << from << " to " << to << " (R1)";
    if (to.getDimSize(i) != dim)
      return emitOpError("changes the size of axis '")
             << name.getValue() << "' from " << sizeText(dim) << " to " << sizeText(to.getDimSize(i));
  }
  return success();
}

LogicalResult SizeOp::verify() {
  if (!lookupAxis(*this, getAxis()))
    return emitOpError("asks for the size of '") << getAxis() << "', which is not an axis of this gate";
  return success();
}

/// Size of the coarser axis `to` of `axis`, checked; -1 after an error.
static int64_t coarseSize(Operation *op, StringRef axis, StringRef to) {
  AxisOp coarse = lookupAxis(op, to);
  if (!coarse) {
    op->emitOpError("works with groups '") << to << "', which is not an axis of this gate";
    return -1;
  }
  if (!groupMap(op, axis, to)) {
    InFlightDiagnostic diag = op->emitOpError("takes '")
                              << to << "' as groups of '" << axis << "', which it does not group";
    diag.attachNote(coarse.getLoc()) << "'" << to << "' is declared here";
    return -1;
  }
  return *coarse.getSize();
}

/// An axis that an operation adds must not be there already.
static LogicalResult checkNewAxis(Operation *op, RankedTensorType type, StringRef axis) {
  if (axisIndex(type, axis) >= 0)
    return op->emitOpError("makes axis '") << axis << "', which its operand has already: " << type;
  return success();
}

LogicalResult ExpandOp::verify() {
  RankedTensorType type = getInput().getType();
  if (axisIndex(type, getFrom()) < 0)
    return noSuchAxis(*this, getFrom(), type);
  if (failed(checkNewAxis(*this, type, getTo())))
    return failure();
  if (coarseSize(*this, getTo(), getFrom()) < 0)
    return failure();
  return expectResult(*this, getResult().getType(),
                      withAxis(type, getFrom(), getToAttr(), *lookupAxis(*this, getTo()).getSize()));
}

//===-- Reductions
//--------------------------------------------------------------------------------------------------===//

/// The slot axis of `valid` must be one that `op` works along, and `type` must have its batch axes.
static LogicalResult checkValid(Operation *op, Value valid, Type type, ArrayAttr along) {
  if (!valid)
    return success();
  auto selection = cast<SelectionType>(valid.getType());
  if (!llvm::is_contained(along, selection.getSlot()))
    return op->emitOpError("is valid by a selection with slot axis '")
           << selection.getSlot().getValue() << "', but does not work along it";
  for (StringAttr name : selection.getBatch())
    if (axisIndex(type, name.getValue()) < 0)
      return op->emitOpError("is valid by a selection for each '")
             << name.getValue() << "', an axis that its operand lacks";
  return success();
}

LogicalResult ReduceOp::verify() {
  RankedTensorType type = getInput().getType();
  bool exact = getKind() == ReduceKind::Sum || getKind() == ReduceKind::Max || getKind() == ReduceKind::Min;
  if (!exact && !isa<FloatType>(type.getElementType()))
    return emitOpError("takes integers for sum, max and min only");
  RankedTensorType expected = type;
  if (getOver().empty())
    return emitOpError("reduces over no axis");
  for (auto [i, name] : llvm::enumerate(getOver().getAsRange<StringAttr>())) {
    if (axisIndex(type, name.getValue()) < 0)
      return noSuchAxis(*this, name.getValue(), type);
    if (llvm::is_contained(getOver().getValue().take_front(i), name))
      return emitOpError("names axis '") << name.getValue() << "' twice";
    if (!getTo())
      expected = withoutAxis(expected, name.getValue());
  }
  if (failed(checkValid(*this, getValid(), type, getOver())))
    return failure();
  if (getTo()) {
    if (getOver().size() != 1)
      return emitOpError("coarsens one axis at a time, not ") << getOver().size();
    StringRef axis = cast<StringAttr>(getOver()[0]).getValue();
    int64_t size = coarseSize(*this, axis, *getTo());
    if (size < 0)
      return failure();
    if (failed(checkNewAxis(*this, type, *getTo())))
      return failure();
    expected = withAxis(type, axis, getToAttr(), size);
  }
  return expectResult(*this, getResult().getType(), expected);
}

/// An axis that must be there with a static size; its size, or -1 after an error.
static int64_t staticAxis(Operation *op, RankedTensorType type, StringRef axis) {
  int64_t i = axisIndex(type, axis);
  if (i < 0) {
    noSuchAxis(op, axis, type);
    return -1;
  }
  if (type.isDynamicDim(i)) {
    op->emitOpError("needs an axis of compile-time size, and '") << axis << "' has a run-time size";
    return -1;
  }
  return type.getDimSize(i);
}

LogicalResult SumTopOp::verify() {
  RankedTensorType type = getInput().getType();
  int64_t size = staticAxis(*this, type, getAxis()), n = getN();
  if (size < 0)
    return failure();
  RankedTensorType expected;
  if (getTo()) {
    int64_t coarse = coarseSize(*this, getAxis(), *getTo());
    if (coarse < 0 || failed(checkNewAxis(*this, type, *getTo())))
      return failure();
    SmallVector<int64_t> sizes = groupSizes(*this, getAxis(), *getTo());
    size = *llvm::min_element(sizes);
    expected = withAxis(type, getAxis(), getToAttr(), coarse);
  } else {
    expected = withoutAxis(type, getAxis());
  }
  if (n < 1 || n > size)
    return emitOpError("adds the ") << n << " greatest of " << size
                                    << (getTo() ? " values in the smallest group" : " values") << "; n is 1 to "
                                    << size;
  return expectResult(*this, getResult().getType(), expected);
}

LogicalResult KthOp::verify() {
  RankedTensorType type = getInput().getType();
  int64_t size = staticAxis(*this, type, getAxis()), k = getK();
  if (size < 0)
    return failure();
  if (k < 1 || k > size)
    return emitOpError("takes value number ") << k << " of " << size << "; k is 1 to " << size;
  return expectResult(*this, getResult().getType(), withoutAxis(type, getAxis()));
}

LogicalResult ArgmaxOp::verify() {
  RankedTensorType type = getInput().getType();
  if (staticAxis(*this, type, getAxis()) < 0)
    return failure();
  RankedTensorType rest = withoutAxis(type, getAxis());
  return expectResult(*this, getResult().getType(), rest.clone(IntegerType::get(getContext(), 32)));
}

//===-- Along an axis
//-----------------------------------------------------------------------------------------------===//

/// `op` works along `axis` of its operand of type `type`; `valid` is null or a selection with that slot axis.
static LogicalResult verifyAlong(Operation *op, Type type, StringAttr axis, Value valid = {}) {
  if (axisIndex(type, axis.getValue()) < 0)
    return noSuchAxis(op, axis.getValue(), type);
  return checkValid(op, valid, type, ArrayAttr::get(op->getContext(), {axis}));
}
LogicalResult SoftmaxOp::verify() { return verifyAlong(*this, getInput().getType(), getAxisAttr(), getValid()); }
LogicalResult NormalizeOp::verify() { return verifyAlong(*this, getInput().getType(), getAxisAttr(), getValid()); }
LogicalResult StandardizeOp::verify() {
  if (!getEps().isFinite() || (getEps().isNegative() && !getEps().isZero()))
    return emitOpError("has an eps that is negative or not finite");
  return verifyAlong(*this, getInput().getType(), getAxisAttr());
}

//===-- Selections
//--------------------------------------------------------------------------------------------------===//

/// The elements of the selected groups must suffice, even when the smallest groups are selected.
static LogicalResult verifyAmong(TopkOp op, SelectionType groups) {
  SelectionType selection = op.getResult().getType();
  if (groups.getBatch() != selection.getBatch())
    return op.emitOpError("picks among ") << groups << ", whose batch axes are not those of its result " << selection;
  StringRef axis = groups.getAxis().getValue();
  int64_t count = coarseSize(op, op.getAxis(), axis);
  if (count < 0)
    return failure();
  SmallVector<int64_t> sizes = groupSizes(op, op.getAxis(), axis);
  llvm::sort(sizes);
  int64_t smallest = 0;
  for (int64_t size : ArrayRef(sizes).take_front(std::min(groups.getSize(), count)))
    smallest += size;
  if (smallest < selection.getSize())
    return op.emitOpError("picks ") << selection.getSize() << " elements among " << groups.getSize() << " groups of '"
                                    << axis << "', which may hold only " << smallest;
  return success();
}

LogicalResult TopkOp::verify() {
  RankedTensorType type = getScore().getType();
  SelectionType selection = getResult().getType();
  int64_t size = staticAxis(*this, type, getAxis());
  if (size < 0)
    return failure();
  if (selection.getAxis().getValue() != getAxis())
    return emitOpError("selects along '")
           << getAxis() << "', but its result says '" << selection.getAxis().getValue() << "'";
  if (selection.getBatch() != axesOf(withoutAxis(type, getAxis())))
    return emitOpError("has the result ")
           << selection << ", whose batch axes are not the other axes of its operand " << type;
  if (selection.getSize() > size)
    return emitOpError("picks ") << selection.getSize() << " of " << size << " elements";
  return getAmong() ? verifyAmong(*this, cast<SelectionType>(getAmong().getType())) : success();
}

LogicalResult FirstOp::verify() {
  SelectionType from = getSelection().getType(), to = getResult().getType();
  if (from.getAxis() != to.getAxis() || from.getBatch() != to.getBatch())
    return emitOpError("changes the axes of the selection from ") << from << " to " << to;
  if (to.getSize() > from.getSize())
    return emitOpError("keeps ") << to.getSize() << " of " << from.getSize() << " slots";
  return success();
}

LogicalResult ForcedOp::verify() {
  RankedTensorType type = getIndex().getType();
  SelectionType selection = getResult().getType();
  if (axesOf(type).empty() || axesOf(type).drop_back() != selection.getBatch() ||
      type.getShape().back() != selection.getSize())
    return emitOpError("makes ") << selection << " from " << type << ", expected the batch axes, then one axis of "
                                 << selection.getSize() << " elements";
  return success();
}

LogicalResult GatherOp::verify() {
  RankedTensorType type = getInput().getType(), result = getResult().getType();
  SelectionType selection = getSelection().getType();
  if (axisIndex(type, selection.getAxis().getValue()) < 0)
    return noSuchAxis(*this, selection.getAxis().getValue(), type);
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getSlot());
  for (StringAttr name : axesOf(type))
    if (name != selection.getAxis() && !llvm::is_contained(axes, name))
      return emitOpError("gathers from a value with axis '") << name.getValue() << "', which the selection lacks";
  if (axesOf(result) != ArrayRef(axes) || result.getElementType() != type.getElementType())
    return emitOpError("has result type ")
           << result << ", expected the selection's batch axes, its slot axis and element type "
           << type.getElementType();
  return success();
}

LogicalResult ScatterOp::verify() {
  SelectionType selection = getSelection().getType();
  SmallVector<StringAttr> slots(selection.getBatch()), elements(selection.getBatch());
  slots.push_back(selection.getSlot());
  elements.push_back(selection.getAxis());
  if (axesOf(getInput().getType()) != ArrayRef(slots))
    return emitOpError("scatters a value on other axes than the selection's batch axes and '")
           << selection.getSlot().getValue() << "'";
  if (axesOf(getResult().getType()) != ArrayRef(elements) ||
      getElementTypeOrSelf(getResult().getType()) != getElementTypeOrSelf(getInput().getType()))
    return emitOpError("has a result on other axes than the selection's batch axes and '")
           << selection.getAxis().getValue() << "', or of another element type";
  return success();
}

LogicalResult ChosenOp::verify() {
  SelectionType selection = getSelection().getType();
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getAxis());
  if (axesOf(getResult().getType()) != ArrayRef(axes))
    return emitOpError("has result type ") << getResult().getType() << ", expected the selection's batch axes, then '"
                                           << selection.getAxis().getValue() << "'";
  return success();
}
