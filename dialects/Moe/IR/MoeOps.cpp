// Verifiers of the moe operations, and the small pieces of custom syntax they share.
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace moe;

//===-- Custom syntax -----------------------------------------------------------------------------------------------===//

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
static void printPlainF64(OpAsmPrinter &printer, Operation *, FloatAttr value) { printer.printAttributeWithoutType(value); }

#define GET_OP_CLASSES
#include "dialects/Moe/IR/MoeOps.cpp.inc"

//===-- Axis declarations -------------------------------------------------------------------------------------------===//

LogicalResult AxisOp::verify() {
  if (getSize() && *getSize() < 1)
    return emitOpError("has size ") << *getSize() << "; a static axis holds at least one element";
  if (!getOf()) {
    if (getMap())
      return emitOpError("has a map but no finer axis to map from");
    return success();
  }
  AxisOp finer = lookupAxis(getOperation()->getParentOp(), *getOf());
  if (!finer)
    return emitOpError("groups '") << *getOf() << "', which is not an axis of this gate";
  if (!finer->isBeforeInBlock(getOperation()))
    return emitOpError("groups '") << *getOf() << "', which is declared after it";
  if (!getSize())
    return success();
  if (!finer.getSize())
    return emitOpError("has a static size, but the axis it groups has none");
  int64_t fine = *finer.getSize(), coarse = *getSize();
  if (!getMap()) {
    if (fine % coarse != 0) { // R2
      InFlightDiagnostic diag = emitOpError("makes ") << coarse << " equal groups of '" << *getOf() << "', but " << coarse
                                                      << " does not divide its size " << fine << " (R2)";
      diag.attachNote(finer.getLoc()) << "'" << *getOf() << "' is declared here";
      return diag;
    }
    return success();
  }
  if (static_cast<int64_t>(getMap()->size()) != fine)
    return emitOpError("maps ") << getMap()->size() << " elements, but '" << *getOf() << "' has " << fine;
  SmallVector<bool> seen(coarse, false);
  for (int32_t group : getMapAttr().asArrayRef()) {
    if (group < 0 || group >= coarse)
      return emitOpError("maps to group ") << group << ", outside 0.." << coarse - 1;
    seen[group] = true;
  }
  for (auto [group, full] : llvm::enumerate(seen))
    if (!full) // R3
      return emitOpError("leaves group ") << group << " empty (R3)";
  return success();
}

//===-- Gate --------------------------------------------------------------------------------------------------------===//

/// Checks that each axis of `type` is declared, with the declared size. `slots` holds the slot axes made so far.
static LogicalResult checkAxes(Operation *op, Type type, const llvm::StringMap<int64_t> &slots) {
  auto check = [&](StringAttr name, std::optional<int64_t> dim) -> LogicalResult {
    if (auto slot = slots.find(name.getValue()); slot != slots.end()) {
      if (dim && *dim != slot->second)
        return op->emitOpError("has size ") << *dim << " on axis '" << name.getValue() << "' of size " << slot->second;
      return success();
    }
    AxisOp axis = lookupAxis(op, name.getValue());
    if (!axis)
      return op->emitOpError("uses axis '") << name.getValue() << "', which this gate does not declare";
    int64_t size = axis.getSize() ? static_cast<int64_t>(*axis.getSize()) : ShapedType::kDynamic;
    if (dim && *dim != size)
      return op->emitOpError("has size ") << (ShapedType::isDynamic(*dim) ? std::string("?") : std::to_string(*dim))
             << " on axis '" << name.getValue() << "' of size " << (ShapedType::isDynamic(size) ? std::string("?") : std::to_string(size));
    return success();
  };
  if (auto selection = dyn_cast<SelectionType>(type)) {
    for (StringAttr name : selection.getBatch())
      if (failed(check(name, std::nullopt)))
        return failure();
    return check(selection.getAxis(), std::nullopt);
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() == 0)
    return success();
  auto axes = dyn_cast_or_null<AxesAttr>(tensor.getEncoding());
  if (!axes)
    return op->emitOpError("has a tensor without axis names: ") << type;
  for (auto [name, dim] : llvm::zip_equal(axes.getNames(), tensor.getShape()))
    if (failed(check(name, dim)))
      return failure();
  return success();
}

LogicalResult GateOp::verifyRegions() {
  llvm::StringMap<int64_t> slots;
  llvm::StringSet<> reported; // inputs, params, losses, metrics and outputs share one namespace per direction
  for (Operation &op : *getBody().begin()) {
    if (op.getNumRegions() != 0)
      return op.emitOpError("has a region; the body of a gate is a straight line");
    for (Type type : op.getResultTypes()) {
      if (auto selection = dyn_cast<SelectionType>(type)) {
        if (lookupAxis(getOperation(), selection.getSlot().getValue()) ||
            !slots.try_emplace(selection.getSlot().getValue(), selection.getSize()).second)
          return op.emitOpError("makes the slot axis '") << selection.getSlot().getValue() << "', which exists already";
      }
      if (failed(checkAxes(&op, type, slots)))
        return failure();
    }
    StringAttr name = isa<InputOp, ParamOp, LossOp, MetricOp, OutputOp>(op) ? op.getAttrOfType<StringAttr>("name") : StringAttr();
    if (!name)
      if (auto input = dyn_cast<InputOp>(op))
        name = input.getNameAttr();
    bool in = isa<InputOp, ParamOp>(op);
    if (name && !reported.insert((in ? "in " : "out ") + name.getValue().str()).second)
      return op.emitOpError("uses the name '") << name.getValue() << "' a second time";
  }
  return success();
}

//===-- Shape -------------------------------------------------------------------------------------------------------===//

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
  auto from = cast<RankedTensorType>(getInput().getType()), to = cast<RankedTensorType>(getResult().getType());
  if (from.getElementType() != to.getElementType())
    return emitOpError("changes the element type from ") << from.getElementType() << " to " << to.getElementType();
  for (auto [name, dim] : llvm::zip_equal(axesOf(from), from.getShape())) {
    int64_t i = axisIndex(to, name.getValue());
    if (i < 0)
      return emitOpError("loses axis '") << name.getValue() << "': " << from << " to " << to;
    if (to.getDimSize(i) != dim)
      return emitOpError("changes the size of axis '") << name.getValue() << "'";
  }
  return success();
}

/// Size of the coarser axis `to` of `axis`, checked; -1 after an error.
static int64_t coarseSize(Operation *op, StringRef axis, StringRef to) {
  AxisOp coarse = lookupAxis(op, to);
  if (!coarse) {
    op->emitOpError("coarsens to '") << to << "', which is not an axis of this gate";
    return -1;
  }
  if (!coarse.getSize() || !groupMap(op, axis, to)) {
    op->emitOpError("coarsens '") << axis << "' to '" << to << "', which does not group it";
    return -1;
  }
  return *coarse.getSize();
}

LogicalResult ExpandOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  if (axisIndex(type, getFrom()) < 0)
    return noSuchAxis(*this, getFrom(), type);
  if (coarseSize(*this, getTo(), getFrom()) < 0)
    return failure();
  return expectResult(*this, getResult().getType(), withAxis(type, getFrom(), getToAttr(), *lookupAxis(*this, getTo()).getSize()));
}

//===-- Reductions --------------------------------------------------------------------------------------------------===//

/// `valid` must select with a slot axis that `type` has.
static LogicalResult checkValid(Operation *op, Value valid, Type type) {
  if (!valid)
    return success();
  StringAttr slot = cast<SelectionType>(valid.getType()).getSlot();
  if (axisIndex(type, slot.getValue()) < 0)
    return op->emitOpError("is valid by a selection with slot axis '") << slot.getValue() << "', which its operand lacks";
  return success();
}

LogicalResult ReduceOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  bool exact = getKind() == ReduceKind::Sum || getKind() == ReduceKind::Max || getKind() == ReduceKind::Min;
  if (!exact && !isa<FloatType>(type.getElementType()))
    return emitOpError("takes integers for sum, max and min only");
  if (failed(checkValid(*this, getValid(), type)))
    return failure();
  RankedTensorType expected = type;
  if (getOver().empty())
    return emitOpError("reduces over no axis");
  for (auto name : getOver().getAsRange<StringAttr>()) {
    if (axisIndex(expected, name.getValue()) < 0)
      return noSuchAxis(*this, name.getValue(), type);
    if (!getTo())
      expected = withoutAxis(expected, name.getValue());
  }
  if (getTo()) {
    if (getOver().size() != 1)
      return emitOpError("coarsens one axis at a time, not ") << getOver().size();
    StringRef axis = cast<StringAttr>(getOver()[0]).getValue();
    int64_t size = coarseSize(*this, axis, *getTo());
    if (size < 0)
      return failure();
    if (axisIndex(type, *getTo()) >= 0)
      return emitOpError("coarsens to '") << *getTo() << "', which its operand has already";
    expected = withAxis(type, axis, getToAttr(), size);
  }
  return expectResult(*this, getResult().getType(), expected);
}

/// Size of the smallest group of `axis` under `to`.
static int64_t smallestGroup(Operation *op, StringRef axis, StringRef to) {
  SmallVector<int64_t> sizes(*lookupAxis(op, to).getSize(), 0);
  SmallVector<int32_t> map = *groupMap(op, axis, to);
  for (int32_t group : map)
    ++sizes[group];
  return *llvm::min_element(sizes);
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
  auto type = cast<RankedTensorType>(getInput().getType());
  int64_t size = staticAxis(*this, type, getAxis());
  if (size < 0)
    return failure();
  RankedTensorType expected;
  if (getTo()) {
    int64_t coarse = coarseSize(*this, getAxis(), *getTo());
    if (coarse < 0)
      return failure();
    size = smallestGroup(*this, getAxis(), *getTo());
    expected = withAxis(type, getAxis(), getToAttr(), coarse);
  } else {
    expected = withoutAxis(type, getAxis());
  }
  if (static_cast<int64_t>(getN()) < 1 || static_cast<int64_t>(getN()) > size)
    return emitOpError("adds the ") << getN() << " greatest of " << size << " values";
  return expectResult(*this, getResult().getType(), expected);
}

LogicalResult KthOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  int64_t size = staticAxis(*this, type, getAxis());
  if (size < 0)
    return failure();
  if (static_cast<int64_t>(getK()) < 1 || static_cast<int64_t>(getK()) > size)
    return emitOpError("takes value number ") << getK() << " of " << size;
  return expectResult(*this, getResult().getType(), withoutAxis(type, getAxis()));
}

LogicalResult ArgmaxOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  if (staticAxis(*this, type, getAxis()) < 0)
    return failure();
  RankedTensorType rest = withoutAxis(type, getAxis());
  return expectResult(*this, getResult().getType(), rest.clone(IntegerType::get(getContext(), 32)));
}

//===-- Along an axis -----------------------------------------------------------------------------------------------===//

template <typename OpTy> static LogicalResult verifyAlong(OpTy op) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  if (axisIndex(type, op.getAxis()) < 0)
    return noSuchAxis(op, op.getAxis(), type);
  return success();
}
LogicalResult SoftmaxOp::verify() {
  return success(succeeded(verifyAlong(*this)) && succeeded(checkValid(*this, getValid(), getInput().getType())));
}
LogicalResult NormalizeOp::verify() {
  return success(succeeded(verifyAlong(*this)) && succeeded(checkValid(*this, getValid(), getInput().getType())));
}
LogicalResult StandardizeOp::verify() { return verifyAlong(*this); }

//===-- Selections --------------------------------------------------------------------------------------------------===//

LogicalResult TopkOp::verify() {
  auto type = cast<RankedTensorType>(getScore().getType());
  SelectionType selection = getResult().getType();
  int64_t size = staticAxis(*this, type, getAxis());
  if (size < 0)
    return failure();
  if (selection.getAxis().getValue() != getAxis())
    return emitOpError("selects along '") << getAxis() << "', but its result says '" << selection.getAxis().getValue() << "'";
  if (selection.getBatch() != axesOf(withoutAxis(type, getAxis())))
    return emitOpError("has a result with other batch axes than its operand");
  if (selection.getSize() > size)
    return emitOpError("picks ") << selection.getSize() << " of " << size << " elements";
  if (!getAmong())
    return success();
  auto groups = cast<SelectionType>(getAmong().getType());
  if (groups.getBatch() != selection.getBatch())
    return emitOpError("is among a selection with other batch axes");
  if (coarseSize(*this, getAxis(), groups.getAxis().getValue()) < 0)
    return failure();
  SmallVector<int64_t> sizes(*lookupAxis(*this, groups.getAxis().getValue()).getSize(), 0);
  SmallVector<int32_t> map = *groupMap(*this, getAxis(), groups.getAxis().getValue());
  for (int32_t group : map)
    ++sizes[group];
  llvm::sort(sizes);
  int64_t smallest = 0;
  for (int64_t i = 0; i < std::min<int64_t>(groups.getSize(), sizes.size()); ++i)
    smallest += sizes[i];
  if (smallest < selection.getSize())
    return emitOpError("picks ") << selection.getSize() << " elements among " << groups.getSize() << " groups of '"
           << groups.getAxis().getValue() << "', which may hold only " << smallest;
  return success();
}

LogicalResult FirstOp::verify() {
  SelectionType from = getSelection().getType(), to = getResult().getType();
  if (from.getAxis() != to.getAxis() || from.getBatch() != to.getBatch())
    return emitOpError("changes the axes of the selection");
  if (to.getSize() > from.getSize())
    return emitOpError("keeps ") << to.getSize() << " of " << from.getSize() << " slots";
  return success();
}

LogicalResult GatherOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType()), result = cast<RankedTensorType>(getResult().getType());
  SelectionType selection = getSelection().getType();
  if (axisIndex(type, selection.getAxis().getValue()) < 0)
    return noSuchAxis(*this, selection.getAxis().getValue(), type);
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getSlot());
  for (StringAttr name : axesOf(type))
    if (name != selection.getAxis() && !llvm::is_contained(axes, name))
      return emitOpError("gathers from a value with axis '") << name.getValue() << "', which the selection lacks";
  if (axesOf(result) != ArrayRef(axes) || result.getElementType() != type.getElementType())
    return emitOpError("has result type ") << result << ", expected the selection's axes and element type " << type.getElementType();
  return success();
}

LogicalResult ChosenOp::verify() {
  SelectionType selection = getSelection().getType();
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getAxis());
  if (axesOf(getResult().getType()) != ArrayRef(axes))
    return emitOpError("has a result on other axes than the selection's batch axes and '") << selection.getAxis().getValue() << "'";
  return success();
}
