// Places in the queues of the elements, and what is made of them: ranks, capacity, the plan of a dispatch.
#include "compiler/Reference/Frame.h"
#include <map>
#include <numeric>
#include <set>

using namespace mlir;
using namespace moe;
using namespace moe::reference;

namespace {

/// The slots of a selection of each token, numbered row * k + slot, as candidates for elements. Rows are tokens, those
/// of one layer after the other where the selection has layers.
struct Slots {
  Slots(Operation *op, TypedValue<SelectionType> value, std::optional<StringRef> per, const Frame &frame)
      : selection(frame[value]), k(selection.sizes.back()), count(selection.count()),
        elements(frame.axisSizes.lookup(value.getType().getAxis())) {
    size_t inFront = selection.sizes.size() - 2;
    int64_t tokens = selection.sizes[inFront], pieces = 1;
    std::vector<int64_t> piece(tokens, 0);
    if (per) {
      piece =
          *frame.groupMap(op, selection.axes[inFront].getValue(), *per); // the verifier has checked that there is one
      pieces = frame.axisSizes.lookup(StringAttr::get(op->getContext(), *per));
    }
    for (int64_t row = 0; row * k < count; ++row)
      queue.push_back(row / tokens * pieces + piece[row % tokens]);
  }

  /// The element that a slot names; -1 where it is empty or names none of the axis.
  int64_t element(int64_t slot) const {
    double element = selection.data[slot].value;
    return element < static_cast<double>(elements) ? static_cast<int64_t>(element) : -1;
  }

  /// All slots by row, then slot; or by slot, then row.
  std::vector<int64_t> inOrder(bool bySlot) const {
    std::vector<int64_t> order;
    int64_t rows = count / k;
    for (int64_t i = 0; i < count; ++i)
      order.push_back(bySlot ? i % rows * k + i / rows : i);
    return order;
  }

  const Tensor &selection;
  int64_t k, count, elements;
  std::vector<int64_t> queue; ///< of each row: the layer and the piece that slots stand in line with it
};

} // namespace

/// result[…, t, j] = number of earlier slots with the element of (…, t, j), in the same layer and piece.
static llvm::Error evaluateRank(RankOp op, Frame &frame) {
  Slots slots(op, op.getSelection(), op.getPer(), frame);
  Tensor result = frame.make(op.getType());
  std::map<std::pair<int64_t, int64_t>, double> earlier; // by queue and element
  for (int64_t slot : slots.inOrder(op.getBySlot()))
    if (int64_t element = slots.element(slot); element >= 0)
      result.data[slot] = Number(earlier[{slots.queue[slot / slots.k], element}]++);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

//===-- Capacity
//----------------------------------------------------------------------------------------------------===//

namespace {

/// One `moe.limit`: the room that is left, the slots that look for some.
class Limit {
public:
  Limit(LimitOp op, Frame &frame)
      : op(op), frame(frame), slots(op, op.getSelection(), op.getPer(), frame), result(slots.selection),
        refused(slots.queue.size()) {
    double capacity = frame[op.getCapacity()].data[0].value;
    room = capacity > 0 ? std::floor(capacity) : 0;
    StringRef axis = op.getSelection().getType().getAxis().getValue();
    if (op.getOver() != axis) {
      group = *frame.groupMap(op, axis, op.getOver()); // the verifier has checked that there is one
    } else {
      group.resize(slots.elements);
      std::iota(group.begin(), group.end(), 0);
    }
  }

  Tensor run() {
    std::vector<int64_t> unplaced;
    for (int64_t slot : queue()) {
      int64_t element = slots.element(slot);
      if (element < 0 || isExempt(slot / slots.k) || takes(element, slot))
        continue;
      result.data[slot] = Number(-1);
      unplaced.push_back(slot);
    }
    if (op.getNext())
      for (uint64_t round = 0; round < *op.getRounds(); ++round)
        unplaced = placeElsewhere(unplaced);
    return result;
  }

private:
  bool isExempt(int64_t row) { return op.getExempt() && frame[op.getExempt()].data[row].value != 0; }

  /// The slots in the order in which they are taken: by priority, greatest first and NaN last, then by their place.
  std::vector<int64_t> queue() {
    std::vector<int64_t> order = slots.inOrder(op.getBySlot());
    if (!op.getPriority())
      return order;
    const std::vector<Number> &priority = frame[op.getPriority()].data;
    std::vector<int64_t> place(order.size());
    for (auto [i, slot] : llvm::enumerate(order))
      place[slot] = i;
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      double x = priority[a].value, y = priority[b].value;
      if (std::isnan(x) != std::isnan(y))
        return std::isnan(y);
      return std::isnan(x) || x == y ? place[a] < place[b] : x > y;
    });
    return order;
  }

  /// Whether the element's group has room for the slot, which it takes then; else the element refuses the token.
  bool takes(int64_t element, int64_t slot) {
    double &taken = used[{slots.queue[slot / slots.k], group[element]}];
    if (taken < room) {
      ++taken;
      return true;
    }
    refused[slot / slots.k].insert(element);
    return false;
  }

  bool holds(int64_t element, int64_t row) const {
    auto first = result.data.begin() + row * slots.k;
    return std::any_of(first, first + slots.k, [&](Number e) { return e.value == static_cast<double>(element); });
  }

  /// The element of the greatest score that neither holds nor has refused the row's token; -1 where there is none.
  int64_t proposal(int64_t row) {
    const Number *score = &frame[op.getNext()].data[row * slots.elements];
    int64_t best = -1;
    for (int64_t e = 0; e < slots.elements; ++e)
      if (!std::isnan(score[e].value) && !holds(e, row) && !refused[row].count(e) &&
          (best < 0 || score[e].value > score[best].value))
        best = e;
    return best;
  }

  /// One round: all slots propose, then the elements take. Returns the slots that are still unplaced.
  std::vector<int64_t> placeElsewhere(ArrayRef<int64_t> unplaced) {
    std::vector<int64_t> proposals, left;
    for (int64_t slot : unplaced)
      proposals.push_back(proposal(slot / slots.k));
    for (auto [slot, element] : llvm::zip_equal(unplaced, proposals)) {
      // An element that has taken another slot of the token in this round does not take a second one.
      if (element >= 0 && !holds(element, slot / slots.k) && takes(element, slot))
        result.data[slot] = Number(static_cast<double>(element));
      else
        left.push_back(slot);
    }
    return left;
  }

  LimitOp op;
  Frame &frame;
  Slots slots;
  Tensor result;
  double room;
  std::vector<int64_t> group;                         ///< of each element
  std::map<std::pair<int64_t, int64_t>, double> used; ///< by queue and group
  std::vector<std::set<int64_t>> refused;             ///< the elements that have refused each row's token
};

} // namespace

static llvm::Error evaluateLimit(LimitOp op, Frame &frame) {
  frame.set(op.getResult(), Limit(op, frame).run());
  return llvm::Error::success();
}

//===-- Dispatch
//----------------------------------------------------------------------------------------------------===//

/// Segments of the elements one after the other, each padded at its end; in a segment, slots by token, then slot.
static llvm::Error evaluatePermute(PermuteOp op, Frame &frame) {
  Slots slots(op, op.getSelection(), std::nullopt, frame);
  Tensor order = frame.make(op.getOrder().getType()), offset = frame.make(op.getOffset().getType()),
         position = frame.make(op.getPosition().getType());
  std::fill(order.data.begin(), order.data.end(), Number(-1));
  std::fill(position.data.begin(), position.data.end(), Number(-1));
  int64_t row = 0, pad = op.getPad();
  for (int64_t element = 0; element < slots.elements; ++element) {
    offset.data[element] = Number(static_cast<double>(row));
    for (int64_t slot = 0; slot < slots.count; ++slot)
      if (slots.element(slot) == element) {
        order.data[row] = Number(static_cast<double>(slot));
        position.data[slot] = Number(static_cast<double>(row++));
      }
    row = (row + pad - 1) / pad * pad;
  }
  offset.data[slots.elements] = Number(static_cast<double>(row));
  frame.set(op.getOrder(), std::move(order));
  frame.set(op.getOffset(), std::move(offset));
  frame.set(op.getPosition(), std::move(position));
  return llvm::Error::success();
}

void reference::addQueues(EvaluatorTable &table) {
  table.add(evaluateRank);
  table.add(evaluateLimit);
  table.add(evaluatePermute);
}
