// Dispatch plans and shifted values: what a pass writes for, or takes from, other tokens than its own. See Fusion.h.
//
// A plan takes two passes. The first counts the slots of each element and leaves, once all are counted, where the
// segment of each element begins; it also fills the order with -1, which stays where there is padding. In the second,
// each slot finds its row: the start of its segment plus its rank.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"

using namespace mlir;
using namespace moe;

static kernel::RowType indexRow(OpBuilder &b, int64_t size) {
  return kernel::RowType::get(b.getContext(), size, b.getI32Type());
}

/// The row start, start + 1, start + 2, …
static Value sequence(OpBuilder &b, Location loc, Value start, int64_t size) {
  return makeMap(b, loc, indexRow(b, size), {}, [&](OpBuilder &inner, ValueRange) -> Value {
    Value position = kernel::PositionOp::create(inner, loc, inner.getI32Type());
    return arith::AddIOp::create(inner, loc, start, position);
  });
}

/// The row whose element i is element i - distance of `row`, 0 where there is none, in `size` elements.
static Value movedUp(OpBuilder &b, Location loc, Value row, int64_t distance, int64_t size) {
  Value places = sequence(b, loc, number(b, loc, -distance), size);
  return kernel::GatherOp::create(b, loc, indexRow(b, size), row, places);
}

bool Fusion::isOrdered(PermuteOp op) {
  return llvm::any_of(op.getOrder().getUsers(), [](Operation *user) { return isa<OutputOp>(user); });
}

/// offset[e] = sum of the padded counts of the elements before e, in as many steps as the logarithm of their number.
void Fusion::writeSegments(FusedRegion &region, PermuteOp op, const Queue &queue) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op.getLoc();
  int64_t size = *lookupAxis(op, op.getSelection().getType().getAxis().getValue()).getSize();
  Value counts = kernel::ReadOp::create(b, loc, indexRow(b, size), queue.accumulator.getValue());
  Value sums = makeMap(b, loc, counts.getType(), counts, [&](OpBuilder &inner, ValueRange values) -> Value {
    Value up = arith::AddIOp::create(inner, loc, values[0], number(inner, loc, op.getPad() - 1));
    Value pad = number(inner, loc, op.getPad());
    return arith::MulIOp::create(inner, loc, arith::DivUIOp::create(inner, loc, up, pad), pad);
  });
  for (int64_t distance = 1; distance < size; distance *= 2)
    sums = makeMap(b, loc, sums.getType(), {sums, movedUp(b, loc, sums, distance, size)},
                   [&](OpBuilder &inner, ValueRange values) -> Value {
                     return arith::AddIOp::create(inner, loc, values[0], values[1]);
                   });
  Value segments = movedUp(b, loc, sums, 1, size + 1);
  kernel::StoreOp::create(b, loc, segments, queue.totals.getValue());
  for (Operation *user : op.getOffset().getUsers())
    if (isAboutCall(user))
      kernel::StoreOp::create(b, user->getLoc(), segments, buffers[user].getValue());
  int64_t extra = size * (op.getPad() - 1);
  if (!isOrdered(op) || extra == 0)
    return;
  Value tokens = kernel::SizeOp::create(b, loc, b.getI32Type());
  Value slots = arith::MulIOp::create(b, loc, tokens, number(b, loc, op.getSelection().getType().getSize()));
  Value nothing = makeMap(b, loc, indexRow(b, extra), {},
                          [&](OpBuilder &inner, ValueRange) -> Value { return number(inner, loc, -1); });
  for (Operation *user : op.getOrder().getUsers())
    if (isa<OutputOp>(user))
      kernel::StoreAtOp::create(b, loc, nothing, sequence(b, loc, slots, extra), buffers[user].getValue());
}

/// The number of this token's first slot among those of all tokens.
static Value firstSlot(OpBuilder &b, Location loc, int64_t slots) {
  Value token = kernel::IndexOp::create(b, loc, b.getI32Type(), kernel::Position::Token);
  return arith::MulIOp::create(b, loc, token, number(b, loc, slots));
}

/// This token's share of the order: as many rows as it has slots.
void Fusion::emptyOrder(FusedRegion &region, PermuteOp op) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op.getLoc();
  int64_t slots = op.getSelection().getType().getSize();
  Value nothing = makeMap(b, loc, indexRow(b, slots), {},
                          [&](OpBuilder &inner, ValueRange) -> Value { return number(inner, loc, -1); });
  Value places = sequence(b, loc, firstSlot(b, loc, slots), slots);
  for (Operation *user : op.getOrder().getUsers())
    if (isa<OutputOp>(user))
      kernel::StoreAtOp::create(b, loc, nothing, places, buffers[user].getValue());
}

void Fusion::writePermute(FusedRegion &region, PermuteOp op) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op.getLoc();
  const Queue &queue = queues.find(op)->second;
  int64_t size = *lookupAxis(op, op.getSelection().getType().getAxis().getValue()).getSize();
  Value segments = kernel::LoadOp::create(b, loc, indexRow(b, size + 1), queue.totals.getValue());
  if (region.level == Level::Call) {
    region.lowering->bind(op.getOffset(), segments);
    return;
  }
  Value indices = keysOf(region, op);
  Value rank = kernel::RankOp::create(b, loc, indices.getType(), indices, queue.accumulator.getValue());
  Value start = kernel::GatherOp::create(b, loc, indices.getType(), segments, indices);
  Value position =
      makeMap(b, loc, indices.getType(), {indices, start, rank}, [&](OpBuilder &inner, ValueRange values) -> Value {
        Value row = arith::AddIOp::create(inner, loc, values[1], values[2]);
        Value named = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::ult, values[0], number(inner, loc, size));
        return arith::SelectOp::create(inner, loc, named, row, number(inner, loc, -1));
      });
  region.lowering->bind(op.getPosition(), position);
}

void Fusion::writeOrder(FusedRegion &region, OutputOp op) {
  PermuteOp plan = orderedBy(op);
  OpBuilder &b = region.lowering->builder;
  int64_t slots = plan.getSelection().getType().getSize();
  Value numbers = sequence(b, op.getLoc(), firstSlot(b, op.getLoc(), slots), slots);
  kernel::StoreAtOp::create(b, op.getLoc(), numbers, region.lowering->get(plan.getPosition()), buffers[op].getValue());
}

/// The row of the token `distance` before (behind, where it is negative), in the same piece; tokens that the call does
/// not have are 0.
void Fusion::writeShift(FusedRegion &region, ShiftOp op) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op.getLoc();
  auto index = [&](kernel::Position what) -> Value { return kernel::IndexOp::create(b, loc, b.getI32Type(), what); };
  Value before = arith::SubIOp::create(b, loc, index(kernel::Position::Token), number(b, loc, op.getDistance()));
  Value token = before;
  if (piecesOf(op)) { // one comparison of the place in the piece does for both ends
    Value place = arith::SubIOp::create(b, loc, before, index(kernel::Position::PieceBegin));
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, place, index(kernel::Position::PieceSize));
    token = arith::SelectOp::create(b, loc, inside, before, number(b, loc, -1));
  }
  auto input = op.getInput().getDefiningOp<InputOp>();
  StringAttr buffer = input ? buffers[input] : coefficients.find(op.getInput())->second;
  region.lowering->bind(op.getResult(),
                        kernel::LoadAtOp::create(b, loc, registerTypeOf(op.getType()), buffer.getValue(), token));
}
