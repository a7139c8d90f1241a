// Reductions, and functions along an axis. The formulas take the elements of one group as a list.
#include "compiler/Reference/Frame.h"
#include "dialects/Moe/IR/SumOrder.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

using Numbers = ArrayRef<Number>;
using Lists = std::vector<std::vector<Number>>;

//===-- Formulas
//----------------------------------------------------------------------------------------------------===//

static Number sum(Numbers x) {
  Number total;
  for (Number number : x)
    total += number;
  return total;
}

static Number mean(Numbers x) { return sum(x) / Number(static_cast<double>(x.size())); }

static Number variance(Numbers x) {
  Number center = mean(x);
  std::vector<Number> squares;
  for (Number number : x)
    squares.push_back((number - center) * (number - center));
  return mean(squares);
}

static Number greatest(Numbers x) {
  Number best(-std::numeric_limits<double>::infinity());
  for (Number number : x)
    best = maximum(best, number);
  return best;
}

static Number least(Numbers x) {
  Number best(std::numeric_limits<double>::infinity());
  for (Number number : x)
    best = minimum(best, number);
  return best;
}

/// The greatest that is not NaN.
static Number greatestNumber(Numbers x) {
  Number best(-std::numeric_limits<double>::infinity());
  for (Number number : x)
    best = maxnum(best, number);
  return best;
}

/// log(sum(exp(x))), shifted by the greatest number so that exp does not overflow.
static Number logSumExp(Numbers x) {
  Number shift = greatestNumber(x);
  if (std::isinf(shift.value))
    shift = Number(0);
  Number total;
  for (Number number : x)
    total += exp(shifted(number, shift));
  return x.empty() ? Number(std::numeric_limits<double>::quiet_NaN()) : shift + log(total);
}

static Number reduce(ReduceKind kind, Numbers x) {
  switch (kind) {
  case ReduceKind::Sum:
    return sum(x);
  case ReduceKind::Mean:
    return mean(x);
  case ReduceKind::Max:
    return greatest(x);
  case ReduceKind::Min:
    return least(x);
  case ReduceKind::MaxNum:
    return greatestNumber(x);
  case ReduceKind::Var:
    return variance(x);
  case ReduceKind::Std:
    return sqrt(variance(x));
  case ReduceKind::Cv2:
    return variance(x) / (mean(x) * mean(x));
  case ReduceKind::LogSumExp:
    return logSumExp(x);
  }
  return {};
}

/// From the greatest down; NaN below every number.
static std::vector<Number> sorted(Numbers x) {
  std::vector<Number> result(x);
  std::sort(result.begin(), result.end(),
            [](Number a, Number b) { return std::isnan(b.value) ? !std::isnan(a.value) : a.value > b.value; });
  return result;
}

/// exp(x - m) / sum(exp(x - m)), m the greatest number.
static std::vector<Number> softmax(Numbers x) {
  Number m = greatestNumber(x);
  std::vector<Number> result;
  for (Number number : x)
    result.push_back(exp(shifted(number, m)));
  Number total = sum(result);
  for (Number &number : result)
    number = number / total;
  return result;
}

/// x / sum(x).
static std::vector<Number> normalize(Numbers x) {
  Number total = sum(x);
  std::vector<Number> result;
  for (Number number : x)
    result.push_back(number / total);
  return result;
}

/// (x - mean(x)) / (std(x) + eps).
static std::vector<Number> standardize(Numbers x, double eps) {
  Number center = mean(x), width = sqrt(variance(x)) + Number(eps);
  std::vector<Number> result;
  for (Number number : x)
    result.push_back((number - center) / width);
  return result;
}

//===-- Groups of elements
//------------------------------------------------------------------------------------------===//

/// Where each element of `input` goes when the axes `over` are removed, or the one axis in it becomes `to`.
class Grouping {
public:
  Grouping(Operation *op, const Frame &frame, const Tensor &input, ArrayRef<StringRef> over,
           std::optional<StringRef> to, const Tensor &result) {
    strides = result.strides(input.axes);
    for (StringRef axis : over)
      strides[input.indexOf(axis)] = 0;
    if (!to)
      return;
    coarsened = input.indexOf(over.front());
    map = *frame.groupMap(op, over.front(), *to); // the verifier has checked that there is one
    coarseStride = result.strides({result.axes[result.indexOf(*to)]})[0];
  }

  /// Position in the result of the group of the element at these coordinates.
  int64_t operator()(ArrayRef<int64_t> at) const {
    return offset(at, strides) + (coarsened < 0 ? 0 : coarseStride * map[at[coarsened]]);
  }
  /// Position of that one among `groups` groups.
  int64_t ofGroup(ArrayRef<int64_t> at, int64_t group) const { return offset(at, strides) + coarseStride * group; }

private:
  SmallVector<int64_t> strides;
  int64_t coarsened = -1, coarseStride = 0;
  std::vector<int64_t> map;
};

/// Whether an element takes part in what is done along the axes `over`: the slot of `valid` (null: any) that it belongs
/// to is filled, and it belongs to no masked token and no piece without tokens.
class Validity {
public:
  Validity(const Frame &frame, Value valid, const Tensor &input, ArrayRef<StringRef> over)
      : valid(valid ? &frame[valid] : nullptr) {
    if (valid)
      strides = this->valid->strides(input.axes);
    for (StringRef axis : over)
      if (const std::vector<bool> *part = frame.partOf(input.axes[input.indexOf(axis)]))
        parts.push_back({input.indexOf(axis), part});
  }
  bool operator()(ArrayRef<int64_t> at) const {
    for (auto [axis, part] : parts)
      if (!(*part)[at[axis]])
        return false;
    return !valid || valid->data[offset(at, strides)].value >= 0;
  }

private:
  const Tensor *valid;
  SmallVector<int64_t> strides;
  SmallVector<std::pair<int64_t, const std::vector<bool> *>> parts; ///< by position of the axis
};

/// The valid elements of `input`, one list per element of the result.
static Lists collect(const Tensor &input, const Grouping &grouping, const Validity &isValid, int64_t count) {
  Lists lists(count);
  auto element = input.data.begin();
  forEachIndex(input.sizes, [&](ArrayRef<int64_t> at) {
    if (isValid(at))
      lists[grouping(at)].push_back(*element);
    ++element;
  });
  return lists;
}

/// The terms of sums in f32, whose order the targets share (dialects/Moe/IR/SumOrder.h): an element that takes no part
/// is a zero in its place, and where an input places the groups, each has a term for every element.
static Lists collectTerms(ReduceOp op, const Tensor &input, const Grouping &grouping, const Validity &isValid,
                          const Tensor &result) {
  Lists lists(result.count());
  bool placed = op.getTo() && lookupAxis(op, *op.getTo()).getPlacement();
  int64_t groups = placed ? result.sizes[result.indexOf(*op.getTo())] : 0;
  auto element = input.data.begin();
  forEachIndex(input.sizes, [&](ArrayRef<int64_t> at) {
    Number term = isValid(at) ? *element : Number(0);
    int64_t own = grouping(at);
    ++element;
    if (!placed)
      lists[own].push_back(term);
    for (int64_t group = 0; group < groups; ++group) {
      int64_t other = grouping.ofGroup(at, group);
      lists[other].push_back(other == own ? term : Number(0));
    }
  });
  return lists;
}

/// Whether `op` adds up floats along axes of compile-time size only.
static bool isOrderedSum(ReduceOp op) {
  RankedTensorType type = op.getInput().getType();
  return op.getKind() == ReduceKind::Sum && isa<FloatType>(type.getElementType()) &&
         llvm::none_of(op.getOver().getAsRange<StringAttr>(),
                       [&](StringAttr axis) { return type.isDynamicDim(axisIndex(type, axis.getValue())); });
}

//===-- Evaluators
//--------------------------------------------------------------------------------------------------===//

static llvm::Error evaluateReduce(ReduceOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  Tensor result = frame.make(op.getType());
  SmallVector<StringRef> over;
  for (StringAttr axis : op.getOver().getAsRange<StringAttr>())
    over.push_back(axis.getValue());
  Grouping grouping(op, frame, x, over, op.getTo(), result);
  Validity isValid(frame, op.getValid(), x, over);
  if (frame.single && isOrderedSum(op)) {
    auto add = [&](Number a, Number b) { return frame.round(a + b); };
    for (auto [number, list] : llvm::zip_equal(result.data, collectTerms(op, x, grouping, isValid, result)))
      number = addInOrder<Number>(list, Number(0), add);
    frame.set(op.getResult(), std::move(result));
    return llvm::Error::success();
  }
  Lists lists = collect(x, grouping, isValid, result.count());
  auto integer = dyn_cast<IntegerType>(getElementTypeOrSelf(op.getType()));
  for (auto [number, list] : llvm::zip_equal(result.data, lists)) {
    number = frame.round(reduce(op.getKind(), list));
    if (integer && list.empty() && op.getKind() != ReduceKind::Sum) { // the least and the greatest integer
      double limit = std::ldexp(1.0, static_cast<int>(integer.getWidth()) - 1);
      number = Number(op.getKind() == ReduceKind::Max ? -limit : limit - 1);
    }
  }
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The lists along one axis, or of its groups, sorted from the greatest down.
static Lists collectSorted(Operation *op, const Frame &frame, const Tensor &x, StringRef axis,
                           std::optional<StringRef> to, const Tensor &result) {
  Lists lists = collect(x, Grouping(op, frame, x, {axis}, to, result), Validity(frame, {}, x, {}), result.count());
  for (auto &list : lists)
    list = sorted(list);
  return lists;
}

/// Sum of the n greatest, added from the greatest down, rounding each sum where the frame says so.
static llvm::Error evaluateSumTop(SumTopOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  Lists lists = collectSorted(op, frame, frame[op.getInput()], op.getAxis(), op.getTo(), result);
  for (auto [number, list] : llvm::zip_equal(result.data, lists))
    for (Number next : Numbers(list).take_front(op.getN()))
      number = frame.round(number + next);
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The k-th greatest.
static llvm::Error evaluateKth(KthOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  Lists lists = collectSorted(op, frame, frame[op.getInput()], op.getAxis(), std::nullopt, result);
  for (auto [number, list] : llvm::zip_equal(result.data, lists))
    number = list[op.getK() - 1];
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The first of the greatest.
static llvm::Error evaluateArgmax(ArgmaxOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  const Tensor &x = frame[op.getInput()];
  Grouping grouping(op, frame, x, {op.getAxis()}, std::nullopt, result);
  Lists lists = collect(x, grouping, Validity(frame, {}, x, {}), result.count());
  for (auto [number, list] : llvm::zip_equal(result.data, lists)) {
    size_t best = 0;
    for (size_t i = 1; i < list.size(); ++i)
      if (list[i].value > list[best].value || (std::isnan(list[best].value) && !std::isnan(list[i].value)))
        best = i;
    number = Number(static_cast<double>(best));
  }
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// Applies `formula` to each list of valid elements along `axis`; the others become 0.
template <typename Op, typename Formula> static llvm::Error along(Op op, Value valid, Frame &frame, Formula formula) {
  const Tensor &x = frame[op.getInput()];
  Tensor rows = frame.make(withoutAxis(cast<RankedTensorType>(op.getInput().getType()), op.getAxis()));
  Grouping grouping(op, frame, x, {op.getAxis()}, std::nullopt, rows);
  Validity isValid(frame, valid, x, {op.getAxis()});
  Lists lists = collect(x, grouping, isValid, rows.count());
  for (auto &list : lists)
    list = formula(Numbers(list));
  Tensor result = frame.make(op.getType());
  std::vector<size_t> next(lists.size(), 0);
  auto element = result.data.begin();
  forEachIndex(x.sizes, [&](ArrayRef<int64_t> at) {
    int64_t row = grouping(at);
    *element++ = isValid(at) ? frame.round(lists[row][next[row]++]) : Number(0);
  });
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

static llvm::Error evaluateSoftmax(SoftmaxOp op, Frame &frame) { return along(op, op.getValid(), frame, softmax); }

static llvm::Error evaluateNormalize(NormalizeOp op, Frame &frame) {
  return along(op, op.getValid(), frame, normalize);
}

static llvm::Error evaluateStandardize(StandardizeOp op, Frame &frame) {
  double eps = op.getEps().convertToDouble();
  return along(op, Value(), frame, [&](Numbers x) { return standardize(x, eps); });
}

void reference::addReductions(EvaluatorTable &table) {
  table.add(evaluateReduce);
  table.add(evaluateSumTop);
  table.add(evaluateKth);
  table.add(evaluateArgmax);
  table.add(evaluateSoftmax);
  table.add(evaluateNormalize);
  table.add(evaluateStandardize);
}
