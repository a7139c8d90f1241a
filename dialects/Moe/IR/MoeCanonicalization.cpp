// Hooks the patterns of MoeCanonicalization.td up as canonicalizers of their operations.
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace moe;

/// The reduction `like`, of `input` along `over` and to `to` (null: none); every slot is valid.
static Value reduceLike(OpBuilder &builder, Value like, Value input, ArrayAttr over, StringAttr to) {
  ReduceKind kind = like.getDefiningOp<ReduceOp>().getKind();
  return ReduceOp::create(builder, like.getLoc(), like.getType(), kind, input, /*valid=*/Value(), over, to);
}

/// The selection that `topk` makes, of as many slots as `first` keeps, and along its slot axis.
static Value topkLike(OpBuilder &builder, Value first, Value topk) {
  auto op = topk.getDefiningOp<TopkOp>();
  return TopkOp::create(builder, first.getLoc(), first.getType(), op.getScore(), op.getAmong(), op.getAxisAttr());
}

namespace {
#include "dialects/Moe/IR/MoeCanonicalization.h.inc"
} // namespace

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<BroadcastOfBroadcast>(context);
}

void ExpandOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ExpandOfExpand, ExpandOfBroadcast>(context);
}

void DetachOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DetachOfDetach>(context);
}

void SignOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<SignOfSign>(context);
}

void FirstOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<FirstOfFirst, FirstOfTopk>(context);
}

void ReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MaxOfCoarser, MinOfCoarser, MaxNumOfCoarser, MaxOfExpand, MinOfExpand, MaxNumOfExpand, MaxOfExpandBack,
               MinOfExpandBack, SumOfCoarser>(context);
}
