// Functions of floats, element by element.
#include "compiler/Reference/Frame.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

/// Applies `formula` to the operands of `op`, element by element, and rounds as the frame says.
template <typename Formula> static llvm::Error pointwise(Operation *op, Frame &frame, Formula formula) {
  Tensor result = frame.make(op->getResult(0).getType());
  SmallVector<const Tensor *> operands;
  for (Value operand : op->getOperands())
    operands.push_back(&frame[operand]);
  SmallVector<Number> x(operands.size());
  for (size_t i = 0; i < result.data.size(); ++i) {
    for (auto [number, tensor] : llvm::zip_equal(x, operands))
      number = tensor->data[i];
    result.data[i] = frame.round(formula(ArrayRef<Number>(x)));
  }
  frame.set(op->getResult(0), std::move(result));
  return llvm::Error::success();
}

template <typename Op> static void addUnary(EvaluatorTable &table, Number (*formula)(Number)) {
  table.addRaw<Op>([formula](Operation *op, Frame &frame) {
    return pointwise(op, frame, [&](ArrayRef<Number> x) { return formula(x[0]); });
  });
}

template <typename Op> static void addBinary(EvaluatorTable &table, Number (*formula)(Number, Number)) {
  table.addRaw<Op>([formula](Operation *op, Frame &frame) {
    return pointwise(op, frame, [&](ArrayRef<Number> x) { return formula(x[0], x[1]); });
  });
}

//===-- Operations that need more than their operands
//---------------------------------------------------------------===//

/// a * b + c with one rounding.
static llvm::Error evaluateFma(math::FmaOp op, Frame &frame) {
  return pointwise(op, frame, [&](ArrayRef<Number> x) {
    double a = x[0].value, b = x[1].value, c = x[2].value, terms = x[0].terms * x[1].terms + x[2].terms;
    return frame.single ? Number(std::fmaf(a, b, c), terms) : Number(std::fma(a, b, c), terms);
  });
}

static llvm::Error evaluateSelect(arith::SelectOp op, Frame &frame) {
  return pointwise(op, frame, [](ArrayRef<Number> x) { return x[0].value != 0 ? x[1] : x[2]; });
}

static bool holds(arith::CmpFPredicate predicate, double a, double b) {
  using enum arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case AlwaysFalse:
    return false;
  case OEQ:
    return a == b;
  case OGT:
    return a > b;
  case OGE:
    return a >= b;
  case OLT:
    return a < b;
  case OLE:
    return a <= b;
  case ONE:
    return !unordered && a != b;
  case ORD:
    return !unordered;
  case UEQ:
    return unordered || a == b;
  case UGT:
    return unordered || a > b;
  case UGE:
    return unordered || a >= b;
  case ULT:
    return unordered || a < b;
  case ULE:
    return unordered || a <= b;
  case UNE:
    return a != b;
  case UNO:
    return unordered;
  case AlwaysTrue:
    return true;
  }
  return false;
}

static llvm::Error evaluateCompare(arith::CmpFOp op, Frame &frame) {
  return pointwise(op, frame,
                   [&](ArrayRef<Number> x) { return Number(holds(op.getPredicate(), x[0].value, x[1].value)); });
}

/// In f64 nothing is truncated; where f32 is exact, the value is rounded to the narrower type.
static llvm::Error evaluateTruncate(arith::TruncFOp op, Frame &frame) {
  const llvm::fltSemantics &semantics = cast<FloatType>(getElementTypeOrSelf(op.getType())).getFloatSemantics();
  return pointwise(op, frame, [&](ArrayRef<Number> x) {
    if (!frame.single)
      return x[0];
    APFloat number(x[0].value);
    bool losesInfo;
    number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    return Number(number.convertToDouble(), x[0].terms);
  });
}

//===-- Formulas
//----------------------------------------------------------------------------------------------------===//

static void addArithmetic(EvaluatorTable &table) {
  addBinary<arith::AddFOp>(table, [](Number a, Number b) { return a + b; });
  addBinary<arith::SubFOp>(table, [](Number a, Number b) { return a - b; });
  addBinary<arith::MulFOp>(table, [](Number a, Number b) { return a * b; });
  addBinary<arith::DivFOp>(table, [](Number a, Number b) { return a / b; });
  addBinary<arith::RemFOp>(table, [](Number a, Number b) { return Number(std::fmod(a.value, b.value), a.terms); });
  addUnary<arith::NegFOp>(table, [](Number x) { return -x; });
  addUnary<arith::ExtFOp>(table, [](Number x) { return x; });
  addBinary<arith::MaximumFOp>(table, [](Number a, Number b) { return maximum(a, b); });
  addBinary<arith::MinimumFOp>(table, [](Number a, Number b) { return minimum(a, b); });
  addBinary<arith::MaxNumFOp>(table, [](Number a, Number b) { return std::isnan(b.value) ? a : maxnum(a, b); });
  addBinary<arith::MinNumFOp>(table, [](Number a, Number b) {
    return std::isnan(a.value) ? b : std::isnan(b.value) ? a : minimum(a, b);
  });
  table.add(evaluateFma);
  table.add(evaluateSelect);
  table.add(evaluateCompare);
  table.add(evaluateTruncate);
}

static Number power(Number x, Number y) {
  double f = std::pow(x.value, y.value);
  return apply(x, f, y.value * std::pow(x.value, y.value - 1));
}

static void addMath(EvaluatorTable &table) {
  addUnary<math::AbsFOp>(table, [](Number x) { return abs(x); });
  addUnary<math::FloorOp>(table, [](Number x) { return Number(std::floor(x.value)); });
  addUnary<math::CeilOp>(table, [](Number x) { return Number(std::ceil(x.value)); });
  addUnary<math::TruncOp>(table, [](Number x) { return Number(std::trunc(x.value)); });
  addUnary<math::RoundEvenOp>(table, [](Number x) { return Number(std::nearbyint(x.value)); });
  addBinary<math::CopySignOp>(table,
                              [](Number a, Number b) { return Number(std::copysign(a.value, b.value), a.terms); });
  addUnary<math::SqrtOp>(table, [](Number x) { return sqrt(x); });
  addUnary<math::RsqrtOp>(table, [](Number x) { return Number(1) / sqrt(x); });
  addUnary<math::ExpOp>(table, [](Number x) { return exp(x); });
  addUnary<math::Exp2Op>(table, [](Number x) { return apply(x, std::exp2(x.value), M_LN2 * std::exp2(x.value)); });
  addUnary<math::ExpM1Op>(table, [](Number x) { return apply(x, std::expm1(x.value), std::exp(x.value)); });
  addUnary<math::LogOp>(table, [](Number x) { return log(x); });
  addUnary<math::Log2Op>(table, [](Number x) { return log(x) / Number(M_LN2); });
  addUnary<math::Log1pOp>(table, [](Number x) { return log1p(x); });
  addUnary<math::TanhOp>(table,
                         [](Number x) { return apply(x, std::tanh(x.value), 1 / std::pow(std::cosh(x.value), 2)); });
  addUnary<math::ErfOp>(table, [](Number x) { return Number(1) - erfc(x); });
  addUnary<math::ErfcOp>(table, [](Number x) { return erfc(x); });
  addBinary<math::PowFOp>(table, power);
  addBinary<math::FPowIOp>(table, power);
}

static void addGateFunctions(EvaluatorTable &table) {
  addUnary<SigmoidOp>(table, [](Number x) { return Number(1) / (Number(1) + exp(-x)); });
  addUnary<SoftplusOp>(table, [](Number x) { return maximum(x, Number(0)) + log1p(exp(-abs(x))); });
  addUnary<NormalCdfOp>(table, [](Number x) { return erfc(-x / Number(M_SQRT2)) / Number(2); });
  addUnary<SignOp>(table, [](Number x) { return std::isnan(x.value) ? x : Number((x.value > 0) - (x.value < 0)); });
  addUnary<DetachOp>(table, [](Number x) { return x; });
}

void reference::addPointwiseFloat(EvaluatorTable &table) {
  addArithmetic(table);
  addMath(table);
  addGateFunctions(table);
}
