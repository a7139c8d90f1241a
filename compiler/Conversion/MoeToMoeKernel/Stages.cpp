// The schedule of a gate, from data flow alone.
#include "compiler/Conversion/MoeToMoeKernel/Stages.h"

using namespace mlir;
using namespace moe;

bool Stages::isTokenReduction(Operation *op) const {
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce)
    return false;
  auto type = cast<RankedTensorType>(reduce.getInput().getType());
  return llvm::any_of(reduce.getOver().getAsRange<StringAttr>(),
                      [&](StringAttr name) { return type.isDynamicDim(axisIndex(type, name.getValue())); });
}

int Stages::stageOf(Value value) const { return stages.lookup(value.getDefiningOp()); }

/// What the losses, metrics and outputs of a gate depend on.
static llvm::DenseSet<Operation *> liveOps(GateOp gate) {
  llvm::DenseSet<Operation *> live;
  for (Operation &op : llvm::reverse(gate.getBody().front()))
    if (isa<LossOp, MetricOp, OutputOp>(op) ||
        llvm::any_of(op.getUsers(), [&](Operation *user) { return live.contains(user); }))
      live.insert(&op);
  return live;
}

Stages::Stages(GateOp gate) {
  llvm::DenseSet<Operation *> live = liveOps(gate);
  for (Operation &op : gate.getBody().front()) {
    if (op.getNumResults() == 0 || !live.contains(&op))
      continue;
    bool rows = isPerToken(op.getResult(0)) || isTokenReduction(&op);
    int stage = rows ? 0 : -1;
    Value last;
    for (Value operand : op.getOperands()) {
      int needed = stageOf(operand) + (rows && !isPerToken(operand) ? 1 : 0);
      if (needed > stage) {
        stage = needed;
        last = operand;
      }
    }
    stages[&op] = stage;
    if (rows && last && !isPerToken(last) && stage > 0)
      reasons.try_emplace(stage, &op, last);
    passCount = std::max(passCount, stage + 1);
  }
}
