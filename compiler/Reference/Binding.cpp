// What a call says about the axes of its gate: sizes, groups that are known at run time only, what is masked.
#include "compiler/Reference/Frame.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

//===-- Sizes
//-------------------------------------------------------------------------------------------------------===//

/// What the type says of the arrays of the axes that operations make: slots, rows and bounds of a dispatch plan.
static void bindMadeAxes(Operation &op, Frame &frame) {
  for (Type type : op.getResultTypes())
    if (auto selection = dyn_cast<SelectionType>(type))
      frame.axisSizes[selection.getSlot()] = selection.getSize();
  auto plan = dyn_cast<PermuteOp>(op);
  if (!plan)
    return;
  SelectionType selection = plan.getSelection().getType();
  int64_t elements = frame.axisSizes.lookup(selection.getAxis());
  int64_t slots = frame.axisSizes.lookup(selection.getBatch()[0]) * selection.getSize();
  frame.axisSizes[axesOf(plan.getOffset().getType())[0]] = elements + 1;
  frame.axisSizes[axesOf(plan.getOrder().getType())[0]] = slots + elements * (static_cast<int64_t>(plan.getPad()) - 1);
}

/// The array that is passed as `name`, when it has that rank; else null (bindShapes says what is wrong).
static const Array *find(const Frame &frame, StringRef name, int64_t rank) {
  auto it = frame.inputs.find(name.str());
  bool fits = it != frame.inputs.end() && static_cast<int64_t>(it->second.sizes.size()) == rank;
  return fits ? &it->second : nullptr;
}

/// The number of pieces: from the offsets, or from the number of tokens, which the length must divide.
static llvm::Error bindPieces(AxisOp pieces, Frame &frame) {
  if (auto offsets = pieces.getOffsets()) {
    const Array *array = find(frame, *offsets, 1);
    if (!array)
      return llvm::Error::success();
    if (array->sizes[0] == 0)
      return errorAt(pieces, "offsets '" + *offsets + "' have no element, expected one more than there are pieces");
    frame.axisSizes[pieces.getSymNameAttr()] = array->sizes[0] - 1;
    return llvm::Error::success();
  }
  int64_t length = *pieces.getLength();
  auto tokens = frame.axisSizes.find(pieces.getOfAttr().getAttr());
  if (tokens == frame.axisSizes.end())
    return llvm::Error::success();
  int64_t count = tokens->second;
  if (count % length != 0)
    return errorAt(pieces, "'" + pieces.getSymName() + "' has pieces of " + Twine(length) +
                               " tokens, which do not divide the " + Twine(count) + " tokens");
  frame.axisSizes[pieces.getSymNameAttr()] = count / length;
  return llvm::Error::success();
}

/// An array of the call has the shape of its type. Axes of no known size get that of the array.
static llvm::Error bindShape(Operation *op, StringRef kind, StringRef name, RankedTensorType type, Frame &frame) {
  const Array &array = frame.inputs.at(name.str());
  if (static_cast<int64_t>(array.sizes.size()) != type.getRank())
    return errorAt(op, kind + " '" + name + "' has rank " + Twine(array.sizes.size()) + ", expected " +
                           Twine(type.getRank()));
  if (array.count() != static_cast<int64_t>(array.data.size()))
    return errorAt(op, kind + " '" + name + "' has " + Twine(array.data.size()) + " elements, its sizes say " +
                           Twine(array.count()));
  for (auto [axis, size] : llvm::zip_equal(axesOf(type), array.sizes)) {
    int64_t expected = frame.axisSizes.try_emplace(axis, size).first->second;
    if (size != expected)
      return errorAt(op, kind + " '" + name + "' has size " + Twine(size) + " on axis '" + axis.getValue() +
                             "', expected " + Twine(expected));
  }
  return llvm::Error::success();
}

/// Every array that is passed in belongs to an input, a parameter or a state, and has its shape.
static llvm::Error bindShapes(GateOp gate, Frame &frame) {
  llvm::StringSet<> known;
  for (auto param : gate.getOps<ParamOp>())
    known.insert(param.getName());
  for (auto input : gate.getOps<InputOp>()) {
    known.insert(input.getName());
    if (!frame.inputs.count(input.getName().str()))
      return errorAt(input, "input '" + input.getName() + "' is missing");
    if (llvm::Error error = bindShape(input, "input", input.getName(), input.getType(), frame))
      return error;
  }
  for (auto state : gate.getOps<StateOp>()) {
    known.insert(state.getName());
    if (!frame.inputs.count(state.getName().str()))
      continue;
    if (llvm::Error error = bindShape(state, "state", state.getName(), state.getType(), frame))
      return error;
  }
  for (const auto &[name, array] : frame.inputs)
    if (!known.contains(name))
      return errorAt(gate, "has no input, parameter or state named '" + Twine(name) + "'");
  return llvm::Error::success();
}

/// Sizes of all axes: static ones, those of run-time size from the options or the inputs, pieces from these, and those
/// that operations make.
static llvm::Error bindSizes(GateOp gate, Frame &frame) {
  for (auto axis : gate.getOps<AxisOp>()) {
    if (axis.getSize())
      frame.axisSizes[axis.getSymNameAttr()] = *axis.getSize();
    else if (frame.options.tokenCount && !axis.isPieces())
      frame.axisSizes[axis.getSymNameAttr()] = *frame.options.tokenCount;
  }
  if (AxisOp pieces = piecesOf(gate)) {
    for (auto input : gate.getOps<InputOp>()) // the number of tokens
      if (int64_t i = axisIndex(input.getType(), *pieces.getOf()); i >= 0)
        if (const Array *array = find(frame, input.getName(), input.getType().getRank()))
          frame.axisSizes.try_emplace(pieces.getOfAttr().getAttr(), array->sizes[i]);
    if (llvm::Error error = bindPieces(pieces, frame))
      return error;
  }
  if (llvm::Error error = bindShapes(gate, frame))
    return error;
  for (auto axis : gate.getOps<AxisOp>())
    if (!frame.axisSizes.contains(axis.getSymNameAttr()))
      return errorAt(axis,
                     "axis '" + axis.getSymName() + "' has no size: no input has it, and no token count is given");
  for (Operation &op : *gate.getBody().begin())
    bindMadeAxes(op, frame);
  return llvm::Error::success();
}

//===-- Groups
//------------------------------------------------------------------------------------------------------===//

/// Offsets begin with 0, never decrease, and end with the number of tokens. The piece of each token.
static llvm::Error bindOffsets(AxisOp pieces, Frame &frame, std::vector<int64_t> &piece) {
  const std::vector<double> &offsets = frame.inputs.at(pieces.getOffsets()->str()).data;
  auto wrong = [&](size_t i, const Twine &expected) {
    return errorAt(pieces, "offsets '" + *pieces.getOffsets() + "' have " + Twine(static_cast<int64_t>(offsets[i])) +
                               " at index " + Twine(i) + ", expected " + expected);
  };
  auto tokens = static_cast<double>(piece.size());
  if (offsets.front() != 0)
    return wrong(0, "0");
  for (size_t i = 1; i < offsets.size(); ++i)
    if (offsets[i] < offsets[i - 1])
      return wrong(i, "at least " + Twine(static_cast<int64_t>(offsets[i - 1])) + ", the offset before it");
  if (offsets.back() != tokens)
    return wrong(offsets.size() - 1, Twine(piece.size()) + ", the number of tokens");
  for (size_t i = 1; i < offsets.size(); ++i)
    std::fill(piece.begin() + static_cast<int64_t>(offsets[i - 1]), piece.begin() + static_cast<int64_t>(offsets[i]),
              i - 1);
  return llvm::Error::success();
}

/// A placement names groups that exist. The group of each element.
static llvm::Error bindPlacement(AxisOp axis, Frame &frame, std::vector<int64_t> &group) {
  const std::vector<double> &placement = frame.inputs.at(axis.getPlacement()->str()).data;
  auto size = static_cast<double>(*axis.getSize());
  for (size_t i = 0; i < group.size(); ++i) {
    if (placement[i] < 0 || placement[i] >= size)
      return errorAt(axis, "placement '" + *axis.getPlacement() + "' has " + Twine(static_cast<int64_t>(placement[i])) +
                               " at index " + Twine(i) + ", expected 0 to " + Twine(*axis.getSize() - 1));
    group[i] = static_cast<int64_t>(placement[i]);
  }
  return llvm::Error::success();
}

/// The group of each element of the axis that `axis` is `of`.
static llvm::Error bindGroups(AxisOp axis, Frame &frame) {
  StringRef finer = *axis.getOf();
  std::vector<int64_t> &group = frame.directGroups[axis.getSymNameAttr()];
  group.resize(frame.axisSizes.lookup(axis.getOfAttr().getAttr()));
  if (axis.getOffsets())
    return bindOffsets(axis, frame, group);
  if (axis.getPlacement())
    return bindPlacement(axis, frame, group);
  if (axis.getLength()) {
    for (size_t i = 0; i < group.size(); ++i)
      group[i] = i / *axis.getLength();
    return llvm::Error::success();
  }
  if (auto map = moe::groupMap(axis, finer, axis.getSymName())) // the verifier has checked that there is one
    group.assign(map->begin(), map->end());
  return llvm::Error::success();
}

llvm::Error reference::bindCall(GateOp gate, Frame &frame) {
  if (llvm::Error error = bindSizes(gate, frame))
    return error;
  for (auto axis : gate.getOps<AxisOp>())
    if (axis.getOf())
      if (llvm::Error error = bindGroups(axis, frame))
        return error;
  return llvm::Error::success();
}

//===-- The mask
//----------------------------------------------------------------------------------------------------===//

void reference::bindMask(GateOp gate, MaskOp mask, Frame &frame) {
  if (mask)
    for (Number valid : frame[mask.getValid()].data)
      frame.validTokens.push_back(valid.value != 0);
  if (mask && !mask.getApplied()) {
    frame.masked = mask.getAxisAttr();
    frame.parts[frame.masked] = frame.validTokens;
  }
  for (auto axis : gate.getOps<AxisOp>())
    if (!axis.getSize() && !axis.isPieces()) {
      bool isMasked = mask && axis.getSymName() == mask.getAxis();
      int64_t size = frame.axisSizes.lookup(axis.getSymNameAttr());
      frame.empty |= isMasked ? !llvm::is_contained(frame.validTokens, true) : size == 0;
    }
  AxisOp pieces = piecesOf(gate);
  if (!pieces)
    return;
  std::vector<bool> holds(frame.axisSizes.lookup(pieces.getSymNameAttr()), false);
  for (auto [token, piece] : llvm::enumerate(frame.directGroups.lookup(pieces.getSymNameAttr())))
    if (frame.takesPart(pieces.getOfAttr().getAttr(), token))
      holds[piece] = true;
  frame.parts[pieces.getSymNameAttr()] = std::move(holds);
}
