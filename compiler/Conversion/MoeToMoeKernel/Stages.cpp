// The schedule of a gate, from data flow alone: pass by pass, whatever can be made then is made. What cannot is left to
// a later pass, over the coarsest level that makes some of it: logits are read by passes over the tokens only.
#include "compiler/Conversion/MoeToMoeKernel/Stages.h"

using namespace mlir;
using namespace moe;

std::optional<Level> Stages::collectedFrom(Operation *op) const {
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce)
    return std::nullopt;
  auto type = cast<RankedTensorType>(reduce.getInput().getType());
  for (auto name : reduce.getOver().getAsRange<StringAttr>())
    if (type.isDynamicDim(axisIndex(type, name.getValue())) && lookupAxis(op, name.getValue()))
      return levelOf(reduce.getInput());
  return std::nullopt;
}

int Stages::stageOf(Value value) const {
  auto it = stages.find(value.getDefiningOp());
  return it == stages.end() ? -1 : it->second;
}

int Stages::countingPassOf(Operation *op) const {
  int pass = stageOf(op->getResult(0)) - 1;
  while (passes[pass] != Level::Token)
    --pass;
  return pass;
}

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

/// Whether `op` asks where elements are in their pieces, which a pass over these elements knows.
static bool asksForPieces(Operation *op) {
  auto size = dyn_cast<SizeOp>(op);
  auto index = dyn_cast<IndexOp>(op);
  return (size && size.getTo()) || (index && index.getTo());
}

/// Whether `op` can be made in any region that wants it: of pieces, from the caller's arrays alone.
bool Stages::isFree(Operation *op) const {
  if (isCollected(op) || llvm::any_of(op->getResults(), isPerToken))
    return false;
  Level level = levelOf(op->getResult(0));
  bool isNested = coarsest != Level::Token;
  if (level != Level::Call && isNested && asksForPieces(op))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return stageOf(operand) < 0 &&
           (level == Level::Call || levelOf(operand) == Level::Call || levelOf(operand) >= level);
  });
}

/// Whether `operand` is known where pass `pass` makes `op`: what comes from a later region of a pass than that of `op`
/// is there in the next pass only. Ranks wait for the counts of all tokens.
bool Stages::isKnown(Operation *op, Value operand, int pass) const {
  auto it = stages.find(operand.getDefiningOp());
  if (it == stages.end())
    return false;
  int stage = it->second;
  if (isa<RankOp, PermuteOp>(op) || (isa<ShiftOp>(op) && !operand.getDefiningOp<InputOp>()))
    return stage < pass &&
           llvm::is_contained(ArrayRef(passes).slice(std::max(stage, 0), pass - std::max(stage, 0)), Level::Token);
  std::optional<Level> collected = collectedFrom(op);
  Level user = collected ? *collected : levelOf(op->getResult(0)), given = levelOf(operand);
  if (user == Level::Call || given >= user)
    return stage <= pass;
  if (given != Level::Call && user != passes[pass]) // the regions of finer elements know the piece that these are in
    return false;
  return stage < pass;
}

/// Whether pass `pass` makes `op`, as far as what it is made of goes and has been made.
bool Stages::isReady(Operation *op, int pass) const {
  std::optional<Level> collected = collectedFrom(op);
  Level level = collected ? *collected : levelOf(op->getResult(0)), over = passes[pass];
  if (isa<RankOp, PermuteOp, ShiftOp>(op) && over != Level::Token)
    return false;
  if (collected) {
    Level result = levelOf(op->getResult(0));
    bool fromRows = level == over && (result == Level::Call || result == coarser(over));
    if (!fromRows && (level != coarser(over) || result != Level::Call))
      return false;
  } else if (level != Level::Call) {
    bool isSize = isa<SizeOp>(op) && asksForPieces(op); // of the pieces that the rows of a pass come in
    if ((isSize || level != over) && level != coarser(over))
      return false;
    if (isa<IndexOp>(op) && asksForPieces(op) && level != over)
      return false;
  }
  return llvm::all_of(op->getOperands(), [&](Value operand) { return isKnown(op, operand, pass); });
}

void Stages::noteReason(Operation *op) {
  int stage = stages[op];
  if (stage == 0 || reasons.contains(stage))
    return;
  for (Value operand : op->getOperands())
    if (stageOf(operand) >= 0 && stageOf(operand) < stage && !isKnown(op, operand, stage - 1)) {
      reasons.try_emplace(stage, op, operand);
      return;
    }
  if (passes[stage] != Level::Token)
    reasons.try_emplace(stage, op, Value());
}

/// Gives the last pass all that it can make.
void Stages::fill(ArrayRef<Operation *> ops) {
  int pass = getPassCount() - 1;
  for (Operation *op : ops) {
    if (stages.contains(op))
      continue;
    if (isFree(op)) {
      if (llvm::all_of(op->getOperands(), [&](Value operand) { return stages.contains(operand.getDefiningOp()); }))
        stages[op] = -1;
      continue;
    }
    if (!isReady(op, pass))
      continue;
    stages[op] = pass;
    if (!isCollected(op) && llvm::all_of(op->getResults(), [](Value v) { return levelOf(v) == Level::Call; })) {
      int needed = -1; // known after the last of what it is made of
      for (Value operand : op->getOperands())
        needed = std::max(needed, stageOf(operand));
      stages[op] = needed;
    }
    noteReason(op);
  }
}

/// One more pass, over the coarsest level that makes something.
bool Stages::addPass(ArrayRef<Operation *> ops) {
  passes.push_back(coarsest);
  for (Level level = coarsest; level <= Level::Token; level = static_cast<Level>(static_cast<int>(level) + 1)) {
    passes.back() = level;
    if (llvm::any_of(ops, [&](Operation *op) { return !stages.contains(op) && isReady(op, getPassCount() - 1); }))
      return true;
  }
  passes.pop_back();
  return false;
}

void Stages::drop(int pass) {
  auto *next = std::find(passes.begin() + pass + 1, passes.end(), passes[pass]);
  int later = next == passes.end() ? pass : static_cast<int>(next - passes.begin()) - 1;
  for (auto &[op, stage] : stages)
    stage = stage == pass ? later : stage > pass ? stage - 1 : stage;
  passes.erase(passes.begin() + pass);
  for (int i = pass; i < getPassCount(); ++i)
    reasons[i] = reasons.lookup(i + 1);
  if (pass == 0)
    reasons[0] = {};
}

Stages::Stages(GateOp gate) {
  for (size_t depth = pieceAxes(gate).size(); depth > 1; --depth) // passes over the coarsest would have no pieces
    coarsest = coarser(coarsest);
  llvm::DenseSet<Operation *> live = liveOps(gate);
  SmallVector<Operation *> ops;
  for (Operation &op : gate.getBody().front())
    if (op.getNumResults() > 0 && live.contains(&op))
      ops.push_back(&op);
  do
    fill(ops);
  while (llvm::any_of(ops, [&](Operation *op) { return !stages.contains(op); }) && addPass(ops));
  auto missing = llvm::find_if(ops, [&](Operation *op) { return !stages.contains(op); });
  unscheduled = missing == ops.end() ? nullptr : *missing;
}
