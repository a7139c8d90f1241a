// Values on other axes, and what axes say by themselves: sizes, positions.
#include "compiler/Reference/Frame.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// result[…] = operand[the operand's axes of …].
static llvm::Error evaluateBroadcast(BroadcastOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  Tensor result = frame.make(op.getType());
  auto strides = x.strides(result.axes);
  auto element = result.data.begin();
  forEachIndex(result.sizes, [&](ArrayRef<int64_t> at) { *element++ = x.data[offset(at, strides)]; });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[…, e, …] = operand[…, group(e), …].
static llvm::Error evaluateExpand(ExpandOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  std::optional<std::vector<int64_t>> group = frame.groupMap(op, op.getTo(), op.getFrom());
  if (!group)
    return errorAt(op, "refines '" + op.getFrom() + "' to '" + op.getTo() + "', which it does not group");
  Tensor result = frame.make(op.getType());
  int64_t fine = result.indexOf(op.getTo());
  SmallVector<StringAttr> axes(result.axes);
  axes[fine] = op.getFromAttr();
  auto strides = x.strides(axes);
  auto element = result.data.begin();
  forEachIndex(result.sizes, [&](ArrayRef<int64_t> at) {
    SmallVector<int64_t> source(at);
    source[fine] = (*group)[at[fine]];
    *element++ = x.data[offset(source, strides)];
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// How many elements take part, in all or in each group of `to`.
static llvm::Error evaluateSize(SizeOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  std::vector<int64_t> group(frame.axisSizes.lookup(op.getAxisAttr()), 0);
  if (op.getTo())
    group = *frame.groupMap(op, op.getAxis(), *op.getTo()); // the verifier has checked that there is one
  for (auto [i, g] : llvm::enumerate(group))
    if (frame.takesPart(op.getAxisAttr(), i))
      result.data[g] += Number(1);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// 0, 1, 2, …; with `to`, from the first element of each group.
static llvm::Error evaluateIndex(IndexOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  std::vector<int64_t> group(result.count(), 0);
  if (op.getTo())
    group = *frame.groupMap(op, op.getAxis(), *op.getTo());
  llvm::DenseMap<int64_t, int64_t> first;
  for (auto [i, number] : llvm::enumerate(result.data))
    number = Number(static_cast<double>(i) - first.try_emplace(group[i], i).first->second);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[…, i, …] = operand[…, i - distance, …], 0 where that is in another piece, masked, or beyond either end.
static llvm::Error evaluateShift(ShiftOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  Tensor result = frame.make(op.getType());
  int64_t along = x.indexOf(op.getAxis()), distance = op.getDistance(), size = x.sizes[along];
  std::vector<int64_t> piece(size, 0);
  if (AxisOp pieces = piecesOf(op); pieces && *pieces.getOf() == op.getAxis())
    piece = *frame.groupMap(op, op.getAxis(), pieces.getSymName());
  auto strides = x.strides(x.axes);
  auto element = result.data.begin();
  forEachIndex(x.sizes, [&](ArrayRef<int64_t> at) {
    int64_t i = at[along];
    bool isThere = distance <= i && distance > i - size && piece[i - distance] == piece[i] &&
                   frame.takesPart(op.getAxisAttr(), i - distance);
    *element++ = isThere ? x.data[offset(at, strides) - distance * strides[along]] : Number(0);
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

void reference::addShape(EvaluatorTable &table) {
  table.add(evaluateBroadcast);
  table.add(evaluateExpand);
  table.add(evaluateSize);
  table.add(evaluateIndex);
  table.add(evaluateShift);
}
