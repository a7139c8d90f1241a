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

/// The sizes of the array that is passed as `name`, when it has that many; else null (bindShapes says what is wrong).
static const std::vector<int64_t> *sizesOf(const Frame &frame, StringRef name, int64_t rank) {
  auto it = frame.inputs.find(name.str());
  bool fits = it != frame.inputs.end() && static_cast<int64_t>(it->second.sizes.size()) == rank;
  return fits ? &it->second.sizes : nullptr;
}

/// What an axis of pieces divides, for messages.
static std::string elementsOf(AxisOp pieces) {
  AxisOp finer = lookupAxis(pieces, *pieces.getOf());
  return finer.isPieces() ? ("elements of '" + finer.getSymName() + "'").str() : "tokens";
}

/// Sets the size of an axis of run-time size that is not pieces: what the options say, or an array that has it.
static void bindTokens(AxisOp axis, GateOp gate, Frame &frame) {
  if (axis.getLayers())
    frame.layers = static_cast<int64_t>(*axis.getLayers());
  if (frame.options.tokenCount)
    frame.axisSizes[axis.getSymNameAttr()] = frame.layers * *frame.options.tokenCount;
  for (auto input : gate.getOps<InputOp>()) {
    int64_t rank = input.getType().getRank(), inFront = input.getLayered() ? 1 : 0;
    if (int64_t i = axisIndex(input.getType(), axis.getSymName()); i >= 0)
      if (const std::vector<int64_t> *sizes = sizesOf(frame, input.getName(), rank + inFront))
        frame.axisSizes.try_emplace(axis.getSymNameAttr(), frame.layers * (*sizes)[i + inFront]);
  }
}

/// The number of pieces: from the offsets, or from the number of what they divide.
static llvm::Error bindPieces(AxisOp pieces, Frame &frame) {
  StringAttr axis = pieces.getSymNameAttr();
  int64_t layers = frame.isInEachLayer(pieces) ? frame.layers : 1; // that have pieces of their own
  if (auto offsets = pieces.getOffsets()) {
    const std::vector<int64_t> *sizes = sizesOf(frame, *offsets, 1);
    if (!sizes)
      return llvm::Error::success();
    if ((*sizes)[0] == 0)
      return errorAt(pieces, "offsets '" + *offsets + "' have no element, expected one more than there are pieces");
    frame.axisSizes[axis] = layers * ((*sizes)[0] - 1);
    return llvm::Error::success();
  }
  auto divided = frame.axisSizes.find(pieces.getOfAttr().getAttr());
  if (divided == frame.axisSizes.end())
    return llvm::Error::success();
  int64_t count = divided->second / layers, number = pieces.getCount().value_or(0);
  int64_t length = pieces.getLength() ? static_cast<int64_t>(*pieces.getLength()) : number;
  std::string elements = elementsOf(pieces);
  std::string what =
      number ? std::to_string(number) + " pieces" : "pieces of " + std::to_string(length) + " " + elements;
  if (count % length != 0)
    return errorAt(pieces, "'" + pieces.getSymName() + "' has " + what + ", which do not divide the " + Twine(count) +
                               " " + elements);
  frame.axisSizes[axis] = number ? number : layers * (count / length);
  return llvm::Error::success();
}

/// The sizes that the caller's array of an input has; those that no axis says yet (nullopt) are taken from the array.
static SmallVector<std::pair<std::string, std::optional<int64_t>>> shapeOf(InputOp input, const Frame &frame) {
  SmallVector<std::pair<std::string, std::optional<int64_t>>> shape;
  if (input.getLayered())
    shape.push_back({input.getLayered()->str(), frame.layers});
  for (StringAttr axis : axesOf(input.getType())) {
    auto size = frame.axisSizes.find(axis);
    AxisOp declared = lookupAxis(input, axis.getValue());
    int64_t layers = frame.isInEachLayer(declared) ? frame.layers : 1;
    shape.push_back({axis.str(), size == frame.axisSizes.end() ? std::nullopt : std::optional(size->second / layers)});
  }
  return shape;
}

/// An array of the call has these sizes.
static llvm::Error bindShape(Operation *op, StringRef kind, StringRef name,
                             ArrayRef<std::pair<std::string, std::optional<int64_t>>> shape, const Frame &frame) {
  const Array &array = frame.inputs.at(name.str());
  if (array.sizes.size() != shape.size())
    return errorAt(op, kind + " '" + name + "' has rank " + Twine(array.sizes.size()) + ", expected " +
                           Twine(shape.size()));
  if (array.count() != static_cast<int64_t>(array.data.size()))
    return errorAt(op, kind + " '" + name + "' has " + Twine(array.data.size()) + " elements, its sizes say " +
                           Twine(array.count()));
  for (auto [axis, size] : llvm::zip_equal(shape, array.sizes))
    if (size != axis.second.value_or(size))
      return errorAt(op, kind + " '" + name + "' has size " + Twine(size) + " on axis '" + axis.first + "', expected " +
                             Twine(*axis.second));
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
    if (llvm::Error error = bindShape(input, "input", input.getName(), shapeOf(input, frame), frame))
      return error;
    const std::vector<int64_t> &sizes = frame.inputs.at(input.getName().str()).sizes;
    for (auto [i, axis] : llvm::enumerate(axesOf(input.getType()))) { // bounds; pieces of tokens of no known number
      AxisOp declared = lookupAxis(input, axis.getValue());
      int64_t layers = frame.isInEachLayer(declared) ? frame.layers : 1;
      frame.axisSizes.try_emplace(axis, sizes[i + (input.getLayered() ? 1 : 0)] * layers);
    }
  }
  for (auto state : gate.getOps<StateOp>()) {
    known.insert(state.getName());
    if (!frame.inputs.count(state.getName().str()))
      continue;
    SmallVector<std::pair<std::string, std::optional<int64_t>>> shape;
    for (auto [axis, size] : llvm::zip_equal(axesOf(state.getType()), state.getType().getShape()))
      shape.push_back({axis.str(), size});
    if (llvm::Error error = bindShape(state, "state", state.getName(), shape, frame))
      return error;
  }
  for (const auto &[name, array] : frame.inputs)
    if (!known.contains(name))
      return errorAt(gate, "has no input, parameter or state named '" + Twine(name) + "'");
  return llvm::Error::success();
}

/// Sizes of all axes: static ones, those of run-time size from the options or the inputs, pieces from these, one level
/// after the other, and those that operations make.
static llvm::Error bindSizes(GateOp gate, Frame &frame) {
  for (auto axis : gate.getOps<AxisOp>()) {
    if (axis.getSize())
      frame.axisSizes[axis.getSymNameAttr()] = *axis.getSize();
    else if (!axis.isPieces())
      bindTokens(axis, gate, frame);
    else if (llvm::Error error = bindPieces(axis, frame))
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

/// Offsets begin with 0, never decrease, and end with the number of what they divide. The piece of each element; where
/// there are layers, the same pieces in each.
static llvm::Error bindOffsets(AxisOp pieces, Frame &frame, std::vector<int64_t> &piece) {
  const std::vector<double> &offsets = frame.inputs.at(pieces.getOffsets()->str()).data;
  auto wrong = [&](size_t i, const Twine &expected) {
    return errorAt(pieces, "offsets '" + *pieces.getOffsets() + "' have " + Twine(static_cast<int64_t>(offsets[i])) +
                               " at index " + Twine(i) + ", expected " + expected);
  };
  int64_t layers = frame.isInEachLayer(pieces) ? frame.layers : 1;
  int64_t elements = static_cast<int64_t>(piece.size()) / layers, count = static_cast<int64_t>(offsets.size()) - 1;
  if (offsets.front() != 0)
    return wrong(0, "0");
  for (size_t i = 1; i < offsets.size(); ++i)
    if (offsets[i] < offsets[i - 1])
      return wrong(i, "at least " + Twine(static_cast<int64_t>(offsets[i - 1])) + ", the offset before it");
  if (offsets.back() != static_cast<double>(elements))
    return wrong(offsets.size() - 1, Twine(elements) + ", the number of " + elementsOf(pieces));
  for (int64_t layer = 0; layer < layers; ++layer)
    for (int64_t i = 0; i < count; ++i)
      std::fill(piece.begin() + layer * elements + static_cast<int64_t>(offsets[i]),
                piece.begin() + layer * elements + static_cast<int64_t>(offsets[i + 1]), layer * count + i);
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
  if (axis.isPieces()) { // of one length
    int64_t count = axis.getCount().value_or(0);
    int64_t length = count ? static_cast<int64_t>(group.size()) / count : static_cast<int64_t>(*axis.getLength());
    for (size_t i = 0; i < group.size(); ++i)
      group[i] = static_cast<int64_t>(i) / length;
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
  for (AxisOp pieces : pieceAxes(gate)) { // what they divide has been before them
    std::vector<bool> holds(frame.axisSizes.lookup(pieces.getSymNameAttr()), false);
    for (auto [element, piece] : llvm::enumerate(frame.directGroups.lookup(pieces.getSymNameAttr())))
      if (frame.takesPart(pieces.getOfAttr().getAttr(), static_cast<int64_t>(element)))
        holds[piece] = true;
    frame.parts[pieces.getSymNameAttr()] = std::move(holds);
  }
}
