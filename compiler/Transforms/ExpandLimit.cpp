// moe-expand-limit: capacity as ranks, counts and filters. A slot has room when fewer candidates than its group's
// capacity come before it: by position that is its rank; by priority, the group's threshold is found four bits (with
// many groups three) at a time from counts over the tokens, so that no candidate is moved or sorted. All state is in
// arrays on [token, slot] and on the groups; where slots are placed elsewhere, on [token, candidate] too.
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
        token(selection.getBatch().back()), group(op.getOverAttr()), i32(builder.getI32Type()) {
    if (op.getPriority())
      declareKeys();
    SmallVector<StringAttr> queues(selection.getBatch().drop_back()); // of each layer
    if (op.getPer())
      queues.push_back(op.getPerAttr());
    groups = onAxes(queues, group);
    slots = onAxes(selection.getBatch(), selection.getSlot());
    mask = slots.clone(builder.getI1Type());
  }

  LogicalResult run() {
    if (op.getPriority() && getElementTypeOrSelf(op.getPriority().getType()).isF64())
      return op.emitError("has a priority of f64; its order is that of 32-bit keys: give an f32");
    if (op.getNext() && mayNameNothing(op.getSelection()))
      return op.emitError("places slots elsewhere in a selection that names elements beyond its axis; append after the "
                          "limit, not before");
    if (op.getPriority() && sizeOf(group) > AxisOp::maxSize / digits)
      return op.emitError("has a priority among ")
             << sizeOf(group) << " groups; " << AxisOp::maxSize / digits << " are the most";
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
  int64_t sizeOf(StringAttr axis) {
    if (axis == selection.getSlot())
      return selection.getSize();
    std::optional<uint64_t> size = lookupAxis(op, axis.getValue()).getSize();
    return size ? static_cast<int64_t>(*size) : ShapedType::kDynamic;
  }
  /// i32 on `outer`, then on `inner`.
  RankedTensorType onAxes(ArrayRef<StringAttr> outer, StringAttr inner) {
    SmallVector<StringAttr> axes(outer);
    axes.push_back(inner);
    return tensorOf(i32, axes, llvm::map_to_vector(axes, [&](StringAttr axis) { return sizeOf(axis); }));
  }
  /// The type of a value for each element of the selected axis, for each token.
  RankedTensorType elements() { return onAxes(selection.getBatch(), selection.getAxis()); }
  /// 0, 1, 2, … along an axis.
  Value numbers(StringAttr axis) { return IndexOp::create(builder, b.loc, onAxes({}, axis), axis, StringAttr()); }
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
    Value table = b.binary<arith::AddIOp>(numbers(op.getOverAttr()), number(onAxes({}, op.getOverAttr()), 1));
    if (op.getOverAttr() != selection.getAxis())
      table = ExpandOp::create(builder, b.loc, onAxes({}, selection.getAxis()), table, op.getOverAttr(),
                               selection.getAxis());
    return selectOn(group, b.binary<arith::SubIOp>(gather(table, of), number(slots, 1))); // -1 where the slot is empty
  }
  /// The elements of `axis` that the slots have the numbers of.
  Value selectOn(StringAttr axis, Value index) {
    auto type =
        SelectionType::get(op.getContext(), selection.getBatch(), axis, selection.getSlot(), selection.getSize());
    return ForcedOp::create(builder, b.loc, type, index);
  }
  Value named(Value of) {
    return compare(IntPredicate::sgt, gather(number(onAxes({}, selection.getAxis()), 1), of), 0);
  }
  /// How many slots name each element of `axis`, over all tokens or in each piece.
  Value count(Value of, StringAttr axis) {
    Value each = MultiplicityOp::create(builder, b.loc, onAxes(selection.getBatch(), axis), of);
    return ReduceOp::create(builder, b.loc, onAxes(axesOf(groups).drop_back(), axis), ReduceKind::Sum, each, Value(),
                            builder.getArrayAttr({token}), op.getPerAttr());
  }
  /// A number of each slot's group.
  Value atSlots(Value values, Value at) {
    if (op.getPer())
      values = ExpandOp::create(builder, b.loc, onAxes(selection.getBatch(), group), values, op.getPerAttr(), token);
    return gather(values, at);
  }

  //===-- Order ---------------------------------------------------------------------------------------------------===//

  /// An axis for each digit of each group's threshold, and one of the groups that divides it.
  void declareKeys() {
    int64_t count = sizeOf(group);
    if (count > AxisOp::maxSize / digits)
      return; // run() says so
    std::string key = uniqueAxis("key");
    std::string ofKey = uniqueAxis("group");
    auto first = OpBuilder::atBlockBegin(op->getBlock());
    keyAxis = declareAxis(first, b.loc, first.getStringAttr(key), count * digits).getSymNameAttr();
    group = declareAxis(first, b.loc, first.getStringAttr(ofKey), count, keyAxis).getSymNameAttr();
  }
  /// A name, of the selection's slots, that the gate does not have yet.
  std::string uniqueAxis(StringRef what) {
    std::string base = (selection.getSlot().getValue() + "." + what).str(), name = base;
    auto isTaken = [&](Operation &other) {
      auto made = other.getNumResults() ? dyn_cast<SelectionType>(other.getResult(0).getType()) : SelectionType();
      return made && made.getSlot().getValue() == name;
    };
    for (int i = 2; lookupAxis(op, name) || llvm::any_of(*op->getBlock(), isTaken); ++i)
      name = base + std::to_string(i);
    return name;
  }

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
    Value ones = number(onAxes({}, group), 1), next = b.binary<arith::AddIOp>(numbers(group), ones);
    Value own = b.binary<arith::SubIOp>(gather(next, candidates), number(slots, 1)); // -1 where the slot is empty
    for (int shift = (31 / bits) * bits; shift >= 0; shift -= bits)
      std::tie(threshold, room) = nextDigit(candidates, own, threshold, room, shift);
    // Above the threshold all fit; of those at the threshold as many as there is room left for.
    Value at = atSlots(threshold, candidates), ties = compare(IntPredicate::eq, key, at);
    Value place = rank(filter(candidates, ties));
    Value early = compare(IntPredicate::slt, place, atSlots(room, candidates));
    return either(compare(IntPredicate::ugt, key, at), both(ties, early));
  }

  /// Four more bits of the threshold: the greatest value that at least `room` candidates reach, or 0; and the room that
  /// those above it leave. `own` is the number of each candidate's group. The tokens are counted by (group, lower
  /// digit), for each upper digit.
  std::pair<Value, Value> nextDigit(Value candidates, Value own, Value threshold, Value room, int shift) {
    auto shifted = [&](Value x, int by) { return b.binary<arith::ShRUIOp>(x, number(slots, by)); };
    auto digitAt = [&](int by) { return b.binary<arith::AndIOp>(shifted(key, by), number(slots, digits - 1)); };
    Value takesPart = compare(IntPredicate::sge, own, 0);
    if (shift + bits < 32) {
      Value differ = b.binary<arith::XOrIOp>(key, atSlots(threshold, candidates));
      takesPart = both(takesPart, compare(IntPredicate::eq, shifted(differ, shift + bits), 0));
    }
    Value place = b.binary<arith::AddIOp>(b.binary<arith::MulIOp>(own, number(slots, digits)), digitAt(shift));
    Value upper = digitAt(shift + bits / 2);
    SmallVector<Value> reached;
    for (int digit = 0; digit < digits; ++digit) {
      Value counted = both(takesPart, compare(IntPredicate::eq, upper, digit));
      reached.push_back(count(selectOn(keyAxis, select(counted, place, number(slots, -1))), keyAxis));
    }
    auto [high, left] = descendUpper(reached, room);
    Value chosen = reached[0], wanted = ExpandOp::create(builder, b.loc, b.typeOf(chosen), high, group, keyAxis);
    for (int digit = 1; digit < digits; ++digit)
      chosen = select(compare(IntPredicate::eq, wanted, digit), reached[digit], chosen);
    auto [low, rest] = descend(chosen, left);
    Value found = b.binary<arith::OrIOp>(b.binary<arith::ShLIOp>(high, number(groups, bits / 2)), low);
    found = b.binary<arith::ShLIOp>(found, number(groups, shift));
    return {b.binary<arith::OrIOp>(threshold, found), rest};
  }

  /// How many candidates of each group a row of counts has.
  Value perGroup(Value counts) {
    return ReduceOp::create(builder, b.loc, groups, ReduceKind::Sum, counts, Value(), builder.getArrayAttr({keyAxis}),
                            group);
  }

  /// The upper digit, as descend() finds the lower one: of two bits.
  std::pair<Value, Value> descendUpper(ArrayRef<Value> reached, Value room) {
    SmallVector<Value> totals = llvm::map_to_vector(reached, [&](Value counts) { return perGroup(counts); });
    Value none = number(groups, 0), those = b.binary<arith::AddIOp>(totals[2], totals[3]);
    Value upper = compare(IntPredicate::sge, those, room);
    room = b.binary<arith::SubIOp>(room, select(upper, none, those));
    those = select(upper, totals[3], totals[1]);
    Value lower = compare(IntPredicate::sge, those, room);
    room = b.binary<arith::SubIOp>(room, select(lower, none, those));
    Value found =
        b.binary<arith::OrIOp>(select(upper, number(groups, 2), none), select(lower, number(groups, 1), none));
    return {found, room};
  }

  /// The digit, bit by bit from the highest: it is set where the candidates that have it, and all higher bits found,
  /// are enough; else they take their room.
  std::pair<Value, Value> descend(Value counts, Value room) {
    RankedTensorType type = b.typeOf(counts), row = onAxes({}, keyAxis);
    Value found = number(groups, 0), none = found;
    for (int bit = digits / 2; bit > 0; bit /= 2) {
      Value high = b.binary<arith::AndIOp>(numbers(keyAxis), number(row, digits - bit));
      Value wanted = b.binary<arith::OrIOp>(found, number(groups, bit));
      wanted = ExpandOp::create(builder, b.loc, type, wanted, group, keyAxis);
      Value has = compare(IntPredicate::eq, wanted, high);
      Value those = perGroup(select(has, counts, number(type, 0)));
      Value enough = compare(IntPredicate::sge, those, room);
      found = b.binary<arith::OrIOp>(found, select(enough, number(groups, bit), none));
      room = b.binary<arith::SubIOp>(room, select(enough, none, those));
    }
    return {found, room};
  }

  //===-- Elsewhere -----------------------------------------------------------------------------------------------===//

  /// The selection after `rounds` rounds. An element that the route names holds the token or has refused it, and so
  /// does one that the token has proposed: the candidates of a token are the other elements, best first, and as long as
  /// it has an unplaced slot, it proposes one after the other, one in each round. Slots of a token propose the same
  /// element, so only the first of them in the order can be taken.
  Value placeElsewhere(Value kept, Value capacity) {
    Value filled = FilledOp::create(builder, b.loc, mask, op.getSelection());
    Value none = number(slots, -1);
    Value unplaced = both(filled, invert(kept));
    Value placed = select(both(filled, kept), gather(numbers(selection.getAxis()), op.getSelection()), none);
    auto rounds = std::min(static_cast<int64_t>(*op.getRounds()), sizeOf(selection.getAxis()));
    auto [candidates, open] = rankCandidates(rounds);
    for (int64_t round = 0; round < rounds; ++round) {
      Value current = ForcedOp::create(builder, b.loc, selection, placed);
      Value offer = candidateOf(candidates, open, round);
      Value proposal = select(firstOf(unplaced), b.broadcast(offer, slots), none);
      Value proposed = ForcedOp::create(builder, b.loc, selection, proposal);
      Value used = count(filter(groupsOf(current), subject), group);
      Value room = b.binary<arith::SubIOp>(b.broadcast(capacity, groups), used);
      Value accepted = both(fits(groupsOf(proposed), room, Value()), compare(IntPredicate::sge, proposal, 0));
      placed = select(accepted, proposal, placed);
      unplaced = both(unplaced, invert(accepted));
    }
    return ForcedOp::create(builder, b.loc, selection, placed);
  }

  /// For each token the `count` elements of the greatest scores that its slots do not name, best first, and how many of
  /// these there are at most: NaN is no score.
  std::pair<Value, Value> rankCandidates(int64_t count) {
    Value scores = op.getNext(), taken;
    RankedTensorType type = b.typeOf(scores), flags = type.clone(builder.getI1Type());
    taken = ChosenOp::create(builder, b.loc, flags, op.getSelection());
    taken = either(taken, b.compare(arith::CmpFPredicate::UNO, scores, scores));
    Value open = along(ReduceKind::Sum, arith::ExtUIOp::create(builder, b.loc, elements(), invert(taken)));
    Value nan = b.full(type, std::numeric_limits<double>::quiet_NaN());
    StringAttr slot = builder.getStringAttr(uniqueAxis("next"));
    auto list = SelectionType::get(op.getContext(), selection.getBatch(), selection.getAxis(), slot, count);
    return {TopkOp::create(builder, b.loc, list, select(taken, nan, scores), Value(), selection.getAxis()), open};
  }

  /// The candidate that each token proposes in a round; -1 where there is none.
  Value candidateOf(Value candidates, Value open, int64_t round) {
    auto list = cast<SelectionType>(candidates.getType());
    SmallVector<StringAttr> axes(list.getBatch());
    axes.push_back(list.getSlot());
    SmallVector<int64_t> sizes(slots.getShape().drop_back());
    sizes.push_back(list.getSize());
    Type type = tensorOf(i32, axes, sizes), row = tensorOf(i32, {list.getSlot()}, {list.getSize()});
    Value all = GatherOp::create(builder, b.loc, type, numbers(selection.getAxis()), candidates);
    Value places = IndexOp::create(builder, b.loc, row, list.getSlot(), StringAttr());
    Value isIt = compare(IntPredicate::eq, b.broadcast(places, type), round);
    Value offer = along(ReduceKind::Sum, select(isIt, all, number(type, 0)));
    return select(compare(IntPredicate::sgt, open, round), offer, number(offer.getType(), -1));
  }

  /// Of each token the slot among `unplaced` that comes first in the order.
  Value firstOf(Value unplaced) {
    if (key) {
      Value best = along(ReduceKind::Max, select(unplaced, signedKey, number(slots, INT32_MIN)));
      unplaced = both(unplaced, compare(IntPredicate::eq, signedKey, best));
    }
    Value places = b.broadcast(numbers(selection.getSlot()), slots);
    Value first = along(ReduceKind::Min, select(unplaced, places, number(slots, selection.getSize())));
    return compare(IntPredicate::eq, places, first);
  }

  LimitOp op;
  OpBuilder builder;
  TensorBuilder b;
  SelectionType selection;
  /// Four bits of a threshold are found at a time, from `digits` rows of counts with `digits` of each group: one row of
  /// all sixteen would be too long for the registers of a warp that finishes many groups.
  static constexpr int digits = 4, bits = 4;
  StringAttr token, group;
  StringAttr keyAxis; ///< (group, digit), with a priority
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
