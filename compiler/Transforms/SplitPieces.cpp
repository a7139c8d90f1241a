// moe-split-pieces: one level of pieces at a time. What goes from tokens to pieces of pieces, or back, goes through the
// axes between them; a pass over the pieces then sees them as a pass over the tokens sees the tokens.
#include "compiler/Transforms/Passes.h"
#include "dialects/Moe/IR/TensorBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moe {
#define GEN_PASS_DEF_MOESPLITPIECES
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// The axis of pieces that `axis` is divided into on the way to the pieces `to`; null where `to` is that axis, or is
/// none of pieces.
static AxisOp axisBetween(Operation *op, StringRef axis, StringRef to) {
  if (AxisOp target = lookupAxis(op, to); !target || !target.isPieces() || *target.getOf() == axis)
    return {};
  for (AxisOp pieces : pieceAxes(op))
    if (*pieces.getOf() == axis)
      return pieces;
  return {};
}

static RankedTensorType onPieces(OpBuilder &builder, StringAttr axis) {
  return tensorOf(builder.getI32Type(), {axis}, {ShapedType::kDynamic});
}

/// sum(x, token -> document) ==> sum(sum(x, token -> sequence), sequence -> document). What is empty gives the neutral
/// element on every level.
static LogicalResult splitReduce(ReduceOp op, PatternRewriter &rewriter) {
  AxisOp between;
  if (op.getTo() && op.getOver().size() == 1)
    between = axisBetween(op, cast<StringAttr>(op.getOver()[0]).getValue(), *op.getTo());
  if (!between)
    return rewriter.notifyMatchFailure(op, "goes one level up at most");
  if (op.getKind() != ReduceKind::Sum && op.getKind() != ReduceKind::Max && op.getKind() != ReduceKind::Min &&
      op.getKind() != ReduceKind::MaxNum)
    return rewriter.notifyMatchFailure(op, "is decomposed first");
  StringAttr fine = cast<StringAttr>(op.getOver()[0]), middle = between.getSymNameAttr();
  RankedTensorType type = withAxis(op.getInput().getType(), fine.getValue(), middle, ShapedType::kDynamic);
  Value inner = ReduceOp::create(rewriter, op.getLoc(), type, op.getKind(), op.getInput(), Value(),
                                 rewriter.getArrayAttr({fine}), middle);
  rewriter.replaceOpWithNewOp<ReduceOp>(op, op.getType(), op.getKind(), inner, Value(), rewriter.getArrayAttr({middle}),
                                        op.getToAttr());
  return success();
}

/// expand(x, document -> token) ==> expand(expand(x, document -> sequence), sequence -> token).
static LogicalResult splitExpand(ExpandOp op, PatternRewriter &rewriter) {
  AxisOp between = axisBetween(op, op.getTo(), op.getFrom());
  if (!between)
    return rewriter.notifyMatchFailure(op, "goes one level down");
  StringAttr middle = between.getSymNameAttr();
  RankedTensorType type = withAxis(op.getInput().getType(), op.getFrom(), middle, ShapedType::kDynamic);
  Value outer = ExpandOp::create(rewriter, op.getLoc(), type, op.getInput(), op.getFromAttr(), middle);
  rewriter.replaceOpWithNewOp<ExpandOp>(op, op.getType(), outer, middle, op.getToAttr());
  return success();
}

/// size(token -> document) ==> sum(size(token -> sequence), sequence -> document).
static LogicalResult splitSize(SizeOp op, PatternRewriter &rewriter) {
  AxisOp between = op.getTo() ? axisBetween(op, op.getAxis(), *op.getTo()) : AxisOp();
  if (!between)
    return rewriter.notifyMatchFailure(op, "goes one level up at most");
  StringAttr middle = between.getSymNameAttr();
  Value inner = SizeOp::create(rewriter, op.getLoc(), onPieces(rewriter, middle), op.getAxisAttr(), middle);
  rewriter.replaceOpWithNewOp<ReduceOp>(op, op.getType(), ReduceKind::Sum, inner, Value(),
                                        rewriter.getArrayAttr({middle}), op.getToAttr());
  return success();
}

/// index(token -> document) ==> index(token) - expand(min(index(token), token -> document), document -> token); within
/// sequences of one length, index(token -> sequence) + length * expand(index(sequence -> document), sequence -> token).
static LogicalResult splitIndex(IndexOp op, PatternRewriter &rewriter) {
  AxisOp between = op.getTo() ? axisBetween(op, op.getAxis(), *op.getTo()) : AxisOp();
  if (!between)
    return rewriter.notifyMatchFailure(op, "counts from the start of the pieces it stands in");
  TensorBuilder b{rewriter, op.getLoc()};
  StringAttr axis = op.getAxisAttr(), to = op.getToAttr(), middle = between.getSymNameAttr();
  Type type = op.getType();
  if (between.getLength()) {
    Value inner = IndexOp::create(rewriter, b.loc, type, axis, middle);
    Value outer = IndexOp::create(rewriter, b.loc, onPieces(rewriter, middle), middle, to);
    outer = ExpandOp::create(rewriter, b.loc, type, outer, middle, axis);
    auto length = DenseElementsAttr::get(RankedTensorType::get({}, rewriter.getI32Type()),
                                         static_cast<int32_t>(*between.getLength()));
    Value start = b.binary<arith::MulIOp>(outer, arith::ConstantOp::create(rewriter, b.loc, length));
    rewriter.replaceOp(op, b.binary<arith::AddIOp>(inner, start));
    return success();
  }
  Value all = IndexOp::create(rewriter, b.loc, type, axis, StringAttr());
  Value first = ReduceOp::create(rewriter, b.loc, onPieces(rewriter, to), ReduceKind::Min, all, Value(),
                                 rewriter.getArrayAttr({axis}), to);
  rewriter.replaceOp(op, b.binary<arith::SubIOp>(all, ExpandOp::create(rewriter, b.loc, type, first, to, axis)));
  return success();
}

namespace {
struct MoeSplitPieces : moe::impl::MoeSplitPiecesBase<MoeSplitPieces> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(splitReduce);
    patterns.add(splitExpand);
    patterns.add(splitSize);
    patterns.add(splitIndex);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
