// Gathers before filters. A selection that loses slots only in a later pass (capacity) still gathers in the pass that
// made it: x[filter(r, c)] is x[r] where c holds and 0 elsewhere. So a later pass takes the few gathered values from
// memory, and what they were gathered from, often made of the logits, is not computed a second time. The same goes for
// slots that were placed elsewhere: where a selection is chosen among the elements of earlier ones, so is what it
// gathers.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "dialects/Moe/IR/TensorBuilder.h"

using namespace mlir;
using namespace moe;

static Value zeroOf(const TensorBuilder &b, RankedTensorType type) {
  auto scalar = RankedTensorType::get({}, type.getElementType());
  auto zero = cast<Attribute>(b.builder.getZeroAttr(type.getElementType()));
  return b.broadcast(arith::ConstantOp::create(b.builder, b.loc, DenseElementsAttr::get(scalar, zero)), type);
}

/// The gather from the selection that `filter` empties slots of, and zeros where it does.
static Value gatherBefore(GatherOp op, FilterOp filter) {
  OpBuilder builder(op);
  TensorBuilder b{builder, op.getLoc()};
  RankedTensorType type = op.getType();
  Value all = GatherOp::create(builder, op.getLoc(), type, op.getInput(), filter.getSelection());
  return arith::SelectOp::create(builder, op.getLoc(), filter.getCondition(), all, zeroOf(b, type));
}

namespace {

/// Reads `input` at elements that are chosen among those of other selections: the choice is made among what these
/// gather.
class ChosenGather {
public:
  ChosenGather(GatherOp op) : input(op.getInput()), builder(op), b{builder, op.getLoc()} {}

  /// The values at the elements `index` (i32, negative: none, which is 0); null where it is not such a choice.
  Value at(Value index) {
    if (Value known = values.lookup(index))
      return known;
    Value made = make(index); // which may grow the map
    values[index] = made;
    return made;
  }

private:
  RankedTensorType typeAt(Value index) {
    return b.typeOf(index).clone(cast<RankedTensorType>(input.getType()).getElementType());
  }
  static std::optional<int64_t> constantOf(Value value) {
    while (auto broadcast = value.getDefiningOp<BroadcastOp>())
      value = broadcast.getInput();
    auto constant = value.getDefiningOp<arith::ConstantOp>();
    auto dense = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : DenseIntElementsAttr();
    return dense && dense.isSplat() ? std::optional(dense.getSplatValue<APInt>().getSExtValue()) : std::nullopt;
  }
  /// Whether `condition` holds for one position of the axis at most: index(axis) == constant.
  static bool isOnePlace(Value condition, StringAttr axis) {
    auto compare = condition.getDefiningOp<arith::CmpIOp>();
    if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq)
      return false;
    Value place = compare.getLhs();
    while (auto broadcast = place.getDefiningOp<BroadcastOp>())
      place = broadcast.getInput();
    auto index = place.getDefiningOp<IndexOp>();
    return index && !index.getTo() && index.getAxis() == axis && constantOf(compare.getRhs());
  }
  Value select(Value condition, Value yes, Value no) {
    return yes && no ? arith::SelectOp::create(builder, b.loc, condition, yes, no).getResult() : Value();
  }

  Value make(Value index) {
    if (std::optional<int64_t> constant = constantOf(index))
      return *constant < 0 ? zeroOf(b, typeAt(index)) : Value();
    Operation *op = index.getDefiningOp();
    if (auto choice = dyn_cast<arith::SelectOp>(op))
      return select(choice.getCondition(), at(choice.getTrueValue()), at(choice.getFalseValue()));
    if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
      Value value = at(broadcast.getInput());
      return value ? b.broadcast(value, typeAt(index)) : Value();
    }
    if (auto gather = dyn_cast<GatherOp>(op)) // of the numbers of the elements
      if (auto numbers = gather.getInput().getDefiningOp<IndexOp>(); numbers && !numbers.getTo())
        return GatherOp::create(builder, b.loc, typeAt(index), input, gather.getSelection());
    if (auto reduce = dyn_cast<ReduceOp>(op))
      return atOnePlace(reduce);
    return {};
  }

  /// The sum along slots of where(place == constant, element, 0): the element at that place.
  Value atOnePlace(ReduceOp reduce) {
    auto choice = reduce.getInput().getDefiningOp<arith::SelectOp>();
    if (reduce.getKind() != ReduceKind::Sum || reduce.getTo() || reduce.getOver().size() != 1 || !choice ||
        constantOf(choice.getFalseValue()) != 0 ||
        !isOnePlace(choice.getCondition(), cast<StringAttr>(reduce.getOver()[0])))
      return {};
    Value element = at(choice.getTrueValue());
    if (!element)
      return {};
    Value only = select(choice.getCondition(), element, zeroOf(b, typeAt(choice)));
    return ReduceOp::create(builder, b.loc, typeAt(reduce.getResult()), ReduceKind::Sum, only, Value(),
                            reduce.getOver(), StringAttr());
  }

  Value input;
  OpBuilder builder;
  TensorBuilder b;
  llvm::DenseMap<Value, Value> values;
};

} // namespace

/// Where a gather waits for a later pass than what it gathers from, what it is as a choice among earlier gathers.
static Value gatherAmongEarlier(GatherOp op, ForcedOp forced) {
  Stages stages(op->getParentOfType<GateOp>());
  bool waits = stages.stageOf(op.getInput()) < stages.stageOf(forced.getResult());
  return waits && isPerToken(op.getInput()) ? ChosenGather(op).at(forced.getIndex()) : Value();
}

void moe::hoistGathers(GateOp gate) {
  SmallVector<GatherOp> work(gate.getBody().front().getOps<GatherOp>());
  while (!work.empty()) {
    GatherOp op = work.pop_back_val();
    if (auto forced = op.getSelection().getDefiningOp<ForcedOp>())
      if (Value value = gatherAmongEarlier(op, forced)) {
        op.replaceAllUsesWith(value);
        op.erase();
        continue;
      }
    auto filter = op.getSelection().getDefiningOp<FilterOp>();
    if (!filter)
      continue;
    Value first = filter.getSelection(); // before all filters
    while (auto inner = first.getDefiningOp<FilterOp>())
      first = inner.getSelection();
    Stages stages(gate);
    int before = stages.stageOf(first);
    if (before >= stages.stageOf(filter.getResult()) || stages.stageOf(op.getInput()) > before)
      continue;
    Value value = gatherBefore(op, filter);
    work.push_back(value.getDefiningOp<arith::SelectOp>().getTrueValue().getDefiningOp<GatherOp>());
    op.replaceAllUsesWith(value);
    op.erase();
  }
}
