// Capacities in f64: floor(0.7 * 10) is 7, and 0.7 rounded to f32 would make it 6. Constants are exact in f64; sizes,
// params and whatever else is a value of the gate are widened. See Lower.h.
#include "compiler/Frontend/Lower.h"
#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

/// Values that are defined by each other; far beyond what a capacity is made of, and shallow enough for the stack.
static constexpr unsigned kMaxDepth = 1000;

Value Lower::wideConstant(double value) {
  auto type = RankedTensorType::get({}, builder.getF64Type());
  return arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, value));
}

Value Lower::widen(Value value) {
  if (!value || !isa<RankedTensorType>(value.getType()))
    return nullptr;
  auto type = RankedTensorType::get({}, builder.getF64Type());
  switch (elementOf(value)) {
  case Element::F32:
    return arith::ExtFOp::create(builder, loc, type, value);
  case Element::Bool:
    return arith::UIToFPOp::create(builder, loc, type, value);
  default:
    return arith::SIToFPOp::create(builder, loc, type, value);
  }
}

Value Lower::lowerWide(const Expr &expr) {
  if (expr.constant)
    return wideConstant(expr.constant->real);
  llvm::SMLoc outer = std::exchange(position, expr.loc);
  Value value = lowerWideUncached(expr);
  position = outer;
  return value;
}

Value Lower::lowerWideUncached(const Expr &expr) {
  if (expr.type.element == Element::F32) { // integers are exact as they are
    if (expr.kind == Expr::Kind::Name)
      return lowerWideName(expr);
    if (expr.kind == Expr::Kind::Unary && expr.op == Operator::Neg) {
      Value x = lowerWide(*expr.operands[0]);
      return x ? arith::NegFOp::create(builder, loc, x).getResult() : x;
    }
    if (expr.kind == Expr::Kind::Binary)
      return lowerWideBinary(expr);
    if (expr.kind == Expr::Kind::Call)
      return lowerWideCall(expr);
  }
  return widen(lower(expr));
}

/// A name stands for what it was defined as.
Value Lower::lowerWideName(const Expr &expr) {
  const Expr *definition = definitions.lookup(expr.symbol);
  if (!definition)
    return widen(lower(expr));
  if (Value known = wideValues.lookup(expr.symbol))
    return known;
  if (wideDepth == kMaxDepth) {
    diags.error(expr.loc) << "this capacity is defined through more than " << kMaxDepth << " names";
    return nullptr;
  }
  ++wideDepth;
  Value value = lowerWide(*definition);
  --wideDepth;
  wideValues[expr.symbol] = value;
  return value;
}

Value Lower::lowerWideBinary(const Expr &expr) {
  if (expr.op == Operator::Pow)
    return lowerWidePower(expr);
  Value lhs = lowerWide(*expr.operands[0]), rhs = lhs ? lowerWide(*expr.operands[1]) : Value();
  return lhs && rhs ? arithmetic(expr.op, lhs, rhs) : Value();
}

/// Whole powers are products, as elsewhere.
Value Lower::lowerWidePower(const Expr &expr) {
  const std::optional<Constant> &exponent = expr.operands[1]->constant;
  if (!exponent || std::floor(exponent->real) != exponent->real || std::abs(exponent->real) > 16)
    return widen(lower(expr));
  auto n = static_cast<int64_t>(exponent->real);
  if (n == 0)
    return wideConstant(1);
  Value x = lowerWide(*expr.operands[0]);
  if (!x)
    return x;
  Value power = integerPower(x, std::abs(n), {});
  return n > 0 ? power : arith::DivFOp::create(builder, loc, wideConstant(1), power).getResult();
}

/// floor, ceil, abs, sqrt, min, max, clamp, mod; everything else is computed as elsewhere, then widened.
Value Lower::lowerWideCall(const Expr &call) {
  StringRef name = call.text;
  bool isUnary = name == "floor" || name == "ceil" || name == "abs" || name == "sqrt";
  bool isPair = (call.builtin->group == Group::MinMax && call.over.empty()) || call.builtin->group == Group::Clamp ||
                call.builtin->group == Group::Mod;
  if (!isUnary && !isPair)
    return widen(lower(call));
  SmallVector<Value> x;
  for (const Argument &argument : call.arguments) {
    x.push_back(lowerWide(*argument.value));
    if (!x.back())
      return nullptr;
  }
  if (isUnary)
    return lowerUnaryFunction(name, x[0], {});
  if (call.builtin->group == Group::Mod) {
    Value quotient = math::FloorOp::create(builder, loc, arith::DivFOp::create(builder, loc, x[0], x[1]));
    return arith::SubFOp::create(builder, loc, x[0], arith::MulFOp::create(builder, loc, quotient, x[1]));
  }
  Value result = x[0];
  for (size_t i = 1; i < x.size(); ++i)
    result = name == "max" || (name == "clamp" && i == 1)
                 ? arith::MaximumFOp::create(builder, loc, result, x[i]).getResult()
                 : arith::MinimumFOp::create(builder, loc, result, x[i]).getResult();
  return result;
}
