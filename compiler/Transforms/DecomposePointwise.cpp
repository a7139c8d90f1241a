// moe's own pointwise functions in terms of arith and math. Each is written so that no intermediate result overflows
// where the final one does not, and so that NaN flows through.
#include "compiler/Transforms/ExpandMath.h"
#include "compiler/Transforms/Splat.h"
#include "dialects/Moe/IR/Moe.h"

using namespace mlir;
using namespace moe;

/// sigmoid(x) = 1 / (1 + exp(-x)): exp overflows to infinity where the result is 0.
static LogicalResult decomposeSigmoid(SigmoidOp op, PatternRewriter &rewriter) {
  Location loc = op.getLoc();
  Value one = splatConstant(rewriter, loc, op.getType(), 1.0);
  Value negated = arith::NegFOp::create(rewriter, loc, op.getInput());
  Value exp = math::ExpOp::create(rewriter, loc, negated);
  Value sum = arith::AddFOp::create(rewriter, loc, exp, one);
  rewriter.replaceOpWithNewOp<arith::DivFOp>(op, one, sum);
  return success();
}

/// softplus(x) = max(x, 0) + log1p(exp(-|x|)).
static LogicalResult decomposeSoftplus(SoftplusOp op, PatternRewriter &rewriter) {
  Location loc = op.getLoc();
  Value zero = splatConstant(rewriter, loc, op.getType(), 0.0);
  Value positive = arith::MaximumFOp::create(rewriter, loc, op.getInput(), zero);
  Value magnitude = math::AbsFOp::create(rewriter, loc, op.getInput());
  Value exp = math::ExpOp::create(rewriter, loc, arith::NegFOp::create(rewriter, loc, magnitude).getResult());
  Value log = math::Log1pOp::create(rewriter, loc, exp);
  rewriter.replaceOpWithNewOp<arith::AddFOp>(op, positive, log);
  return success();
}

/// normal_cdf(x) = erfc(-x / sqrt(2)) / 2.
static LogicalResult decomposeNormalCdf(NormalCdfOp op, PatternRewriter &rewriter) {
  Location loc = op.getLoc();
  Value scale = splatConstant(rewriter, loc, op.getType(), -0.70710678118654752440);
  Value half = splatConstant(rewriter, loc, op.getType(), 0.5);
  Value scaled = arith::MulFOp::create(rewriter, loc, op.getInput(), scale);
  Value erfc = math::ErfcOp::create(rewriter, loc, scaled);
  rewriter.replaceOpWithNewOp<arith::MulFOp>(op, erfc, half);
  return success();
}

/// sign(x) = x > 0 ? 1 : x < 0 ? -1 : x; the last case is 0 or NaN.
static LogicalResult decomposeSign(SignOp op, PatternRewriter &rewriter) {
  Location loc = op.getLoc();
  Value x = op.getInput();
  Value zero = splatConstant(rewriter, loc, op.getType(), 0.0);
  Value one = splatConstant(rewriter, loc, op.getType(), 1.0);
  Value minusOne = splatConstant(rewriter, loc, op.getType(), -1.0);
  Value negative = arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OLT, x, zero);
  Value positive = arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OGT, x, zero);
  Value inner = arith::SelectOp::create(rewriter, loc, negative, minusOne, x);
  rewriter.replaceOpWithNewOp<arith::SelectOp>(op, positive, one, inner);
  return success();
}

/// detach(x) = x: nothing that computes gradients runs after this.
static LogicalResult decomposeDetach(DetachOp op, PatternRewriter &rewriter) {
  rewriter.replaceOp(op, op.getInput());
  return success();
}

void moe::populateDecomposePointwisePatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeSigmoid);
  patterns.add(decomposeSoftplus);
  patterns.add(decomposeNormalCdf);
  patterns.add(decomposeSign);
  patterns.add(decomposeDetach);
}
