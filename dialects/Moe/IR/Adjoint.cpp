// The adjoints of the moe operations. g stands for the gradient with respect to the result.
#include "dialects/Moe/IR/Adjoint.h"
#include "mlir/IR/TypeUtilities.h"
#include <numbers>

using namespace mlir;
using namespace moe;

#include "dialects/Moe/IR/DifferentiableOpInterface.cpp.inc"

void AdjointBuilder::accumulate(Value operand, Value value) {
  Value &sum = gradients[operand];
  sum = sum ? add(sum, value) : value;
}

Value AdjointBuilder::sumTo(Value value, Type type) const {
  SmallVector<Attribute> over;
  for (StringAttr axis : axesOf(value.getType()))
    if (axisIndex(type, axis.getValue()) < 0)
      over.push_back(axis);
  if (over.empty())
    return broadcast(value, type); // the axes may stand in another order
  Extent extent{builder.getArrayAttr(over), StringAttr(), Value()};
  return broadcast(extent.reduce(*this, ReduceKind::Sum, value, extent.reduced(op, typeOf(value))), type);
}

bool moe::stopsGradient(Operation *op) {
  if (op->getNumResults() == 0)
    return true;
  // Selections, ranks, positions, counts and comparisons are no floats.
  return isa<InputOp, ParamOp, StateOp, RandomOp, SignOp, DetachOp, arith::ConstantOp, arith::SIToFPOp, arith::UIToFPOp,
             math::FloorOp, math::CeilOp, math::RoundEvenOp, math::TruncOp>(op) ||
         !isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
}

//===-- Shape
//-------------------------------------------------------------------------------------------------------===//

void BroadcastOp::buildAdjoint(AdjointBuilder &a) {
  a.accumulate(getInput(), a.sumTo(a.gradient(), getInput().getType()));
}

void ExpandOp::buildAdjoint(AdjointBuilder &a) {
  Extent extent{a.builder.getArrayAttr({getToAttr()}), getFromAttr(), Value()};
  a.accumulate(getInput(), extent.reduce(a, ReduceKind::Sum, a.gradient(), getInput().getType()));
}

//===-- Pointwise
//---------------------------------------------------------------------------------------------------===//

/// g y (1 - y).
void SigmoidOp::buildAdjoint(AdjointBuilder &a) {
  Value y = getResult();
  a.accumulate(getInput(), a.mul(a.gradient(), a.mul(y, a.sub(a.full(y.getType(), 1), y))));
}

/// g sigmoid(x).
void SoftplusOp::buildAdjoint(AdjointBuilder &a) {
  a.accumulate(getInput(), a.mul(a.gradient(), SigmoidOp::create(a.builder, a.loc, getType(), getInput())));
}

/// g exp(-x^2 / 2) / sqrt(2 pi).
void NormalCdfOp::buildAdjoint(AdjointBuilder &a) {
  Value x = getInput();
  Value density = a.mul(a.unary<math::ExpOp>(a.mul(a.mul(x, x), -0.5)), std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  a.accumulate(x, a.mul(a.gradient(), density));
}

//===-- Reductions
//--------------------------------------------------------------------------------------------------===//

namespace {
/// The parts that the adjoints of the reductions share.
struct Reduction {
  ReduceOp op;
  AdjointBuilder &a;
  Extent extent;
  RankedTensorType type, reduced;

  Reduction(ReduceOp op, AdjointBuilder &a)
      : op(op), a(a), extent{op.getOver(), op.getToAttr(), op.getValid()},
        type(cast<RankedTensorType>(op.getInput().getType())), reduced(cast<RankedTensorType>(op.getType())) {}

  Value spread(Value value) { return extent.spread(a, value, type); }
  Value sum(Value value) { return extent.reduce(a, ReduceKind::Sum, value, reduced); }
  Value mean(Value value) { return a.div(sum(value), count()); }
  Value count() { return a.broadcast(extent.count(a, op, type, reduced), reduced); }

  /// g to the elements that equal the result, in equal parts where there are several.
  Value winners() {
    Value x = op.getInput(), best = spread(op.getResult()), one = a.full(type, 1), zero = a.full(type, 0);
    Value won = a.select(arith::CmpFPredicate::OEQ, x, best, one, isOverTokens() ? nearly(x, best) : zero);
    Value count = sum(won);
    if (isOverTokens())
      count = a.binary<arith::MaximumFOp>(count, a.full(reduced, 1));
    return a.mul(won, spread(a.div(a.gradient(), count)));
  }
  bool isOverTokens() {
    return llvm::any_of(extent.over.getAsRange<StringAttr>(),
                        [&](StringAttr name) { return type.isDynamicDim(axisIndex(type, name.getValue())); });
  }
  /// 1 where x is within a few roundings of the result: the result comes from another pass over the tokens, in which a
  /// sum that x depends on may have been added up in another order.
  Value nearly(Value x, Value best) {
    Value distance = a.unary<math::AbsFOp>(a.sub(x, best)), margin = a.mul(a.unary<math::AbsFOp>(best), 1e-6);
    return a.select(arith::CmpFPredicate::OLE, distance, margin, a.full(type, 1), a.full(type, 0));
  }
  /// (2 / n) (x - mean) times `scale`.
  Value variance(Value scale) {
    Value centred = a.sub(op.getInput(), spread(mean(op.getInput())));
    return a.mul(centred, spread(a.div(a.mul(scale, 2.0), count())));
  }
  /// g dvar / (2 std), 0 where std is 0.
  Value deviation() {
    Value zero = a.full(reduced, 0), std = op.getResult();
    Value scale = a.select(arith::CmpFPredicate::OEQ, std, zero, zero, a.div(a.gradient(), a.mul(std, 2.0)));
    return variance(scale);
  }
  /// (2 / n) (x / mean^2 - mean(x^2) / mean^3) = (2 / (n mean^2)) (x - mean - cv2 mean).
  Value squaredVariation() {
    Value m = mean(op.getInput());
    Value shifted = a.sub(op.getInput(), spread(a.add(m, a.mul(op.getResult(), m))));
    Value scale = a.div(a.mul(a.gradient(), 2.0), a.mul(a.mul(m, m), count()));
    return a.mul(shifted, spread(scale));
  }
  /// g exp(x - y), 0 where all x are -inf. Along one axis that is softmax(x), which the gate may have already.
  Value logSumExp() {
    Value x = op.getInput(), minus = a.full(type, -std::numeric_limits<double>::infinity());
    bool oneAxis = op.getOver().size() == 1 && !op.getTo();
    Value share = oneAxis
                      ? SoftmaxOp::create(a.builder, a.loc, type, x, op.getValid(), cast<StringAttr>(op.getOver()[0]))
                      : a.unary<math::ExpOp>(a.sub(x, spread(op.getResult())));
    share = a.select(arith::CmpFPredicate::OEQ, x, minus, a.full(type, 0), share);
    return a.mul(share, spread(a.gradient()));
  }
};
} // namespace

void ReduceOp::buildAdjoint(AdjointBuilder &a) {
  Reduction r(*this, a);
  switch (getKind()) {
  case ReduceKind::Sum:
    return a.accumulate(getInput(), r.spread(a.gradient()));
  case ReduceKind::Mean:
    return a.accumulate(getInput(), r.spread(a.div(a.gradient(), r.count())));
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::MaxNum:
    return a.accumulate(getInput(), r.winners());
  case ReduceKind::Var:
    return a.accumulate(getInput(), r.variance(a.gradient()));
  case ReduceKind::Std:
    return a.accumulate(getInput(), r.deviation());
  case ReduceKind::Cv2:
    return a.accumulate(getInput(), r.squaredVariation());
  case ReduceKind::LogSumExp:
    return a.accumulate(getInput(), r.logSumExp());
  }
}

/// The n-th greatest of each group. There is no kth of groups: one after the other, from the greatest down, the next
/// smaller value, until at least n reach it.
static Value kthOfGroups(SumTopOp op, AdjointBuilder &a, const Extent &extent) {
  Value x = op.getInput();
  auto type = cast<RankedTensorType>(x.getType()), reduced = cast<RankedTensorType>(op.getType());
  Value one = a.full(type, 1), zero = a.full(type, 0), none = a.full(type, -std::numeric_limits<double>::infinity());
  Value least = extent.reduce(a, ReduceKind::MaxNum, x, reduced);
  for (uint64_t i = 1; i < op.getN(); ++i) {
    Value spread = extent.spread(a, least, type);
    Value reach = extent.reduce(a, ReduceKind::Sum, a.select(arith::CmpFPredicate::OGE, x, spread, one, zero), reduced);
    Value next = extent.reduce(a, ReduceKind::MaxNum, a.select(arith::CmpFPredicate::OLT, x, spread, x, none), reduced);
    least = a.select(arith::CmpFPredicate::OGE, reach, a.full(reduced, static_cast<double>(op.getN())), least, next);
  }
  return least;
}

/// g to the elements above the n-th greatest, and a share of it to those that equal it: together they are n.
void SumTopOp::buildAdjoint(AdjointBuilder &a) {
  Value x = getInput(), one = a.full(x.getType(), 1), zero = a.full(x.getType(), 0);
  Extent extent{a.builder.getArrayAttr({getAxisAttr()}), getToAttr(), Value()};
  Value least = getTo() ? kthOfGroups(*this, a, extent)
                        : KthOp::create(a.builder, a.loc, getType(), x, getN(), getAxis()).getResult();
  auto spread = [&](Value value) { return extent.spread(a, value, x.getType()); };
  auto count = [&](Value mask) { return extent.reduce(a, ReduceKind::Sum, mask, getType()); };
  Value above = a.select(arith::CmpFPredicate::OGT, x, spread(least), one, zero);
  Value equal = a.select(arith::CmpFPredicate::OEQ, x, spread(least), one, zero);
  Value share = a.div(a.sub(a.full(getType(), getN()), count(above)), count(equal));
  a.accumulate(x, a.mul(a.add(above, a.mul(equal, spread(share))), spread(a.gradient())));
}

/// g to the elements that equal the k-th, in equal parts where there are several.
void KthOp::buildAdjoint(AdjointBuilder &a) {
  Value x = getInput();
  Value won = a.select(arith::CmpFPredicate::OEQ, x, getResult(), a.full(x.getType(), 1), a.full(x.getType(), 0));
  Extent extent{a.builder.getArrayAttr({getAxisAttr()}), StringAttr(), Value()};
  a.accumulate(x, a.mul(won, a.div(a.gradient(), extent.reduce(a, ReduceKind::Sum, won, getType()))));
}

//===-- Along an axis
//-----------------------------------------------------------------------------------------------===//

/// Sums `x` along an axis and spreads the sum over `x` again.
static Value total(AdjointBuilder &a, Operation *op, StringAttr axis, Value valid, Value x) {
  Extent extent{a.builder.getArrayAttr({axis}), StringAttr(), valid};
  return a.broadcast(extent.reduce(a, ReduceKind::Sum, x, extent.reduced(op, a.typeOf(x))), x.getType());
}

/// y (g - sum(g y)).
void SoftmaxOp::buildAdjoint(AdjointBuilder &a) {
  Value y = getResult(), g = a.gradient();
  a.accumulate(getInput(), a.mul(y, a.sub(g, total(a, *this, getAxisAttr(), getValid(), a.mul(g, y)))));
}

/// (g - sum(g y)) / sum(x).
void NormalizeOp::buildAdjoint(AdjointBuilder &a) {
  Value g = a.gradient();
  Value centred = a.sub(g, total(a, *this, getAxisAttr(), getValid(), a.mul(g, getResult())));
  a.accumulate(getInput(), a.div(centred, total(a, *this, getAxisAttr(), getValid(), getInput())));
}

/// With d = x - mean(x), s = std(x), q = s + eps: (g - mean(g)) / q - d mean(g d) / (q^2 s), the last term 0 where s is
/// 0.
void StandardizeOp::buildAdjoint(AdjointBuilder &a) {
  Value x = getInput(), g = a.gradient(), zero = a.full(x.getType(), 0);
  Extent extent{a.builder.getArrayAttr({getAxisAttr()}), StringAttr(), Value()};
  Value n = extent.count(a, *this, a.typeOf(x), withoutAxis(a.typeOf(x), getAxis()));
  auto mean = [&](Value v) { return a.div(total(a, *this, getAxisAttr(), Value(), v), n); };
  Value d = a.sub(x, mean(x));
  Value s = a.unary<math::SqrtOp>(mean(a.mul(d, d)));
  Value q = a.add(s, getEps().convertToDouble());
  Value along = a.div(a.mul(d, mean(a.mul(g, d))), a.mul(a.mul(q, q), s));
  along = a.select(arith::CmpFPredicate::OEQ, s, zero, zero, along);
  a.accumulate(x, a.sub(a.div(a.sub(g, mean(g)), q), along));
}

//===-- Selections
//--------------------------------------------------------------------------------------------------===//

/// scatter(g), summed over the axes that x lacks.
void GatherOp::buildAdjoint(AdjointBuilder &a) {
  SelectionType selection = getSelection().getType();
  SmallVector<StringAttr> axes(selection.getBatch());
  SmallVector<int64_t> sizes(a.typeOf(a.gradient()).getShape().drop_back());
  axes.push_back(selection.getAxis());
  sizes.push_back(*lookupAxis(*this, selection.getAxis().getValue()).getSize());
  Type type = tensorOf(a.typeOf(a.gradient()).getElementType(), axes, sizes);
  Value scattered = ScatterOp::create(a.builder, a.loc, type, a.gradient(), getSelection());
  a.accumulate(getInput(), a.sumTo(scattered, getInput().getType()));
}

/// gather(g).
void ScatterOp::buildAdjoint(AdjointBuilder &a) {
  a.accumulate(getInput(), GatherOp::create(a.builder, a.loc, getInput().getType(), a.gradient(), getSelection()));
}
