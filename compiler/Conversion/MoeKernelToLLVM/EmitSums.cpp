// Sums of floats along rows and groups, in the order of dialects/Moe/IR/SumOrder.h: four elements make a leaf, and the
// leaves go to up to 32 partial sums, which stand in scratch memory unless the row is so short that its loop is
// straight-line code.
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"
#include "dialects/Moe/IR/SumOrder.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static kernel::RowType rowType(Value row) { return cast<kernel::RowType>(row.getType()); }

bool RowEmitter::OrderedSum::wraps() const { return sumLeaves(size) > sumPartials; }

RowEmitter::OrderedSum RowEmitter::startSum(kernel::ReduceOp op, int64_t size) {
  OrderedSum sum{rowType(op.getInput()).getElementType(), size, schedule.temporaryOf(op), {}, {}};
  if (sum.slots && sum.wraps())
    loop(sumPartials, 1, {}, [&](Value slot, unsigned, State &) { storeLanes(absent(sum.element), *sum.slots, slot); });
  return sum;
}

/// -0, which changes no sum.
Value RowEmitter::absent(Type element) { return splatFloat(element, -0.0); }

/// Adds the element at `position` of the row or group; elements come in ascending order.
void RowEmitter::addToSum(OrderedSum &sum, Value position, Value value) {
  sum.pending.push_back(value);
  if (sum.pending.size() == sumLeaf)
    finishLeaf(sum, position);
}

/// Makes a leaf of the elements up to `position`.
void RowEmitter::finishLeaf(OrderedSum &sum, Value position) {
  auto add = [&](Value left, Value right) { return combine(kernel::Combine::Sum, left, right); };
  Value leaf = addLeaf<Value>(sum.pending, add);
  sum.pending.clear();
  if (!sum.slots) {
    sum.partials.push_back(leaf);
    return;
  }
  Value slot = arith::DivUIOp::create(b, position, i64(sumLeaf));
  if (sum.wraps()) {
    slot = arith::RemUIOp::create(b, slot, i64(sumPartials));
    leaf = add(loadLanes(*sum.slots, sum.element, slot), leaf);
  }
  storeLanes(leaf, *sum.slots, slot);
}

/// Halves the partial sums by distance; depth first, so that few of them are in registers at a time.
Value RowEmitter::halvePartials(const OrderedSum &sum, int64_t first, int64_t distance) {
  if (distance == sumPartials)
    return loadLanes(*sum.slots, sum.element, i64(first));
  Value left = halvePartials(sum, first, 2 * distance);
  if (first + distance >= std::min(sumPartials, sumLeaves(sum.size)))
    return left;
  return combine(kernel::Combine::Sum, left, halvePartials(sum, first + distance, 2 * distance));
}

Value RowEmitter::finishSum(OrderedSum &sum) {
  if (!sum.pending.empty())
    finishLeaf(sum, i64(sum.size - 1));
  if (sum.slots)
    return halvePartials(sum, 0, 1);
  return addPartials<Value>(sum.partials,
                            [&](Value left, Value right) { return combine(kernel::Combine::Sum, left, right); });
}

/// Sums of groups that are no equal blocks. Leaf l of all leaves has the elements members[4 l] … members[4 l + 3], -1
/// where there is none; group g has the leaves starts[g] … starts[g + 1] - 1.
void RowEmitter::emitUnevenSum(kernel::ReduceOp op, int64_t offset) {
  int64_t size = rowType(op.getInput()).getSize(), count = rowType(op.getResult()).getSize();
  SmallVector<int32_t> starts(1, 0), members;
  int64_t most = 0;
  for (int64_t group = 0; group < count; ++group) {
    size_t begin = members.size();
    for (int64_t e = 0; e < size; ++e)
      if ((*op.getGroups())[e] == group)
        members.push_back(e);
    most = std::max<int64_t>(most, members.size() - begin);
    members.resize(llvm::alignTo(members.size(), sumLeaf), -1);
    starts.push_back(members.size() / sumLeaf);
  }
  Value startTable = tablePointer(starts), memberTable = tablePointer(members);
  Type element = rowType(op.getInput()).getElementType();
  auto load = [&](Value table, Value index) {
    return arith::ExtSIOp::create(b, b.getI64Type(), loadVector(elementPointer(table, 4, index), b.getI32Type(), 4));
  };
  OrderedSum sum{element, most, schedule.temporaryOf(op), {}, {}};
  loop(count, 1, {}, [&](Value group, unsigned, State &) {
    loop(std::min(sumPartials, sumLeaves(most)), 1, {},
         [&](Value slot, unsigned, State &) { storeLanes(absent(element), *sum.slots, slot); });
    Value low = load(startTable, group), high = load(startTable, arith::AddIOp::create(b, group, i64(1)));
    loopRange(low, high, {}, [&](Value leaf, State &) {
      Value first = arith::MulIOp::create(b, leaf, i64(sumLeaf));
      for (int64_t n = 0; n < sumLeaf; ++n) {
        Value member = load(memberTable, arith::AddIOp::create(b, first, i64(n)));
        Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, member, i64(0));
        Value value = read(op.getInput(), arith::MaxSIOp::create(b, member, i64(0)));
        sum.pending.push_back(arith::SelectOp::create(b, isThere, value, absent(element)));
      }
      Value slot = arith::RemUIOp::create(b, arith::SubIOp::create(b, leaf, low), i64(sumPartials));
      auto add = [&](Value left, Value right) { return combine(kernel::Combine::Sum, left, right); };
      Value total = add(loadLanes(*sum.slots, element, slot), addLeaf<Value>(sum.pending, add));
      sum.pending.clear();
      storeLanes(total, *sum.slots, slot);
    });
    storeLanes(halvePartials(sum, 0, 1), offset, group);
  });
}
