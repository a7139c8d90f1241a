// Verifiers of the moe operations but those on selections (MoeSelections.cpp), and the small pieces of custom syntax
// that all share.
#include "dialects/Moe/IR/TensorBuilder.h"
#include "dialects/Moe/IR/Verifier.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace moe;
using namespace moe::verifier;

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

/// Pieces are made by one of `length`, `offsets` and `count`, of an axis of run-time size.
static LogicalResult verifyPieces(AxisOp axis) {
  if (axis.getLayers() && (axis.getSize() || axis.getOf() || static_cast<int64_t>(*axis.getLayers()) < 1))
    return axis.emitOpError("has layers; the axis of the tokens may have them, one or more");
  if (!axis.isPieces())
    return axis.getOf() && !axis.getSize() ? axis.emitOpError("groups '")
                                                 << *axis.getOf()
                                                 << "', but has neither size, `length`, `offsets` nor `count`"
                                           : LogicalResult(success());
  if (axis.getLength().has_value() + axis.getOffsets().has_value() + axis.getCount().has_value() > 1)
    return axis.emitOpError("has more than one of length, offsets and count; one of them says where its pieces are");
  if (axis.getLength() && static_cast<int64_t>(*axis.getLength()) < 1)
    return axis.emitOpError("has pieces of length ")
           << static_cast<int64_t>(*axis.getLength()) << "; expected 1 or more";
  if (axis.getCount() && static_cast<int64_t>(*axis.getCount()) < 1)
    return axis.emitOpError("has ") << static_cast<int64_t>(*axis.getCount()) << " pieces; expected 1 or more";
  AxisOp finer = axis.getOf() ? lookupAxis(axis->getParentOp(), *axis.getOf()) : AxisOp();
  if (axis.getSize() || !finer || finer.getSize())
    return axis.emitOpError(
        "makes pieces, which an axis without size of the axis of the tokens, or of their pieces, does");
  return success();
}

LogicalResult AxisOp::verify() {
  if (getSize() && (static_cast<int64_t>(*getSize()) < 1 || static_cast<int64_t>(*getSize()) > maxSize))
    return emitOpError("has size ") << static_cast<int64_t>(*getSize()) << "; a static axis holds 1 to " << maxSize
                                    << " elements";
  if (getPlacement() && (getMap() || !getOf() || !getSize()))
    return emitOpError("has a placement, and ") << (getMap()   ? "a map too"
                                                    : !getOf() ? "no finer axis to place: write `of`"
                                                               : "no size");
  if (getMap() && (!getOf() || !getSize()))
    return emitOpError("has a map, but no ")
           << (getOf() ? "size: write how many groups there are" : "finer axis to map from: write `of`");
  if (failed(verifyPieces(*this)))
    return failure();
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
  if (getPlacement())
    return success();
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

/// `sequence.bound` is one longer than the axis of pieces `sequence`, and the only axis of its offsets.
static LogicalResult isOffsetsAxis(Operation *op, StringRef name, std::optional<int64_t> dim) {
  AxisOp axis = lookupAxis(op, name.drop_back(StringRef(".bound").size()));
  if (!axis || !axis.getOffsets() || *axis.getOffsets() != cast<InputOp>(op).getName())
    return op->emitOpError("uses axis '") << name << "', which is only that of the offsets of pieces";
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getRank() != 1 || !ShapedType::isDynamic(*dim) || !type.getElementType().isInteger(32))
    return op->emitOpError("is the offsets of '")
           << axis.getSymName() << "', expected tensor<?xi32, #moe.axes<" << name << ">> and not " << type;
  return success();
}

/// Checks that each axis of `type` is declared, with the declared size. `slots` holds the slot axes made so far.
static LogicalResult checkAxes(Operation *op, Type type, const llvm::StringMap<int64_t> &slots) {
  auto check = [&](StringAttr name, std::optional<int64_t> dim) -> LogicalResult {
    int64_t size;
    if (auto slot = slots.find(name.getValue()); slot != slots.end())
      size = slot->second;
    else if (name.getValue().ends_with(".bound") && isa<InputOp>(op)) // the offsets of the pieces
      return isOffsetsAxis(op, name.getValue(), dim);
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
  if (auto plan = dyn_cast<PermuteOp>(op))
    for (Value made : {plan.getOrder(), plan.getOffset()})
      for (auto [name, size] :
           llvm::zip_equal(axesOf(made.getType()), cast<RankedTensorType>(made.getType()).getShape()))
        if (lookupAxis(gate, name.getValue()) || !slots.try_emplace(name.getValue(), size).second)
          return op->emitOpError("makes the axis '") << name.getValue() << "', which exists already (R5)";
  for (Type type : op->getResultTypes()) {
    auto selection = dyn_cast<SelectionType>(type);
    bool given = isa<ForcedOp>(op) && axisIndex(op->getOperand(0).getType(), selection.getSlot().getValue()) >= 0;
    bool kept = isa<FilterOp, LimitOp>(op) || (given && slots.contains(selection.getSlot().getValue()));
    if (selection && kept) // the slot axis of the operand
      continue;
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

/// How many times tokens may be divided.
static constexpr int64_t maxDepth = 6;

/// The pieces of a gate are one chain: each axis of them divides the one before, the first of them the tokens.
static LogicalResult verifyChain(GateOp gate) {
  AxisOp last;
  int64_t depth = 0;
  for (AxisOp axis : pieceAxes(gate)) {
    if (last ? *axis.getOf() != last.getSymName() : lookupAxis(axis, *axis.getOf()).isPieces()) {
      InFlightDiagnostic diag = axis.emitOpError("divides '")
                                << *axis.getOf() << "'; the axes of pieces of a gate are one chain";
      if (last)
        diag.attachNote(last.getLoc()) << "this one stands before it, and divides '" << *last.getOf() << "'";
      return diag;
    }
    if (++depth > maxDepth)
      return axis.emitOpError("is level ") << depth << " of pieces; " << maxDepth << " is the most";
    last = axis;
  }
  return success();
}

/// `layered` says of an input or output which axis the caller's array has in front of that of tokens or pieces.
static LogicalResult verifyLayered(Operation *op) {
  auto layered = isa<InputOp, OutputOp>(op) ? op->getAttrOfType<StringAttr>("layered") : StringAttr();
  if (!layered)
    return success();
  Value value = isa<InputOp>(op) ? op->getResult(0) : op->getOperand(0);
  auto selection = dyn_cast<SelectionType>(value.getType());
  ArrayRef<StringAttr> axes = selection ? selection.getBatch() : axesOf(value.getType());
  AxisOp outer = axes.empty() ? AxisOp() : lookupAxis(op, axes[0].getValue());
  if (layered.empty() || llvm::is_contained(axes, layered))
    return op->emitOpError("is layered by '") << layered.getValue() << "', expected an axis that it does not have";
  if (!outer || outer.getSize())
    return op->emitOpError("is layered, which only an array of tokens or their pieces can be");
  SmallVector<AxisOp> pieces = pieceAxes(op);
  AxisOp tokens = outer.isPieces() ? lookupAxis(op, *pieces.front().getOf()) : outer;
  if (!tokens.getLayers())
    return op->emitOpError("is layered, but '") << tokens.getSymName() << "' has no layers";
  return success();
}

/// One mask, one chain of pieces, an input for each array that an axis names.
static LogicalResult verifyGroups(GateOp gate) {
  if (failed(verifyChain(gate)))
    return failure();
  Operation *mask = nullptr;
  auto unique = [](Operation *op, Operation *&first, StringRef what) -> LogicalResult {
    if (first) {
      InFlightDiagnostic diag = op->emitOpError("is the second ") << what << " of the gate, which has one at most";
      diag.attachNote(first->getLoc()) << "this is the first";
      return diag;
    }
    first = op;
    return success();
  };
  llvm::StringMap<RankedTensorType> inputs;
  for (auto input : gate.getBody().front().getOps<InputOp>())
    inputs[input.getName()] = input.getType();
  for (Operation &op : gate.getBody().front()) {
    auto axis = dyn_cast<AxisOp>(op);
    if (isa<MaskOp>(op) && failed(unique(&op, mask, "mask")))
      return failure();
    std::optional<StringRef> name = !axis ? std::nullopt : axis.getOffsets() ? axis.getOffsets() : axis.getPlacement();
    if (!name)
      continue;
    RankedTensorType type = inputs.lookup(*name);
    std::string wanted = axis.getOffsets() ? (axis.getSymName() + ".bound").str() : axis.getOf()->str();
    if (!type || type.getRank() != 1 || axisIndex(type, wanted) != 0 || !type.getElementType().isInteger(32))
      return op.emitOpError("takes its groups from '")
             << *name << "', which is not an input of i32 on the axis '" << wanted << "'";
  }
  return success();
}

LogicalResult GateOp::verifyRegions() {
  llvm::StringMap<int64_t> slots;
  llvm::StringMap<Operation *> arrays;
  for (Operation &op : getBody().front())
    if (failed(noteSlots(*this, &op, slots)))
      return failure();
  if (failed(verifyGroups(*this)))
    return failure();
  llvm::StringMap<int64_t> above;
  for (Operation &op : getBody().front()) {
    if (failed(checkBodyOp(&op, isa<InputOp>(op) ? above : slots)) || failed(noteSlots(*this, &op, above)) ||
        failed(verifyLayered(&op)))
      return failure();
    if (!isa<InputOp, ParamOp, StateOp, LossOp, MetricOp, OutputOp>(op))
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

/// The first axis of run-time size of a type, or nothing.
static StringRef runTimeAxis(RankedTensorType type) {
  for (auto [name, dim] : llvm::zip_equal(axesOf(type), type.getShape()))
    if (ShapedType::isDynamic(dim))
      return name.getValue();
  return "";
}

LogicalResult MetricOp::verify() {
  if (StringRef axis = runTimeAxis(getValue().getType()); !axis.empty())
    return emitOpError("has the run-time axis '") << axis << "'; reduce over it first, or write an output";
  return success();
}

LogicalResult StateOp::verify() {
  if (StringRef axis = runTimeAxis(getType()); !axis.empty())
    return emitOpError("has the run-time axis '") << axis << "'; a state has the same size in each step";
  return success();
}

LogicalResult OutputOp::verify() {
  if (!getStore())
    return success();
  auto tensor = dyn_cast<RankedTensorType>(getValue().getType());
  bool narrows = tensor && tensor.getElementType().isF32() && (getStore()->isBF16() || getStore()->isF16());
  narrows |=
      (!tensor || tensor.getElementType().isInteger(32)) && (getStore()->isInteger(16) || getStore()->isInteger(64));
  if (!narrows && (!tensor || tensor.getElementType() != *getStore()))
    return emitOpError("stores ") << getValue().getType() << " as " << *getStore()
                                  << "; only f32 can be stored as bf16 or f16, and i32 and selections as i16 or i64";
  return success();
}

LogicalResult UpdateOp::verify() {
  StateOp state;
  for (auto candidate : (*this)->getBlock()->getOps<StateOp>())
    if (candidate.getName() == getName())
      state = candidate;
  if (!state)
    return emitOpError("updates '") << getName() << "', which is not a state of this gate";
  if (state.getType() != getValue().getType())
    return emitOpError("gives '") << getName() << "' a value of type " << getValue().getType() << ", but it has "
                                  << state.getType();
  for (auto other : (*this)->getBlock()->getOps<UpdateOp>())
    if (other != *this && other.getName() == getName() && other->isBeforeInBlock(*this))
      return emitOpError("updates '") << getName() << "' a second time";
  return success();
}

LogicalResult MaskOp::verify() {
  AxisOp axis = lookupAxis(*this, getAxis());
  if (!axis || axis.getSize() || axis.isPieces())
    return emitOpError("masks '") << getAxis() << "', which is not the axis of the tokens";
  RankedTensorType type = getValid().getType();
  if (type.getRank() != 1 || axisIndex(type, getAxis()) != 0)
    return emitOpError("masks '") << getAxis() << "' by a value on other axes: " << type;
  return success();
}

//===-- Shape
//-------------------------------------------------------------------------------------------------------===//

LogicalResult verifier::expectResult(Operation *op, Type actual, Type expected) {
  if (actual == expected)
    return success();
  return op->emitOpError("has result type ") << actual << ", expected " << expected;
}

InFlightDiagnostic verifier::noSuchAxis(Operation *op, StringRef axis, Type type) {
  return op->emitOpError("works on axis '") << axis << "', which its operand lacks: " << type;
}

int64_t verifier::coarseSize(Operation *op, StringRef axis, StringRef to) {
  AxisOp coarse = lookupAxis(op, to);
  if (!coarse) {
    op->emitOpError("works with groups '") << to << "', which is not an axis of this gate";
    return noSize;
  }
  bool known =
      groupMap(op, axis, to).has_value() || (coarsens(op, axis, to) && coarse.isPieces()) || placementOf(op, axis, to);
  if (!known) {
    InFlightDiagnostic diag = op->emitOpError("takes '")
                              << to << "' as groups of '" << axis << "', which it does not group";
    diag.attachNote(coarse.getLoc()) << "'" << to << "' is declared here";
    return noSize;
  }
  return coarse.getSize() ? static_cast<int64_t>(*coarse.getSize()) : ShapedType::kDynamic;
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
  SmallVector<StringAttr> axes;
  SmallVector<int64_t> sizes;
  if (getTo()) {
    int64_t size = coarseSize(*this, getAxis(), *getTo());
    if (size == noSize)
      return failure();
    axes.push_back(getToAttr());
    sizes.push_back(size);
  }
  return expectResult(*this, getType(), tensorOf(IntegerType::get(getContext(), 32), axes, sizes));
}

LogicalResult IndexOp::verify() {
  AxisOp axis = lookupAxis(*this, getAxis());
  bool isSlot = axisIndex(getType(), getAxis()) == 0 && !axis; // of a selection
  if (!axis && !isSlot)
    return emitOpError("asks for positions along '") << getAxis() << "', which is not an axis of this gate";
  if (getTo() && (!lookupAxis(*this, *getTo()) || !coarsens(*this, getAxis(), *getTo())))
    return emitOpError("counts from the start of '") << *getTo() << "', which does not group '" << getAxis() << "'";
  if (getType().getRank() != 1 || axisIndex(getType(), getAxis()) != 0)
    return emitOpError("has a result on other axes than '") << getAxis() << "': " << getType();
  return success();
}

LogicalResult ShiftOp::verify() {
  AxisOp axis = lookupAxis(*this, getAxis());
  if (!axis || axis.getSize() || axis.isPieces())
    return emitOpError("shifts along '") << getAxis() << "', which is not the axis of the tokens";
  if (getDistance() == 0)
    return emitOpError("shifts by 0; expected a distance to what stands before (1 or more) or behind (-1 or less)");
  return axisIndex(getInput().getType(), getAxis()) < 0 ? noSuchAxis(*this, getAxis(), getInput().getType())
                                                        : LogicalResult(success());
}

LogicalResult RandomOp::verify() {
  if (!getType().getElementType().isF32() && !getType().getElementType().isF64())
    return emitOpError("makes numbers of type ") << getType().getElementType() << ", expected f32 or f64";
  int64_t fixed = 0;
  for (auto [name, size] : llvm::zip_equal(axesOf(getType()), getType().getShape())) {
    AxisOp axis = lookupAxis(*this, name.getValue());
    if (axis && axis.isPieces())
      return emitOpError("makes numbers for each piece, on axis '") << name.getValue() << "'; tokens have them";
    fixed += !ShapedType::isDynamic(size);
  }
  if (fixed > 1)
    return emitOpError("has ") << fixed << " static axes; one at most stands beside the tokens";
  if (static_cast<int64_t>(getStream()) < 0 || static_cast<int64_t>(getStream()) >= 4096)
    return emitOpError("has stream ") << static_cast<int64_t>(getStream()) << "; streams are 0 to 4095";
  return success();
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
  if (coarseSize(*this, getTo(), getFrom()) == noSize)
    return failure();
  AxisOp fine = lookupAxis(*this, getTo());
  return expectResult(*this, getResult().getType(),
                      withAxis(type, getFrom(), getToAttr(),
                               fine.getSize() ? static_cast<int64_t>(*fine.getSize()) : ShapedType::kDynamic));
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
    if (size == noSize)
      return failure();
    if (failed(checkNewAxis(*this, type, *getTo())))
      return failure();
    expected = withAxis(type, axis, getToAttr(), size);
  }
  return expectResult(*this, getResult().getType(), expected);
}

int64_t verifier::staticAxis(Operation *op, RankedTensorType type, StringRef axis) {
  int64_t i = axisIndex(type, axis);
  if (i < 0) {
    noSuchAxis(op, axis, type);
    return noSize;
  }
  if (type.isDynamicDim(i)) {
    op->emitOpError("needs an axis of compile-time size, and '") << axis << "' has a run-time size";
    return noSize;
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
    if (coarse != noSize && !groupMap(*this, getAxis(), *getTo()))
      return emitOpError("adds up groups '") << *getTo() << "', which are known at run time only";
    if (coarse == noSize || failed(checkNewAxis(*this, type, *getTo())))
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
