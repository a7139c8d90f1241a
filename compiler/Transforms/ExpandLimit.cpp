// moe-expand-limit: capacity as ranks, counts and filters. A slot has room when fewer candidates than its group's
// capacity come before it: by position that is its rank; by priority, the group's threshold is found four bits at a
// time from counts over the tokens, so that no candidate is moved or sorted. All state is in arrays on [token, slot]
// and on the groups.
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Validity.h"
#include "mlir/IR/TypeUtilities.h"

namespace moe {
#define GEN_PASS_DEF_MOEEXPANDLIMIT
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

using IntPredicate = arith::CmpIPredicate;

/// Whether `selection` may name what is no element of its axis (appended shared experts).
bool mayNameNothing(Value selection) {
  Operation *op = selection.getDefiningOp();
  if (auto append = dyn_cast<AppendOp>(op)) {
    auto size = static_cast<int64_t>(*lookupAxis(op, append.getType().getAxis().getValue()).getSize());
    if (llvm::any_of(append.getElements(), [&](int32_t element) { return element >= size; }))
      return true;
  }
  return isa<AppendOp, FirstOp, FilterOp, LimitOp>(op) && mayNameNothing(op->getOperand(0));
}

class Expansion {
public:
  explicit Expansion(LimitOp op)
      : op(op), builder(op), b{builder, op.getLoc()}, selection(op.getSelection().getType()),
        token(selection.getBatch()[0]), group(op.getOverAttr()), i32(builder.getI32Type()) {
    auto size = static_cast<int64_t>(*lookupAxis(op, op.getOver()).getSize());
    if (op.getPer())
      groups = tensorOf(i32, {op.getPerAttr(), group}, {ShapedType::kDynamic, size});
    else
      groups = tensorOf(i32, {group}, {size});
    slots = tensorOf(i32, {token, selection.getSlot()}, {ShapedType::kDynamic, selection.getSize()});
    mask = slots.clone(builder.getI1Type());
  }

  LogicalResult run() {
    if (op.getPriority() && getElementTypeOrSelf(op.getPriority().getType()).isF64())
      return op.emitError("has a priority of f64; its order is that of 32-bit keys: give an f32");
    if (op.getNext() && mayNameNothing(op.getSelection()))
      return op.emitError("places slots elsewhere in a selection that names elements beyond its axis; append after the "
                          "limit, not before");
    if (op.getPriority())
      makeKeys();
    Value exempt = op.getExempt() ? b.broadcast(op.getExempt(), mask) : Value();
    if (exempt)
      subject = invert(exempt);
    Value capacity = roomOf(op.getCapacity());
    Value candidates = filter(groupsOf(op.getSelection()), subject);
    Value kept = fits(candidates, b.broadcast(capacity, groups), capacity);
    if (exempt)
      kept = either(kept, exempt);
    if (mayNameNothing(op.getSelection()))
      kept = either(kept, invert(named(op.getSelection())));
    Value result = op.getNext() ? placeElsewhere(kept, capacity) : filter(op.getSelection(), kept);
    op.replaceAllUsesWith(result);
    op.erase();
    return success();
  }

private:
  //===-- Shorthand -----------------------------------------------------------------------------------------------===//

  Value number(Type type, int64_t value) { return constantOf(b, type, static_cast<double>(value)); }
  Value compare(IntPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(builder, b.loc, predicate, x, b.broadcast(y, x.getType()));
  }
  Value compare(IntPredicate predicate, Value x, int64_t y) { return compare(predicate, x, number(x.getType(), y)); }
  Value both(Value x, Value y) { return x ? b.binary<arith::AndIOp>(x, y) : y; }
  Value either(Value x, Value y) { return b.binary<arith::OrIOp>(x, y); }
  Value invert(Value x) { return b.binary<arith::XOrIOp>(x, number(x.getType(), 1)); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(builder, b.loc, condition, yes, b.broadcast(no, yes.getType()));
  }
  Value filter(Value of, Value condition) {
    return condition ? FilterOp::create(builder, b.loc, of.getType(), of, condition).getResult() : of;
  }
  Value gather(Value values, Value at) {
    return GatherOp::create(builder, b.loc, slots.clone(getElementTypeOrSelf(values.getType())), values, at);
  }
  Value chosen(Value of) { return ChosenOp::create(builder, b.loc, elements().clone(builder.getI1Type()), of); }
  /// The type of a value for each element of the selected axis, for each token.
  RankedTensorType elements() {
    auto size = static_cast<int64_t>(*lookupAxis(op, selection.getAxis().getValue()).getSize());
    return tensorOf(i32, {token, selection.getAxis()}, {ShapedType::kDynamic, size});
  }
  /// A reduction along the last axis of `x`, back on `x`.
  Value along(ReduceKind kind, Value x) {
    RankedTensorType type = b.typeOf(x);
    StringAttr axis = axesOf(type).back();
    return ReduceOp::create(builder, b.loc, withoutAxis(type, axis.getValue()), kind, x, Value(),
                            builder.getArrayAttr({axis}), StringAttr());
  }

  //===-- Groups --------------------------------------------------------------------------------------------------===//

  /// floor(max(capacity, 0)), 0 for NaN, as an i32 that no count exceeds.
  Value roomOf(Value capacity) {
    Value zero = b.full(capacity.getType(), 0), most = b.full(capacity.getType(), 2147483520.0);
    Value room = b.select(arith::CmpFPredicate::OGT, capacity, zero, capacity, zero);
    room = b.select(arith::CmpFPredicate::OLT, room, most, room, most);
    return arith::FPToSIOp::create(builder, b.loc, RankedTensorType::get({}, i32), room);
  }
  /// The elements of `of`, or the groups that they are in.
  Value groupsOf(Value of) {
    if (group == selection.getAxis())
      return of;
    auto count = static_cast<int64_t>(*lookupAxis(op, op.getOver()).getSize());
    Value numbers = IndexOp::create(builder, b.loc, tensorOf(i32, {group}, {count}), group, StringAttr());
    numbers = b.binary<arith::AddIOp>(numbers, number(numbers.getType(), 1));
    Type onElements = withoutAxis(elements(), token.getValue());
    Value table = ExpandOp::create(builder, b.loc, onElements, numbers, group, selection.getAxis());
    Value index = b.binary<arith::SubIOp>(gather(table, of), number(slots, 1)); // -1 where the slot is empty
    auto type =
        SelectionType::get(op.getContext(), selection.getBatch(), group, selection.getSlot(), selection.getSize());
    return ForcedOp::create(builder, b.loc, type, index);
  }
  Value named(Value of) {
    Type onElements = withoutAxis(elements(), token.getValue());
    return compare(IntPredicate::sgt, gather(number(onElements, 1), of), 0);
  }
  /// How many slots name each group, over all tokens or in each piece.
  Value count(Value of) {
    auto type = tensorOf(i32, {token, group}, {ShapedType::kDynamic, groups.getShape().back()});
    Value each = MultiplicityOp::create(builder, b.loc, type, of);
    return ReduceOp::create(builder, b.loc, groups, ReduceKind::Sum, each, Value(), builder.getArrayAttr({token}),
                            op.getPerAttr());
  }
  /// A number of each slot's group.
  Value atSlots(Value values, Value at) {
    if (op.getPer())
      values = ExpandOp::create(builder, b.loc, tensorOf(i32, {token, group}, groups.getShape()), values,
                                op.getPerAttr(), token);
    return gather(values, at);
  }

  //===-- Order ---------------------------------------------------------------------------------------------------===//

  /// i32 that are ordered as the priorities are: -0 equals 0, NaN comes last.
  void makeKeys() {
    Value priority = op.getPriority();
    if (!getElementTypeOrSelf(priority.getType()).isF32())
      priority = arith::ExtFOp::create(builder, b.loc, slots.clone(builder.getF32Type()), priority);
    Value bits = arith::BitcastOp::create(builder, b.loc, slots, b.add(priority, 0.0));
    Value mirrored = b.binary<arith::XOrIOp>(bits, number(slots, INT32_MAX));
    signedKey = select(compare(IntPredicate::slt, bits, 0), mirrored, bits);
    Value isNaN = b.compare(arith::CmpFPredicate::UNO, priority, priority);
    signedKey = select(isNaN, number(slots, INT32_MIN), signedKey);
    key = b.binary<arith::XOrIOp>(signedKey, number(slots, INT32_MIN));
  }
  Value rank(Value of) { return RankOp::create(builder, b.loc, slots, of, op.getBySlotAttr(), op.getPerAttr()); }

  /// Whether each candidate is among the first `room` of its group; `uniform`, if it is known, is that for all groups.
  Value fits(Value candidates, Value room, Value uniform) {
    if (!key)
      return compare(IntPredicate::slt, rank(candidates), uniform ? uniform : atSlots(room, candidates));
    Value threshold = number(groups, 0);
    for (int shift = 28; shift >= 0; shift -= 4)
      std::tie(threshold, room) = nextDigit(candidates, threshold, room, shift);
    // Above the threshold all fit; of those at the threshold as many as there is room left for.
    Value at = atSlots(threshold, candidates), ties = compare(IntPredicate::eq, key, at);
    Value place = rank(filter(candidates, ties));
    Value early = compare(IntPredicate::slt, place, atSlots(room, candidates));
    return either(compare(IntPredicate::ugt, key, at), both(ties, early));
  }

  /// Four more bits of the threshold: the greatest digit that at least `room` candidates reach, or 0; and the room that
  /// those above it leave.
  std::pair<Value, Value> nextDigit(Value candidates, Value threshold, Value room, int shift) {
    auto shifted = [&](Value x, int by) { return b.binary<arith::ShRUIOp>(x, number(slots, by)); };
    Value matches, digit = b.binary<arith::AndIOp>(shifted(key, shift), number(slots, 15));
    if (shift < 28) {
      Value differ = b.binary<arith::XOrIOp>(key, atSlots(threshold, candidates));
      matches = compare(IntPredicate::eq, shifted(differ, shift + 4), 0);
    }
    Value found = number(groups, 0), above = number(groups, 0), zero = above;
    for (int value = 1; value < 16; ++value) {
      Value reach = count(filter(candidates, both(matches, compare(IntPredicate::sge, digit, value))));
      Value enough = compare(IntPredicate::sge, reach, room);
      found = b.binary<arith::AddIOp>(found, arith::ExtUIOp::create(builder, b.loc, groups, enough));
      above = b.binary<arith::MaxSIOp>(above, select(enough, zero, reach));
    }
    found = b.binary<arith::ShLIOp>(found, number(groups, shift));
    return {b.binary<arith::OrIOp>(threshold, found), b.binary<arith::SubIOp>(room, above)};
  }

  //===-- Elsewhere -----------------------------------------------------------------------------------------------===//

  /// The selection after `rounds` rounds. Slots of a token propose the same element, so only the first of them in the
  /// order can be taken.
  Value placeElsewhere(Value kept, Value capacity) {
    Value filled = FilledOp::create(builder, b.loc, mask, op.getSelection());
    Value numbers =
        IndexOp::create(builder, b.loc, withoutAxis(elements(), token.getValue()), selection.getAxis(), StringAttr());
    Value none = number(slots, -1);
    Value unplaced = both(filled, invert(kept));
    Value placed = select(both(filled, kept), gather(numbers, op.getSelection()), none);
    Value refused = chosen(filter(op.getSelection(), unplaced));
    for (uint64_t round = 0; round < *op.getRounds(); ++round) {
      Value current = ForcedOp::create(builder, b.loc, selection, placed);
      Value proposal = propose(either(refused, chosen(current)), firstOf(unplaced));
      Value proposed = ForcedOp::create(builder, b.loc, selection, proposal);
      Value used = count(filter(groupsOf(current), subject));
      Value room = b.binary<arith::SubIOp>(b.broadcast(capacity, groups), used);
      Value accepted = both(fits(groupsOf(proposed), room, Value()), compare(IntPredicate::sge, proposal, 0));
      placed = select(accepted, proposal, placed);
      unplaced = both(unplaced, invert(accepted));
      refused = either(refused, chosen(filter(proposed, invert(accepted))));
    }
    return ForcedOp::create(builder, b.loc, selection, placed);
  }

  /// Of each token the slot among `unplaced` that comes first in the order.
  Value firstOf(Value unplaced) {
    if (key) {
      Value best = along(ReduceKind::Max, select(unplaced, signedKey, number(slots, INT32_MIN)));
      unplaced = both(unplaced, compare(IntPredicate::eq, signedKey, best));
    }
    StringAttr slot = selection.getSlot();
    Value places = IndexOp::create(builder, b.loc, withoutAxis(slots, token.getValue()), slot, StringAttr());
    places = b.broadcast(places, slots);
    Value first = along(ReduceKind::Min, select(unplaced, places, number(slots, selection.getSize())));
    return compare(IntPredicate::eq, places, first);
  }

  /// At the slots in `from`, the element of the greatest score that is not excluded; -1 where there is none.
  Value propose(Value excluded, Value from) {
    Value scores = op.getNext();
    RankedTensorType type = b.typeOf(scores), onTokens = withoutAxis(type, selection.getAxis().getValue());
    excluded = either(excluded, b.compare(arith::CmpFPredicate::UNO, scores, scores));
    Value nan = b.full(type, std::numeric_limits<double>::quiet_NaN());
    Value best =
        ArgmaxOp::create(builder, b.loc, onTokens.clone(i32), select(excluded, nan, scores), selection.getAxis());
    Value open = arith::ExtUIOp::create(builder, b.loc, elements(), invert(excluded));
    best = select(compare(IntPredicate::sgt, along(ReduceKind::Max, open), 0), best, number(best.getType(), -1));
    return select(from, b.broadcast(best, slots), number(slots, -1));
  }

  LimitOp op;
  OpBuilder builder;
  TensorBuilder b;
  SelectionType selection;
  StringAttr token, group;
  Type i32;
  RankedTensorType groups, slots, mask;
  Value key, signedKey; ///< of each slot; null: by position
  Value subject;        ///< the slots that need room; null: all
};

struct MoeExpandLimit : moe::impl::MoeExpandLimitBase<MoeExpandLimit> {
  void runOnOperation() override {
    for (auto op : llvm::to_vector(getOperation().getBody().front().getOps<LimitOp>()))
      if (failed(Expansion(op).run()))
        return signalPassFailure();
  }
};

} // namespace
