// Selections: which elements are chosen, and what is made of them.
#include "compiler/Reference/Frame.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// Whether element i ranks before element j: numbers before NaN, greater first, then lower index.
static bool ranksBefore(double a, size_t i, double b, size_t j) {
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

/// The best elements, of those that `among` allows; the slots that find none are empty.
static llvm::Error evaluateTopk(TopkOp op, Frame &frame) {
  const Tensor &score = frame[op.getScore()];
  Tensor result = frame.make(op.getType());
  ArrayRef<StringAttr> batch = ArrayRef(result.axes).drop_back();
  auto strides = score.strides(batch);
  int64_t size = score.sizes[score.indexOf(op.getAxis())], k = result.sizes.back();
  int64_t stride = score.strides({op.getAxisAttr()})[0];
  const Tensor *among = op.getAmong() ? &frame[op.getAmong()] : nullptr;
  std::optional<std::vector<int64_t>> group;
  SmallVector<int64_t> amongStrides;
  if (among) {
    group = frame.groupMap(op, op.getAxis(), cast<SelectionType>(op.getAmong().getType()).getAxis().getValue());
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
    std::vector<size_t> order;
    for (int64_t e = 0; e < size; ++e)
      if (isAllowed(e))
        order.push_back(e);
    std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return ranksBefore(value(i), i, value(j), j); });
    for (size_t slot = 0; slot < static_cast<size_t>(k); ++slot)
      result.data[row * k + slot] = Number(slot < order.size() ? static_cast<double>(order[slot]) : -1);
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// Whether a slot names an element of an axis of `size` elements: it is not empty, nor an element beyond them.
static bool names(Number index, int64_t size) { return index.value >= 0 && index.value < static_cast<double>(size); }

/// result[b…, j] = index[b…, j], -1 outside of the selected axis.
static llvm::Error evaluateForced(ForcedOp op, Frame &frame) {
  const Tensor &index = frame[op.getIndex()];
  Tensor result = frame.make(op.getType());
  int64_t size = frame.axisSizes.lookup(op.getType().getAxis());
  for (auto [slot, element] : llvm::zip_equal(result.data, index.data))
    slot = names(element, size) ? element : Number(-1);
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

/// result[b…, j] = slot j is not empty.
static llvm::Error evaluateFilled(FilledOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  for (auto [filled, slot] : llvm::zip_equal(result.data, frame[op.getSelection()].data))
    filled = Number(slot.value >= 0);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The slots where the condition holds; the others are empty.
static llvm::Error evaluateFilter(FilterOp op, Frame &frame) {
  Tensor result = frame[op.getSelection()];
  for (auto [slot, keep] : llvm::zip_equal(result.data, frame[op.getCondition()].data))
    slot = keep.value != 0 ? slot : Number(-1);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The slots of the selection, then the appended elements.
static llvm::Error evaluateAppend(AppendOp op, Frame &frame) {
  const Tensor &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  int64_t from = selection.sizes.back(), to = result.sizes.back();
  for (int64_t i = 0; i < result.count(); ++i)
    result.data[i] = i % to < from ? selection.data[i / to * from + i % to] : Number(op.getElements()[i % to - from]);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, j] = x[b…, route[b…, j]], 0 where the slot names nothing.
static llvm::Error evaluateGather(GatherOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()], &selection = frame[op.getSelection()];
  Tensor result = frame.make(op.getType());
  SmallVector<StringAttr> axes(result.axes);
  auto strides = x.strides(axes);
  StringAttr axis = op.getSelection().getType().getAxis();
  int64_t selected = x.strides({axis})[0], size = frame.axisSizes.lookup(axis);
  int64_t element = 0;
  forEachIndex(result.sizes, [&](ArrayRef<int64_t> at) {
    Number index = selection.data[element];
    int64_t from = offset(at, strides) + (names(index, size) ? static_cast<int64_t>(index.value) * selected : 0);
    result.data[element++] = names(index, size) ? x.data[from] : Number(0);
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// A value for each element, from what each slot that names one adds to it: `body(element's value, slot)`.
static void atElements(const Tensor &selection, Tensor &result, function_ref<void(Number &, int64_t)> body) {
  int64_t k = selection.sizes.back(), size = result.sizes.back();
  for (int64_t i = 0; i < selection.count(); ++i)
    if (names(selection.data[i], size))
      body(result.data[i / k * size + static_cast<int64_t>(selection.data[i].value)], i);
}

/// result[b…, e] = sum over the j with selection[b…, j] = e of x[b…, j].
static llvm::Error evaluateScatter(ScatterOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  Tensor result = frame.make(op.getType());
  atElements(frame[op.getSelection()], result, [&](Number &sum, int64_t slot) { sum += x.data[slot]; });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, e] = exists j: selection[b…, j] = e.
static llvm::Error evaluateChosen(ChosenOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  atElements(frame[op.getSelection()], result, [](Number &chosen, int64_t) { chosen = Number(1); });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// result[b…, e] = how many j there are with selection[b…, j] = e.
static llvm::Error evaluateMultiplicity(MultiplicityOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  atElements(frame[op.getSelection()], result, [](Number &count, int64_t) { count += Number(1); });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

void reference::addSelections(EvaluatorTable &table) {
  table.add(evaluateTopk);
  table.add(evaluateForced);
  table.add(evaluateFirst);
  table.add(evaluateFilled);
  table.add(evaluateFilter);
  table.add(evaluateAppend);
  table.add(evaluateGather);
  table.add(evaluateScatter);
  table.add(evaluateChosen);
  table.add(evaluateMultiplicity);
}
