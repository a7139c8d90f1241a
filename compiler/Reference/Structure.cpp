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

static llvm::Error evaluateInput(InputOp op, Frame &frame) {
  Tensor result = frame.make(op.getType());
  Type element = getElementTypeOrSelf(op.getType());
  for (auto [number, value] : llvm::zip_equal(result.data, frame.inputs.at(op.getName().str()).data))
    number = Number(roundTo(element, value));
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

static llvm::Error evaluateOutput(OutputOp op, Frame &frame) {
  frame.results[op.getName().str()] = toArray(frame[op.getValue()], op.getValue().getType());
  return llvm::Error::success();
}

void reference::addStructure(EvaluatorTable &table) {
  table.add(evaluateAxis);
  table.add(evaluateInput);
  table.add(evaluateParam);
  table.add(evaluateConstant);
  table.add(evaluateLoss);
  table.add(evaluateMetric);
  table.add(evaluateOutput);
}
