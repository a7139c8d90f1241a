// Values on other axes.
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
  std::optional<SmallVector<int32_t>> group = groupMap(op, op.getTo(), op.getFrom());
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

static llvm::Error evaluateSize(SizeOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  result.data[0] = Number(static_cast<double>(frame.axisSizes.lookup(op.getAxisAttr())));
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

void reference::addShape(EvaluatorTable &table) {
  table.add(evaluateBroadcast);
  table.add(evaluateExpand);
  table.add(evaluateSize);
}
