// Verifiers of the operations that make selections and work on them.
#include "dialects/Moe/IR/TensorBuilder.h"
#include "dialects/Moe/IR/Verifier.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::verifier;

/// The elements of the selected groups must suffice, even when the smallest groups are selected.
static LogicalResult verifyAmong(TopkOp op, SelectionType groups) {
  SelectionType selection = op.getResult().getType();
  if (groups.getBatch() != selection.getBatch())
    return op.emitOpError("picks among ") << groups << ", whose batch axes are not those of its result " << selection;
  StringRef axis = groups.getAxis().getValue();
  int64_t count = coarseSize(op, op.getAxis(), axis);
  if (count == noSize)
    return failure();
  if (!groupMap(op, op.getAxis(), axis)) // groups of a placement may be of any size
    return success();
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

/// A value for each slot: on the batch axes of the selection, then its slot axis.
static LogicalResult checkPerSlot(Operation *op, SelectionType selection, Type type, StringRef what) {
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getSlot());
  if (axesOf(type) != ArrayRef(axes) || cast<RankedTensorType>(type).getShape().back() != selection.getSize())
    return op->emitOpError("has ") << what << " of type " << type
                                   << ", expected the selection's batch axes, then its slot axis";
  return success();
}

LogicalResult FilledOp::verify() {
  return checkPerSlot(*this, getSelection().getType(), getResult().getType(), "a result");
}
LogicalResult FilterOp::verify() {
  return checkPerSlot(*this, getSelection().getType(), getCondition().getType(), "a condition");
}

LogicalResult AppendOp::verify() {
  SelectionType from = getSelection().getType(), to = getResult().getType();
  if (from.getAxis() != to.getAxis() || from.getBatch() != to.getBatch())
    return emitOpError("changes the axes of the selection from ") << from << " to " << to;
  if (to.getSize() != from.getSize() + static_cast<int64_t>(getElements().size()))
    return emitOpError("appends ") << getElements().size() << " slots to " << from.getSize() << " and makes "
                                   << to.getSize();
  for (int32_t element : getElements())
    if (element < 0)
      return emitOpError("appends element ") << element << "; elements count from 0";
  return success();
}

/// The batch of `selection` is the tokens, behind static axes (layers), where `layers` allows them: each layer has
/// queues of its own. `per` is null or an axis of pieces of the tokens, or of pieces of their pieces.
static LogicalResult checkQueue(Operation *op, SelectionType selection, std::optional<StringRef> per, bool layers) {
  ArrayRef<StringAttr> batch = selection.getBatch();
  if (batch.empty() || (!layers && batch.size() != 1))
    return op->emitOpError("ranks a selection with ")
           << batch.size() << " batch axes, expected the tokens" << (layers ? "" : " alone");
  for (StringAttr name : batch.drop_back())
    if (AxisOp axis = lookupAxis(op, name.getValue()); !axis || !axis.getSize())
      return op->emitOpError("ranks a selection for each '")
             << name.getValue() << "', expected axes of compile-time size (layers), then the tokens";
  AxisOp pieces = per ? lookupAxis(op, *per) : AxisOp();
  if (per && (!pieces || !pieces.isPieces() || !coarsens(op, batch.back().getValue(), *per)))
    return op->emitOpError("starts anew in each '") << *per << "', which is not an axis of pieces of the tokens";
  return success();
}

LogicalResult RankOp::verify() {
  if (failed(checkQueue(*this, getSelection().getType(), getPer(), /*layers=*/true)))
    return failure();
  return checkPerSlot(*this, getSelection().getType(), getResult().getType(), "a result");
}

LogicalResult LimitOp::verify() {
  SelectionType selection = getSelection().getType();
  if (failed(checkQueue(*this, selection, getPer(), /*layers=*/true)))
    return failure();
  if (getOver() != selection.getAxis().getValue() &&
      coarseSize(*this, selection.getAxis().getValue(), getOver()) == noSize)
    return failure();
  if (getPriority() && failed(checkPerSlot(*this, selection, getPriority().getType(), "a priority")))
    return failure();
  if (getNext() ? !getRounds() || static_cast<int64_t>(*getRounds()) < 1 : getRounds().has_value())
    return emitOpError("has ") << (getNext() ? "scores of the next elements, but no rounds (1 or more) to place them in"
                                             : "rounds, but no scores of the next elements");
  SmallVector<StringAttr> axes(selection.getBatch());
  if (getExempt() && axesOf(getExempt().getType()) != ArrayRef(axes))
    return emitOpError("exempts by a value of type ") << getExempt().getType() << ", expected one on the tokens";
  axes.push_back(selection.getAxis());
  if (getNext() && axesOf(getNext().getType()) != ArrayRef(axes))
    return emitOpError("has next scores of type ")
           << getNext().getType() << ", expected the tokens, then the selected axis";
  return success();
}

LogicalResult PermuteOp::verify() {
  SelectionType selection = getSelection().getType();
  if (failed(checkQueue(*this, selection, std::nullopt, /*layers=*/false)) ||
      failed(checkPerSlot(*this, selection, getPosition().getType(), "positions")))
    return failure();
  if (static_cast<int64_t>(getPad()) < 1 || static_cast<int64_t>(getPad()) > AxisOp::maxSize)
    return emitOpError("pads to multiples of ")
           << static_cast<int64_t>(getPad()) << "; expected 1 to " << AxisOp::maxSize;
  if (AxisOp tokens = lookupAxis(*this, selection.getBatch()[0].getValue()); tokens && tokens.getLayers())
    return emitOpError("makes the plan of a gate with layers; a plan is for the tokens of one");
  AxisOp axis = lookupAxis(*this, selection.getAxis().getValue());
  int64_t bounds = axis && axis.getSize() ? static_cast<int64_t>(*axis.getSize()) + 1 : 0;
  if (getOffset().getType().getRank() != 1 || getOffset().getType().getDimSize(0) != bounds)
    return emitOpError("has offsets of type ") << getOffset().getType() << ", expected one axis of " << bounds;
  if (getOrder().getType().getRank() != 1 || !getOrder().getType().isDynamicDim(0))
    return emitOpError("has an order of type ") << getOrder().getType() << ", expected one axis of run-time size";
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

/// A value for each element: on the batch axes of the selection, then the selected axis.
static LogicalResult checkPerElement(Operation *op, SelectionType selection, Type type) {
  SmallVector<StringAttr> axes(selection.getBatch());
  axes.push_back(selection.getAxis());
  if (axesOf(type) != ArrayRef(axes))
    return op->emitOpError("has result type ")
           << type << ", expected the selection's batch axes, then '" << selection.getAxis().getValue() << "'";
  return success();
}

LogicalResult ChosenOp::verify() { return checkPerElement(*this, getSelection().getType(), getResult().getType()); }
LogicalResult MultiplicityOp::verify() {
  return checkPerElement(*this, getSelection().getType(), getResult().getType());
}
