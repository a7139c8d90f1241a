// moe-stabilize: logarithms of scores without the scores. A score underflows where its logarithm is an ordinary number,
// and the gradient of the logarithm divides by it.
#include "compiler/Transforms/Passes.h"
#include "dialects/Moe/IR/TensorBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moe {
#define GEN_PASS_DEF_MOESTABILIZE
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// log(softmax(x)) = x - logsumexp(x).
static LogicalResult logOfSoftmax(math::LogOp op, PatternRewriter &rewriter) {
  auto softmax = op.getOperand().getDefiningOp<SoftmaxOp>();
  if (!softmax || softmax.getValid()) // empty slots have score 0, and its logarithm
    return rewriter.notifyMatchFailure(op, "is no logarithm of a softmax over a whole axis");
  TensorBuilder w{rewriter, op.getLoc()};
  Value x = softmax.getInput();
  Extent extent{rewriter.getArrayAttr({softmax.getAxisAttr()}), StringAttr(), Value()};
  Value total = extent.reduce(w, ReduceKind::LogSumExp, x, extent.reduced(op, w.typeOf(x)));
  rewriter.replaceOp(op, w.sub(x, total));
  return success();
}

/// log(sigmoid(x)) = -softplus(-x).
static LogicalResult logOfSigmoid(math::LogOp op, PatternRewriter &rewriter) {
  auto sigmoid = op.getOperand().getDefiningOp<SigmoidOp>();
  if (!sigmoid)
    return rewriter.notifyMatchFailure(op, "is no logarithm of a sigmoid");
  TensorBuilder w{rewriter, op.getLoc()};
  Value negative = w.unary<arith::NegFOp>(sigmoid.getInput());
  Value softplus = SoftplusOp::create(rewriter, op.getLoc(), negative.getType(), negative);
  rewriter.replaceOp(op, w.unary<arith::NegFOp>(softplus));
  return success();
}

namespace {
struct MoeStabilize : moe::impl::MoeStabilizeBase<MoeStabilize> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(logOfSoftmax);
    patterns.add(logOfSigmoid);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
