// The passes that apply the patterns of ExpandMath.h: to everything, or to what selections depend on.
#include "compiler/Transforms/ExpandMath.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

namespace moe {
#define GEN_PASS_DEF_EXPANDMATH
#define GEN_PASS_DEF_EXPANDSELECTIONMATH
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// A maximum or minimum over the tokens: a later pass may compare it with what it makes again.
static bool isExtremeOfTokens(Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce || !llvm::is_contained({ReduceKind::Max, ReduceKind::Min, ReduceKind::MaxNum}, reduce.getKind()))
    return false;
  RankedTensorType type = reduce.getInput().getType();
  return llvm::any_of(reduce.getOver().getAsRange<StringAttr>(),
                      [&](StringAttr axis) { return type.isDynamicDim(axisIndex(type, axis.getValue())); });
}

/// Whether the least change of an operand can change the result by more than that.
static bool decides(Operation *op) {
  return isa<TopkOp, FilterOp, LimitOp, ForcedOp, ArgmaxOp, SignOp, arith::CmpFOp, arith::FPToSIOp, math::FloorOp,
             math::CeilOp, math::RoundEvenOp, math::TruncOp>(op) ||
         isExtremeOfTokens(op);
}

llvm::SetVector<Operation *> moe::selectionSlice(GateOp gate) {
  llvm::SetVector<Operation *> slice;
  gate.walk([&](Operation *op) {
    if (decides(op))
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp(); producer && !isa<SelectionType>(operand.getType()))
          slice.insert(producer);
  });
  for (size_t i = 0; i < slice.size(); ++i)
    for (Value operand : slice[i]->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        slice.insert(producer);
  return slice;
}

namespace {

struct ExpandMathPass : moe::impl::ExpandMathBase<ExpandMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateExpandMathPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

struct ExpandSelectionMathPass : moe::impl::ExpandSelectionMathBase<ExpandSelectionMathPass> {
  void runOnOperation() override {
    // Only the functions that are about to be replaced, and what replaces them, are touched: the rest of the slice
    // keeps its form.
    SmallVector<Operation *> functions;
    for (Operation *op : selectionSlice(getOperation()))
      if (isa<math::MathDialect>(op->getDialect()) || isa<SigmoidOp, SoftplusOp, NormalCdfOp, SignOp, DetachOp>(op) ||
          isa<SoftmaxOp, NormalizeOp, StandardizeOp, ReduceOp>(op))
        functions.push_back(op);
    RewritePatternSet patterns(&getContext());
    populateDecomposePatterns(patterns);
    populateDecomposePointwisePatterns(patterns);
    populateExpandMathPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(functions, std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
