// What goes into a gate and what comes out of it.
#include "compiler/Reference/Frame.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// `value` as an element of that type holds it.
static double roundTo(Type element, double value) {
  auto type = dyn_cast<FloatType>(element);
  if (!type)
    return value;
  APFloat number(value);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

static Array toArray(const Tensor &tensor, Type type) {
  Array array;
  for (StringAttr axis : tensor.axes)
    array.axes.push_back(axis.str());
  array.sizes.assign(tensor.sizes.begin(), tensor.sizes.end());
  Type element = getElementTypeOrSelf(type);
  array.kind = isa<FloatType>(element) ? ElementKind::Float
               : element.isInteger(1)  ? ElementKind::Boolean
                                       : ElementKind::Integer;
  for (Number number : tensor.data) {
    array.data.push_back(number.value);
    if (array.kind == ElementKind::Float)
      array.terms.push_back(number.terms);
  }
  return array;
}

static llvm::Error evaluateAxis(AxisOp, Frame &) { return llvm::Error::success(); }
static llvm::Error evaluateMask(MaskOp, Frame &) { return llvm::Error::success(); }

/// What the caller passes as `name`, as elements of the type; where that has layers, and the array does not, the same
/// for each of them.
static Tensor given(StringRef name, RankedTensorType type, Frame &frame) {
  Tensor result = frame.make(type);
  const std::vector<double> &data = frame.inputs.at(name.str()).data;
  for (auto [i, number] : llvm::enumerate(result.data))
    number = Number(roundTo(type.getElementType(), data[i % data.size()]));
  return result;
}

static llvm::Error evaluateInput(InputOp op, Frame &frame) {
  frame.set(op.getResult(), given(op.getName(), op.getType(), frame));
  return llvm::Error::success();
}

/// What the caller keeps; without it, `init` everywhere.
static llvm::Error evaluateState(StateOp op, Frame &frame) {
  if (frame.inputs.count(op.getName().str())) {
    frame.set(op.getResult(), given(op.getName(), op.getType(), frame));
    return llvm::Error::success();
  }
  Tensor result = frame.make(op.getType());
  double init = roundTo(op.getType().getElementType(), op.getInit().convertToDouble());
  std::fill(result.data.begin(), result.data.end(), Number(init));
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

static llvm::Error evaluateParam(ParamOp op, Frame &frame) {
  double value = op.getInit().convertToDouble();
  if (auto it = frame.inputs.find(op.getName().str()); it != frame.inputs.end()) {
    if (it->second.data.size() != 1)
      return errorAt(op, "parameter '" + op.getName() + "' is a scalar, but " + Twine(it->second.data.size()) +
                             " elements are given");
    value = it->second.data[0];
  }
  Tensor result = frame.make(op.getType());
  result.data[0] = Number(roundTo(getElementTypeOrSelf(op.getType()), value));
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

static llvm::Error evaluateConstant(arith::ConstantOp op, Frame &frame) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return errorAt(op, "is not a dense constant");
  Tensor result = frame.make(op.getType());
  Type type = elements.getElementType();
  if (isa<FloatType>(type)) {
    for (auto [number, value] : llvm::zip_equal(result.data, elements.getValues<APFloat>())) {
      bool losesInfo;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
      number = Number(value.convertToDouble());
    }
  } else {
    for (auto [number, value] : llvm::zip_equal(result.data, elements.getValues<APInt>()))
      number = Number(
          static_cast<double>(type.isInteger(1) ? static_cast<int64_t>(value.getZExtValue()) : value.getSExtValue()));
  }
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

/// The value; 0 when there is no valid token.
static llvm::Error evaluateLoss(LossOp op, Frame &frame) {
  Tensor value = frame[op.getValue()];
  if (frame.empty)
    value.data[0] = Number(0);
  frame.results[op.getName().str()] = toArray(value, op.getValue().getType());
  return llvm::Error::success();
}

/// The value; NaN, or 0 for integers, when there is no valid token.
static llvm::Error evaluateMetric(MetricOp op, Frame &frame) {
  Tensor value = frame[op.getValue()];
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(op.getValue().getType()));
  if (frame.empty)
    for (Number &number : value.data)
      number = Number(isFloat ? std::numeric_limits<double>::quiet_NaN() : 0);
  frame.results[op.getName().str()] = toArray(value, op.getValue().getType());
  return llvm::Error::success();
}

/// The value of the state after the step; without a valid token, as it was.
static llvm::Error evaluateUpdate(UpdateOp op, Frame &frame) {
  Value value = op.getValue();
  for (auto state : op->getBlock()->getOps<StateOp>())
    if (frame.empty && state.getName() == op.getName())
      value = state.getResult();
  frame.results[op.getName().str()] = toArray(frame[value], value.getType());
  return llvm::Error::success();
}

/// The caller's array for a value of an output: the layers that have been folded into its tokens in front, or one of
/// them where the array has none.
static void unfold(Array &array, OutputOp op, const Frame &frame) {
  AxisOp outer = array.axes.empty() ? AxisOp() : lookupAxis(op, array.axes[0]);
  if (frame.layers == 1 || !frame.isInEachLayer(outer))
    return;
  array.sizes[0] /= frame.layers;
  if (op.getLayered()) {
    array.axes.insert(array.axes.begin(), op.getLayered()->str());
    array.sizes.insert(array.sizes.begin(), frame.layers);
  }
  array.data.resize(array.count());
  if (array.kind == ElementKind::Float)
    array.terms.resize(array.count());
}

/// The value; 0 at masked tokens, where a selection is empty already, and its positions in a dispatch plan are -1.
static llvm::Error evaluateOutput(OutputOp op, Frame &frame) {
  Type type = op.getValue().getType();
  const Tensor &value = frame[op.getValue()];
  bool knowsMask = isa<SelectionType>(type) || op.getValue().getDefiningOp<PermuteOp>();
  Array &array = frame.results[op.getName().str()];
  array = toArray(knowsMask ? value : frame.withoutMasked(value, Number(0)), type);
  unfold(array, op, frame);
  return llvm::Error::success();
}

void reference::addStructure(EvaluatorTable &table) {
  table.add(evaluateAxis);
  table.add(evaluateMask);
  table.add(evaluateInput);
  table.add(evaluateState);
  table.add(evaluateParam);
  table.add(evaluateConstant);
  table.add(evaluateLoss);
  table.add(evaluateMetric);
  table.add(evaluateUpdate);
  table.add(evaluateOutput);
}
