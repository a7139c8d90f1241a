// The schedule of a gate, from data flow alone.
#include "compiler/Conversion/MoeToMoeKernel/Stages.h"

using namespace mlir;
using namespace moe;

/// Whether `op` reduces over an axis of run-time size that makes (`pieces`) or does not make pieces.
static bool reducesOver(Operation *op, bool pieces) {
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce)
    return false;
  auto type = cast<RankedTensorType>(reduce.getInput().getType());
  return llvm::any_of(reduce.getOver().getAsRange<StringAttr>(), [&](StringAttr name) {
    AxisOp axis = lookupAxis(op, name.getValue());
    return type.isDynamicDim(axisIndex(type, name.getValue())) && axis && axis.isPieces() == pieces;
  });
}

bool Stages::isTokenReduction(Operation *op) const { return reducesOver(op, false); }
bool Stages::isPieceReduction(Operation *op) const { return reducesOver(op, true); }

int Stages::stageOf(Value value) const { return stages.lookup(value.getDefiningOp()); }

/// What the losses, metrics, outputs and updates of a gate depend on; with what places groups, which axes name.
static llvm::DenseSet<Operation *> liveOps(GateOp gate) {
  llvm::DenseSet<Operation *> live;
  for (auto axis : gate.getBody().front().getOps<AxisOp>())
    if (axis.getPlacement() && axis.getOf())
      live.insert(placementOf(axis, *axis.getOf(), axis.getSymName()));
  for (Operation &op : llvm::reverse(gate.getBody().front()))
    if (isa<LossOp, MetricOp, OutputOp, UpdateOp, MaskOp>(op) ||
        llvm::any_of(op.getUsers(), [&](Operation *user) { return live.contains(user); }))
      live.insert(&op);
  return live;
}

/// The pass in whose region `op` can be computed as far as `operand` is concerned: what comes from a later region of a
/// pass than that of `op` is there in the next pass only. Ranks wait for the counts of all tokens.
int Stages::stageOfOperand(Operation *op, Value operand) const {
  int stage = stageOf(operand);
  if (isa<RankOp, PermuteOp>(op) || (isa<ShiftOp>(op) && !operand.getDefiningOp<InputOp>()))
    return stage + 1;
  Level user = isTokenReduction(op) ? Level::Token : isPieceReduction(op) ? Level::Piece : levelOf(op->getResult(0));
  if (user == Level::Token)
    return stage + (levelOf(operand) != Level::Token ? 1 : 0);
  return stage + (stage >= 0 && user > levelOf(operand) ? 1 : 0);
}

Stages::Stages(GateOp gate) {
  llvm::DenseSet<Operation *> live = liveOps(gate);
  for (Operation &op : gate.getBody().front()) {
    if (op.getNumResults() == 0 || !live.contains(&op))
      continue;
    bool waits = isCollected(&op) || llvm::any_of(op.getResults(), isPerToken);
    int stage = waits ? 0 : -1;
    Value last;
    for (Value operand : op.getOperands())
      if (int needed = stageOfOperand(&op, operand); needed > stage) {
        stage = needed;
        last = operand;
      }
    stages[&op] = stage;
    if (last && stage > 0 && stageOf(last) < stage)
      reasons.try_emplace(stage, &op, last);
    passCount = std::max(passCount, stage + 1);
  }
}
