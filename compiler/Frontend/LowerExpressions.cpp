// Values: types, constants, conversions, broadcasts, operators. See Lower.h.
#include "compiler/Frontend/Lower.h"
#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

//===-- Types
//-------------------------------------------------------------------------------------------------------===//

mlir::Type Lower::elementType(Element element) {
  switch (element) {
  case Element::Bool:
    return builder.getI1Type();
  case Element::I32:
    return builder.getI32Type();
  case Element::I64:
    return builder.getI64Type();
  case Element::F32:
    return builder.getF32Type();
  }
  return {};
}

StringAttr Lower::nameOf(const Axis *axis) {
  return builder.getStringAttr(axis->origin == Axis::Origin::Bound ? axis->within->name + ".bound" : axis->name);
}

RankedTensorType Lower::tensorType(Element element, Axes of) {
  SmallVector<StringAttr> names;
  SmallVector<int64_t> sizes;
  for (const Axis *axis : of) {
    names.push_back(nameOf(axis));
    sizes.push_back(axis->size.value_or(ShapedType::kDynamic));
  }
  return tensorOf(elementType(element), names, sizes);
}

Element Lower::elementOf(Value value) const {
  mlir::Type type = cast<ShapedType>(value.getType()).getElementType();
  return type.isInteger(1)    ? Element::Bool
         : type.isInteger(32) ? Element::I32
         : type.isInteger(64) ? Element::I64
                              : Element::F32;
}

//===-- Constants and conversions
//-----------------------------------------------------------------------------------===//

/// An f32 constant on the given axes: f64 rounded once.
Value Lower::constant(double value, Axes of) {
  auto type = tensorType(Element::F32, {});
  bool lossless = false;
  llvm::APFloat rounded(value);
  rounded.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &lossless);
  return broadcast(arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, rounded)), of);
}

/// The value of a compile-time expression. Integers outside the element type become f32.
Value Lower::constantOf(const Expr &expr, Element element) {
  const Constant &value = *expr.constant;
  bool fits =
      value.isInteger && (element == Element::I64 || (element == Element::I32 && llvm::isInt<32>(value.integer)));
  if (!fits)
    return constant(value.real);
  auto type = tensorType(element, {});
  llvm::APInt bits(element == Element::I64 ? 64 : 32, value.integer, /*isSigned=*/true);
  return arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, bits));
}

Value Lower::convert(Value value, Element element) {
  Element from = elementOf(value);
  if (from == element)
    return value;
  auto type = cast<RankedTensorType>(value.getType()).clone(elementType(element));
  if (element == Element::F32)
    return from == Element::Bool ? arith::UIToFPOp::create(builder, loc, type, value).getResult()
                                 : arith::SIToFPOp::create(builder, loc, type, value).getResult();
  if (from == Element::Bool)
    return arith::ExtUIOp::create(builder, loc, type, value);
  if (from == Element::I32)
    return arith::ExtSIOp::create(builder, loc, type, value);
  return arith::TruncIOp::create(builder, loc, type, value);
}

/// Repeats or reorders axes; `of` contains the value's axes.
Value Lower::broadcast(Value value, Axes of) {
  auto type = tensorType(elementOf(value), of);
  return type == value.getType() ? value : BroadcastOp::create(builder, loc, type, value).getResult();
}

//===-- Expressions
//-------------------------------------------------------------------------------------------------===//

Value Lower::lower(const Expr &expr) {
  if (expr.constant)
    return constantOf(expr, expr.type.element);
  llvm::SMLoc outer = std::exchange(position, expr.loc);
  Value value = lowerUncached(expr);
  position = outer;
  return value;
}

Value Lower::lowerUncached(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Number:
    return constantOf(expr, expr.type.element);
  case Expr::Kind::Name:
    return values.lookup(expr.symbol);
  case Expr::Kind::Member:
    return lowerMember(expr);
  case Expr::Kind::Unary:
    return lowerUnary(expr);
  case Expr::Kind::Binary:
    return lowerBinary(expr);
  case Expr::Kind::Call:
    return lowerCall(expr);
  case Expr::Kind::Gather:
    return lowerGather(expr);
  }
  return nullptr;
}

Value Lower::lowerAs(const Expr &expr, Element element) {
  if (expr.constant)
    return constantOf(expr, element);
  Value value = lower(expr);
  return value ? convert(value, element) : value;
}

Value Lower::lowerAs(const Expr &expr, Element element, Axes of) {
  Value value = lowerAs(expr, element);
  return value ? broadcast(value, of) : value;
}

//===-- Operators
//---------------------------------------------------------------------------------------------------===//

Value Lower::lowerUnary(const Expr &expr) {
  const Expr &operand = *expr.operands[0];
  if (expr.op == Operator::Neg) {
    Value x = lowerAs(operand, Element::F32);
    return x ? arith::NegFOp::create(builder, loc, x).getResult() : x;
  }
  Value x = lower(operand);
  if (!x)
    return x;
  auto type = tensorType(Element::Bool, {});
  Value yes = arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, true));
  return arith::XOrIOp::create(builder, loc, x, broadcast(yes, operand.type.axes));
}

Value Lower::lowerBinary(const Expr &expr) {
  if (expr.op == Operator::And || expr.op == Operator::Or)
    return lowerLogic(expr);
  if (expr.op >= Operator::Eq && expr.op <= Operator::Ge)
    return lowerComparison(expr);
  if (expr.op == Operator::Pow)
    return lowerPower(expr);
  Value lhs = lowerAs(*expr.operands[0], Element::F32, expr.type.axes);
  Value rhs = lowerAs(*expr.operands[1], Element::F32, expr.type.axes);
  return lhs && rhs ? arithmetic(expr.op, lhs, rhs) : Value();
}

Value Lower::arithmetic(Operator op, Value lhs, Value rhs) {
  switch (op) {
  case Operator::Add:
    return arith::AddFOp::create(builder, loc, lhs, rhs);
  case Operator::Sub:
    return arith::SubFOp::create(builder, loc, lhs, rhs);
  case Operator::Mul:
    return arith::MulFOp::create(builder, loc, lhs, rhs);
  default:
    return arith::DivFOp::create(builder, loc, lhs, rhs);
  }
}

Value Lower::lowerLogic(const Expr &expr) {
  Value lhs = lowerAs(*expr.operands[0], Element::Bool, expr.type.axes);
  Value rhs = lowerAs(*expr.operands[1], Element::Bool, expr.type.axes);
  if (!lhs || !rhs)
    return nullptr;
  if (expr.op == Operator::And)
    return arith::AndIOp::create(builder, loc, lhs, rhs);
  return arith::OrIOp::create(builder, loc, lhs, rhs);
}

/// Integers compare exactly, as integers; a comparison with NaN is false, but != is true.
Value Lower::lowerComparison(const Expr &expr) {
  const Expr &a = *expr.operands[0], &b = *expr.operands[1];
  Element wider = std::max(a.type.element, b.type.element); // Bool < I32 < I64 < F32
  bool orders = expr.op != Operator::Eq && expr.op != Operator::Ne;
  if (wider == Element::Bool && orders)
    wider = Element::I32;
  auto outside = [&](const Expr &e) {
    return e.constant && e.constant->isInteger && !llvm::isInt<32>(e.constant->integer);
  };
  if (wider == Element::I32 && (outside(a) || outside(b)))
    wider = Element::F32;
  Value lhs = lowerAs(a, wider, expr.type.axes), rhs = lowerAs(b, wider, expr.type.axes);
  if (!lhs || !rhs)
    return nullptr;
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr std::pair<F, I> table[] = {{F::OEQ, I::eq},  {F::UNE, I::ne},  {F::OLT, I::slt},
                                              {F::OLE, I::sle}, {F::OGT, I::sgt}, {F::OGE, I::sge}};
  auto [f, i] = table[static_cast<int>(expr.op) - static_cast<int>(Operator::Eq)];
  if (wider == Element::F32)
    return arith::CmpFOp::create(builder, loc, f, lhs, rhs);
  return arith::CmpIOp::create(builder, loc, i, lhs, rhs);
}

/// Small whole powers are products, so that they are exact and need no library call.
Value Lower::lowerPower(const Expr &expr) {
  const Expr &base = *expr.operands[0], &exponent = *expr.operands[1];
  Value x = lowerAs(base, Element::F32, expr.type.axes);
  if (!x)
    return x;
  if (exponent.constant && exponent.constant->real == 0.5)
    return math::SqrtOp::create(builder, loc, x);
  if (exponent.constant && std::floor(exponent.constant->real) == exponent.constant->real &&
      std::abs(exponent.constant->real) <= 16) {
    auto n = static_cast<int64_t>(exponent.constant->real);
    if (n == 0)
      return constant(1, expr.type.axes);
    Value power = integerPower(x, std::abs(n), expr.type.axes);
    return n > 0 ? power : arith::DivFOp::create(builder, loc, constant(1, expr.type.axes), power).getResult();
  }
  Value y = lowerAs(exponent, Element::F32, expr.type.axes);
  return y ? math::PowFOp::create(builder, loc, x, y).getResult() : y;
}

/// base**exponent for exponent >= 1 by repeated squaring.
Value Lower::integerPower(Value base, int64_t exponent, Axes of) {
  if (exponent == 1)
    return base;
  Value half = integerPower(base, exponent / 2, of);
  Value square = arith::MulFOp::create(builder, loc, half, half);
  return exponent % 2 ? arith::MulFOp::create(builder, loc, square, base).getResult() : square;
}

Value Lower::lowerGather(const Expr &expr) {
  Value x = lower(*expr.operands[0]), route = lower(*expr.operands[1]);
  if (!x || !route)
    return nullptr;
  return GatherOp::create(builder, loc, tensorType(expr.type.element, expr.type.axes), x, route);
}

/// The value of a plan is its `position`, one of the results of its operation.
Value Lower::lowerMember(const Expr &expr) {
  Value position = values.lookup(expr.symbol);
  auto plan = position ? position.getDefiningOp<PermuteOp>() : PermuteOp();
  if (!plan)
    return nullptr;
  return expr.member == "order" ? plan.getOrder() : expr.member == "offset" ? plan.getOffset() : position;
}
