// The adjoints of upstream arith and math on named-axis tensors, and of moe.shift, attached from outside. g stands for
// the gradient with respect to the result, y for the result.
#include "compiler/Transforms/Differentiate.h"
#include "dialects/Moe/IR/Adjoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <numbers>

using namespace mlir;
using namespace moe;

namespace {

/// An external model whose adjoint is the function `Adjoint(op, builder)`.
template <typename OpTy, void (*Adjoint)(OpTy, AdjointBuilder &)>
struct Model : DifferentiableOpInterface::ExternalModel<Model<OpTy, Adjoint>, OpTy> {
  void buildAdjoint(Operation *op, AdjointBuilder &a) const { Adjoint(cast<OpTy>(op), a); }
};

Value like(AdjointBuilder &a, Value value, double scalar) { return a.full(value.getType(), scalar); }

//===-- arith
//-------------------------------------------------------------------------------------------------------===//

void addF(arith::AddFOp op, AdjointBuilder &a) {
  a.accumulate(op.getLhs(), a.gradient());
  a.accumulate(op.getRhs(), a.gradient());
}
void subF(arith::SubFOp op, AdjointBuilder &a) {
  a.accumulate(op.getLhs(), a.gradient());
  a.accumulate(op.getRhs(), a.unary<arith::NegFOp>(a.gradient()));
}
void mulF(arith::MulFOp op, AdjointBuilder &a) {
  a.accumulate(op.getLhs(), a.mul(a.gradient(), op.getRhs()));
  a.accumulate(op.getRhs(), a.mul(a.gradient(), op.getLhs()));
}
/// g / b, and -(g / b) y.
void divF(arith::DivFOp op, AdjointBuilder &a) {
  Value share = a.div(a.gradient(), op.getRhs());
  a.accumulate(op.getLhs(), share);
  a.accumulate(op.getRhs(), a.unary<arith::NegFOp>(a.mul(share, op.getResult())));
}
/// mod(a, b) = a - b trunc(a / b): g to a, -g trunc(a / b) to b.
void remF(arith::RemFOp op, AdjointBuilder &a) {
  a.accumulate(op.getLhs(), a.gradient());
  Value times = a.unary<math::TruncOp>(a.div(op.getLhs(), op.getRhs()));
  a.accumulate(op.getRhs(), a.unary<arith::NegFOp>(a.mul(a.gradient(), times)));
}
void negF(arith::NegFOp op, AdjointBuilder &a) { a.accumulate(op.getOperand(), a.unary<arith::NegFOp>(a.gradient())); }

/// g to the operand that is taken; halves where both are equal.
template <typename OpTy, arith::CmpFPredicate Wins> void extreme(OpTy op, AdjointBuilder &a) {
  Value zero = like(a, op.getLhs(), 0), half = like(a, op.getLhs(), 0.5), one = like(a, op.getLhs(), 1);
  Value tie = a.select(arith::CmpFPredicate::OEQ, op.getLhs(), op.getRhs(), half, zero);
  Value left = a.select(Wins, op.getLhs(), op.getRhs(), one, tie);
  a.accumulate(op.getLhs(), a.mul(a.gradient(), left));
  a.accumulate(op.getRhs(), a.mul(a.gradient(), a.sub(one, left)));
}
void select(arith::SelectOp op, AdjointBuilder &a) {
  Value zero = like(a, op.getResult(), 0);
  a.accumulate(op.getTrueValue(), arith::SelectOp::create(a.builder, a.loc, op.getCondition(), a.gradient(), zero));
  a.accumulate(op.getFalseValue(), arith::SelectOp::create(a.builder, a.loc, op.getCondition(), zero, a.gradient()));
}
/// The gradient of a bf16 or f16 value is held in f32.
void extF(arith::ExtFOp op, AdjointBuilder &a) { a.accumulate(op.getIn(), a.gradient()); }

//===-- math
//--------------------------------------------------------------------------------------------------------===//

/// Adds g times `derivative` for a function of one operand.
template <typename OpTy> void chain(OpTy op, AdjointBuilder &a, Value derivative) {
  a.accumulate(op.getOperand(), a.mul(a.gradient(), derivative));
}
void exp(math::ExpOp op, AdjointBuilder &a) { chain(op, a, op.getResult()); }
void exp2(math::Exp2Op op, AdjointBuilder &a) { chain(op, a, a.mul(op.getResult(), std::numbers::ln2)); }
void expM1(math::ExpM1Op op, AdjointBuilder &a) { chain(op, a, a.unary<math::ExpOp>(op.getOperand())); }
void log(math::LogOp op, AdjointBuilder &a) { a.accumulate(op.getOperand(), a.div(a.gradient(), op.getOperand())); }
void log1p(math::Log1pOp op, AdjointBuilder &a) {
  a.accumulate(op.getOperand(), a.div(a.gradient(), a.add(op.getOperand(), 1.0)));
}
void sqrt(math::SqrtOp op, AdjointBuilder &a) {
  a.accumulate(op.getOperand(), a.div(a.gradient(), a.mul(op.getResult(), 2.0)));
}
/// -y / (2 x).
void rsqrt(math::RsqrtOp op, AdjointBuilder &a) { chain(op, a, a.mul(a.div(op.getResult(), op.getOperand()), -0.5)); }
/// sign(x), 0 at 0.
void absF(math::AbsFOp op, AdjointBuilder &a) {
  chain(op, a, SignOp::create(a.builder, a.loc, op.getType(), op.getOperand()));
}
/// 1 - y^2 = (1 - y) (1 + y).
void tanh(math::TanhOp op, AdjointBuilder &a) {
  Value one = like(a, op.getResult(), 1);
  chain(op, a, a.mul(a.sub(one, op.getResult()), a.add(one, op.getResult())));
}
/// 2 exp(-x^2) / sqrt(pi) times `sign`.
template <typename OpTy, int Sign> void errorFunction(OpTy op, AdjointBuilder &a) {
  Value x = op.getOperand();
  chain(op, a, a.mul(a.unary<math::ExpOp>(a.unary<arith::NegFOp>(a.mul(x, x))), Sign * 2 * std::numbers::inv_sqrtpi));
}
/// b a^(b - 1), 0 where b is 0; and log(a) y, 0 where a is 0.
void powF(math::PowFOp op, AdjointBuilder &a) {
  Value base = op.getLhs(), exponent = op.getRhs(), zero = like(a, base, 0);
  Value less = math::PowFOp::create(a.builder, a.loc, base, a.add(exponent, -1.0));
  a.accumulate(base,
               a.mul(a.gradient(), a.select(arith::CmpFPredicate::OEQ, exponent, zero, zero, a.mul(exponent, less))));
  Value growth = a.mul(a.unary<math::LogOp>(base), op.getResult());
  a.accumulate(exponent, a.mul(a.gradient(), a.select(arith::CmpFPredicate::OEQ, base, zero, zero, growth)));
}
void fma(math::FmaOp op, AdjointBuilder &a) {
  a.accumulate(op.getA(), a.mul(a.gradient(), op.getB()));
  a.accumulate(op.getB(), a.mul(a.gradient(), op.getA()));
  a.accumulate(op.getC(), a.gradient());
}

//===-- moe
//---------------------------------------------------------------------------------------------------------===//

/// g from as far behind as the values came from before: the element at i went to i + distance, within its piece.
void shift(ShiftOp op, AdjointBuilder &a) {
  a.accumulate(op.getInput(), ShiftOp::create(a.builder, a.loc, a.gradient().getType(), a.gradient(),
                                              -static_cast<int64_t>(op.getDistance()), op.getAxis()));
}

} // namespace

void moe::registerUpstreamAdjoints(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    arith::AddFOp::attachInterface<Model<arith::AddFOp, addF>>(*context);
    arith::SubFOp::attachInterface<Model<arith::SubFOp, subF>>(*context);
    arith::MulFOp::attachInterface<Model<arith::MulFOp, mulF>>(*context);
    arith::DivFOp::attachInterface<Model<arith::DivFOp, divF>>(*context);
    arith::RemFOp::attachInterface<Model<arith::RemFOp, remF>>(*context);
    arith::NegFOp::attachInterface<Model<arith::NegFOp, negF>>(*context);
    arith::MaximumFOp::attachInterface<Model<arith::MaximumFOp, extreme<arith::MaximumFOp, arith::CmpFPredicate::OGT>>>(
        *context);
    arith::MinimumFOp::attachInterface<Model<arith::MinimumFOp, extreme<arith::MinimumFOp, arith::CmpFPredicate::OLT>>>(
        *context);
    arith::MaxNumFOp::attachInterface<Model<arith::MaxNumFOp, extreme<arith::MaxNumFOp, arith::CmpFPredicate::OGT>>>(
        *context);
    arith::MinNumFOp::attachInterface<Model<arith::MinNumFOp, extreme<arith::MinNumFOp, arith::CmpFPredicate::OLT>>>(
        *context);
    arith::SelectOp::attachInterface<Model<arith::SelectOp, select>>(*context);
    arith::ExtFOp::attachInterface<Model<arith::ExtFOp, extF>>(*context);
  });
  registry.addExtension(
      +[](MLIRContext *context, MoeDialect *) { ShiftOp::attachInterface<Model<ShiftOp, shift>>(*context); });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
    math::ExpOp::attachInterface<Model<math::ExpOp, exp>>(*context);
    math::Exp2Op::attachInterface<Model<math::Exp2Op, exp2>>(*context);
    math::ExpM1Op::attachInterface<Model<math::ExpM1Op, expM1>>(*context);
    math::LogOp::attachInterface<Model<math::LogOp, log>>(*context);
    math::Log1pOp::attachInterface<Model<math::Log1pOp, log1p>>(*context);
    math::SqrtOp::attachInterface<Model<math::SqrtOp, sqrt>>(*context);
    math::RsqrtOp::attachInterface<Model<math::RsqrtOp, rsqrt>>(*context);
    math::AbsFOp::attachInterface<Model<math::AbsFOp, absF>>(*context);
    math::TanhOp::attachInterface<Model<math::TanhOp, tanh>>(*context);
    math::ErfOp::attachInterface<Model<math::ErfOp, errorFunction<math::ErfOp, 1>>>(*context);
    math::ErfcOp::attachInterface<Model<math::ErfcOp, errorFunction<math::ErfcOp, -1>>>(*context);
    math::PowFOp::attachInterface<Model<math::PowFOp, powF>>(*context);
    math::FmaOp::attachInterface<Model<math::FmaOp, fma>>(*context);
  });
}
