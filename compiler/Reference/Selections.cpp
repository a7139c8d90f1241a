// Selections: which elements are chosen, and what is made of them.
#include "compiler/Reference/Frame.h"
#include <numeric>

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// Whether element i, allowed or not, ranks before element j: allowed ones first, numbers before NaN, greater first,
/// then lower index.
static bool ranksBefore(double a, bool aAllowed, size_t i, double b, bool bAllowed, size_t j) {
  if (aAllowed != bAllowed)
    return aAllowed;
  if (std::isnan(a) != std::isnan(b))
    return std::isnan(b);
  if (a != b && !std::isnan(a))
    return a > b;
  return i < j;
}

/// For each row of the selection's batch, calls `body` with the coordinates and the row's number.
static void forEachRow(const Tensor &selection, function_ref<void(ArrayRef<int64_t>, int64_t)> body) {
  int64_t row = 0;
  forEachIndex(ArrayRef(selection.sizes).drop_back(), [&](ArrayRef<int64_t> at) { body(at, row++); });
}

static llvm::Error evaluateTopk(TopkOp op, Frame &frame) {
  const Tensor &score = frame[op.getScore()];
  Tensor result = frame.make(op.getType());
  ArrayRef<StringAttr> batch = ArrayRef(result.axes).drop_back();
  auto strides = score.strides(batch);
  int64_t size = score.sizes[score.indexOf(op.getAxis())], k = result.sizes.back();
  int64_t stride = score.strides({op.getAxisAttr()})[0];
  const Tensor *among = op.getAmong() ? &frame[op.getAmong()] : nullptr;
  std::optional<SmallVector<int32_t>> group;
  SmallVector<int64_t> amongStrides;
  if (among) {
    group = groupMap(op, op.getAxis(), cast<SelectionType>(op.getAmong().getType()).getAxis().getValue());
    amongStrides = among->strides(batch);
  }
  forEachRow(result, [&](ArrayRef<int64_t> at, int64_t row) {
    auto isAllowed = [&](size_t e) {
      if (!among)
        return true;
      auto first = among->data.begin() + offset(at, amongStrides);
      return std::any_of(first, first + among->sizes.back(), [&](Number g) { return g.value == (*group)[e]; });
    };
    auto value = [&](size_t e) { return score.data[offset(at, strides) + e * stride].value; };
    std::vector<size_t> order(size);
    std::iota(order.begin(), order.end(), 0);
    std::vector<bool> allowed(size);
    for (int64_t e = 0; e < size; ++e)
      allowed[e] = isAllowed(e);
    std::sort(order.begin(), order.end(),
              [&](size_t i, size_t j) { return ranksBefore(value(i), allowed[i], i, value(j), allowed[j], j); });
    for (int64_t slot = 0; slot < k; ++slot)
      result.data[row * k + slot] = Number(static_cast<double>(order[slot]));
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, j] = index[b…, j], -1 outside of the selected axis.
static llvm::Error evaluateForced(ForcedOp op, Frame &frame) {
  const Tensor &index = frame[op.getIndex()];
  Tensor result = frame.make(op.getType());
  auto size = static_cast<double>(*lookupAxis(op, op.getType().getAxis().getValue()).getSize());
  for (int64_t i = 0; i < result.count(); ++i) {
    bool inside = index.data[i].value >= 0 && index.data[i].value < size;
    result.data[i] = inside ? index.data[i] : Number(-1);
  }
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The first slots.
static llvm::Error evaluateFirst(FirstOp op, Frame &frame) {
  const Tensor &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  int64_t from = selection.sizes.back(), to = result.sizes.back();
  for (int64_t i = 0; i < result.count(); ++i)
    result.data[i] = selection.data[i / to * from + i % to];
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, j] = x[b…, route[b…, j]], 0 in an empty slot.
static llvm::Error evaluateGather(GatherOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()], &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  SmallVector<StringAttr> axes(result.axes);
  auto strides = x.strides(axes);
  int64_t selected = x.strides({op.getSelection().getType().getAxis()})[0];
  int64_t element = 0;
  forEachIndex(result.sizes, [&](ArrayRef<int64_t> at) {
    int64_t index = static_cast<int64_t>(selection.data[element].value);
    result.data[element++] = index < 0 ? Number(0) : x.data[offset(at, strides) + index * selected];
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, e] = exists j: selection[b…, j] = e.
static llvm::Error evaluateScatter(ScatterOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()], &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  int64_t k = selection.sizes.back(), size = result.sizes.back();
  for (int64_t i = 0; i < selection.count(); ++i)
    if (selection.data[i].value >= 0)
      result.data[i / k * size + static_cast<int64_t>(selection.data[i].value)] += x.data[i];
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

static llvm::Error evaluateChosen(ChosenOp op, Frame &frame) {
  const Tensor &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  int64_t k = selection.sizes.back(), size = result.sizes.back();
  for (int64_t i = 0; i < selection.count(); ++i)
    if (selection.data[i].value >= 0)
      result.data[i / k * size + static_cast<int64_t>(selection.data[i].value)] = Number(1);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

void reference::addSelections(EvaluatorTable &table) {
  table.add(evaluateTopk);
  table.add(evaluateForced);
  table.add(evaluateFirst);
  table.add(evaluateGather);
  table.add(evaluateScatter);
  table.add(evaluateChosen);
}
