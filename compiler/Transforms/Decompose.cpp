// moe-decompose: writes every composite of the moe dialect in terms of sums, maxima and pointwise arithmetic, in forms
// that do not overflow or cancel where the result does not (a variance over tokens excepted, see varianceOf). What is
// left is what fusion knows how to place: broadcast, expand, size, reduce (sum, max, min, maxnum), sum_top, kth,
// argmax, the selections, and upstream arith and math.
#include "compiler/Transforms/ExpandMath.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Validity.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moe {
#define GEN_PASS_DEF_MOEDECOMPOSE
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

bool overRunTimeAxis(const Extent &extent, RankedTensorType input) {
  return llvm::any_of(extent.over.getAsRange<StringAttr>(),
                      [&](StringAttr name) { return input.isDynamicDim(axisIndex(input, name.getValue())); });
}

Value meanOf(const TensorBuilder &w, Operation *op, const Extent &extent, Value x, RankedTensorType result) {
  Value sum = extent.reduce(w, ReduceKind::Sum, x, result);
  return w.div(sum, extent.count(w, op, w.typeOf(x), result));
}

/// Population variance. Over a run-time axis mean(x^2) - mean(x)^2, so that one pass over the tokens is enough (its
/// rounding error is relative to mean(x^2), docs/numerics.md); else mean((x - mean)^2).
Value varianceOf(const TensorBuilder &w, Operation *op, const Extent &extent, Value x, RankedTensorType result) {
  Value mean = meanOf(w, op, extent, x, result);
  if (overRunTimeAxis(extent, w.typeOf(x))) {
    Value squares = meanOf(w, op, extent, w.mul(x, x), result);
    Value difference = w.sub(squares, w.mul(mean, mean));
    return w.binary<arith::MaximumFOp>(difference, w.scalar(result.getElementType(), 0));
  }
  Value centred = w.sub(x, extent.spread(w, mean, x.getType()));
  return meanOf(w, op, extent, w.mul(centred, centred), result);
}

/// m + log(sum(exp(x - m))) with m the greatest x, or 0 where that is infinite: so -inf everywhere gives -inf, and one
/// +inf gives +inf. Over nothing it is NaN, by 0 / count; where masks and empty pieces leave nothing, moe-apply-mask
/// has said so already.
Value logSumExpOf(const TensorBuilder &w, Operation *op, const Extent &extent, Value x, RankedTensorType result) {
  Type element = result.getElementType();
  Value greatest = extent.reduce(w, ReduceKind::MaxNum, x, result);
  Value infinity = w.scalar(element, std::numeric_limits<double>::infinity());
  Value shift =
      w.select(arith::CmpFPredicate::OEQ, w.unary<math::AbsFOp>(greatest), infinity, w.scalar(element, 0), greatest);
  Value terms = w.unary<math::ExpOp>(w.sub(x, extent.spread(w, shift, x.getType())));
  Value sum = extent.reduce(w, ReduceKind::Sum, terms, result);
  Value logarithm = w.add(w.unary<math::LogOp>(sum), shift);
  Validity validity(op->getParentOfType<GateOp>());
  auto mayBeNothing = [&](StringAttr axis) {
    return w.typeOf(x).isDynamicDim(axisIndex(x.getType(), axis.getValue())) && !validity.skips(axis.getValue());
  };
  if (llvm::none_of(extent.over.getAsRange<StringAttr>(), mayBeNothing) && !extent.valid)
    return logarithm;
  Value zero = w.broadcast(w.scalar(element, 0), result);
  return w.add(logarithm, w.div(zero, extent.count(w, op, w.typeOf(x), result)));
}

struct DecomposeReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    TensorBuilder w{rewriter, op.getLoc()};
    Extent extent{op.getOver(), op.getToAttr(), op.getValid()};
    auto result = cast<RankedTensorType>(op.getType());
    Value x = op.getInput();
    switch (op.getKind()) {
    case ReduceKind::Mean:
      rewriter.replaceOp(op, meanOf(w, op, extent, x, result));
      return success();
    case ReduceKind::Var:
      rewriter.replaceOp(op, varianceOf(w, op, extent, x, result));
      return success();
    case ReduceKind::Std:
      rewriter.replaceOp(op, w.unary<math::SqrtOp>(varianceOf(w, op, extent, x, result)));
      return success();
    case ReduceKind::Cv2: { // var / mean / mean: mean * mean would underflow for small loads
      Value mean = meanOf(w, op, extent, x, result);
      Value ratio = w.div(varianceOf(w, op, extent, x, result), mean);
      rewriter.replaceOp(op, w.div(ratio, mean));
      return success();
    }
    case ReduceKind::LogSumExp:
      rewriter.replaceOp(op, logSumExpOf(w, op, extent, x, result));
      return success();
    default:
      return rewriter.notifyMatchFailure(op, "is a sum or an extreme value already");
    }
  }
};

/// The axes of a reduction one after the other: those of compile-time size first, from the innermost out, run-time axes
/// last, where layers in front of the tokens are one step with them.
SmallVector<SmallVector<Attribute>> stepsOf(ReduceOp op) {
  RankedTensorType type = op.getInput().getType();
  auto place = [&](StringAttr axis) { return axisIndex(type, axis.getValue()); };
  SmallVector<SmallVector<Attribute>> steps, runTime;
  SmallVector<Attribute> layers;
  for (auto axis : op.getOver().getAsRange<StringAttr>()) {
    bool inFront = llvm::any_of(op.getOver().getAsRange<StringAttr>(), [&](StringAttr other) {
      return type.isDynamicDim(place(other)) && place(axis) < place(other);
    });
    if (type.isDynamicDim(place(axis)))
      runTime.push_back({axis});
    else if (inFront)
      layers.push_back(axis);
    else
      steps.push_back({axis});
  }
  llvm::sort(steps, [&](ArrayRef<Attribute> x, ArrayRef<Attribute> y) {
    return place(cast<StringAttr>(x[0])) > place(cast<StringAttr>(y[0]));
  });
  if (!runTime.empty())
    runTime[0].insert(runTime[0].begin(), layers.begin(), layers.end());
  steps.append(runTime);
  return steps;
}

/// reduce over [token, expert] ==> reduce over [expert], then over [token]: within a row first, so that what is
/// accumulated over tokens is small.
struct SplitReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    SmallVector<SmallVector<Attribute>> steps = stepsOf(op);
    if (steps.size() < 2)
      return rewriter.notifyMatchFailure(op, "is one step already");
    switch (op.getKind()) {
    case ReduceKind::Sum:
    case ReduceKind::Max:
    case ReduceKind::Min:
    case ReduceKind::MaxNum:
      break;
    default:
      return rewriter.notifyMatchFailure(op, "is decomposed first");
    }
    Value value = op.getInput();
    for (ArrayRef<Attribute> axes : steps) {
      auto type = cast<RankedTensorType>(value.getType());
      for (Attribute axis : axes)
        type = withoutAxis(type, cast<StringAttr>(axis).getValue());
      bool isValid =
          op.getValid() && llvm::is_contained(axes, Attribute(cast<SelectionType>(op.getValid().getType()).getSlot()));
      value = ReduceOp::create(rewriter, op.getLoc(), type, op.getKind(), value, isValid ? op.getValid() : Value(),
                               rewriter.getArrayAttr(axes), StringAttr());
    }
    rewriter.replaceOp(op, value);
    return success();
  }
};

/// softmax and normalize are 0 in the slots of `valid` (null: none) that are empty.
Value zeroInEmptySlots(const TensorBuilder &w, Value result, Value valid) {
  if (!valid)
    return result;
  Value filled = filledSlots(w, valid, w.typeOf(result));
  return arith::SelectOp::create(w.builder, w.loc, filled, result, w.full(result.getType(), 0));
}

/// softmax ==> e * (1 / sum(e)), e = exp(x - max(x)).
struct DecomposeSoftmax : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    TensorBuilder w{rewriter, op.getLoc()};
    Extent extent{rewriter.getArrayAttr({op.getAxisAttr()}), StringAttr(), op.getValid()};
    auto type = cast<RankedTensorType>(op.getType());
    RankedTensorType reduced = withoutAxis(type, op.getAxis());
    Value greatest = extent.reduce(w, ReduceKind::MaxNum, op.getInput(), reduced);
    Value e = w.unary<math::ExpOp>(w.sub(op.getInput(), greatest));
    Value sum = extent.reduce(w, ReduceKind::Sum, e, reduced);
    Value inverse = w.div(w.broadcast(w.scalar(type.getElementType(), 1), reduced), sum);
    rewriter.replaceOp(op, zeroInEmptySlots(w, w.mul(e, inverse), op.getValid()));
    return success();
  }
};

/// normalize ==> x / sum(x).
struct DecomposeNormalize : OpRewritePattern<NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormalizeOp op, PatternRewriter &rewriter) const override {
    TensorBuilder w{rewriter, op.getLoc()};
    Extent extent{rewriter.getArrayAttr({op.getAxisAttr()}), StringAttr(), op.getValid()};
    auto type = cast<RankedTensorType>(op.getType());
    Value sum = extent.reduce(w, ReduceKind::Sum, op.getInput(), withoutAxis(type, op.getAxis()));
    rewriter.replaceOp(op, zeroInEmptySlots(w, w.div(op.getInput(), sum), op.getValid()));
    return success();
  }
};

/// standardize ==> (x - mean(x)) / (std(x) + eps).
struct DecomposeStandardize : OpRewritePattern<StandardizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(StandardizeOp op, PatternRewriter &rewriter) const override {
    TensorBuilder w{rewriter, op.getLoc()};
    Extent extent{rewriter.getArrayAttr({op.getAxisAttr()}), StringAttr(), Value()};
    auto type = cast<RankedTensorType>(op.getType());
    RankedTensorType reduced = withoutAxis(type, op.getAxis());
    Value mean = meanOf(w, op, extent, op.getInput(), reduced);
    Value deviation = w.unary<math::SqrtOp>(varianceOf(w, op, extent, op.getInput(), reduced));
    Value scale = w.add(deviation, w.scalar(type.getElementType(), op.getEps().convertToDouble()));
    rewriter.replaceOp(op, w.div(w.sub(op.getInput(), mean), scale));
    return success();
  }
};

struct MoeDecompose : moe::impl::MoeDecomposeBase<MoeDecompose> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposePatterns(patterns);
    populateDecomposePointwisePatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void moe::populateDecomposePatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeReduce, SplitReduce, DecomposeSoftmax, DecomposeNormalize, DecomposeStandardize>(
      patterns.getContext());
}
