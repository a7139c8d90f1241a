// moe-find-whole-batch: says of a gate why what it collects from several calls may not be added up. What is collected
// is made token by token and piece by piece; where that uses a value of the whole call, each call would use its own.
// Capacity, ranks and dispatch plans are per call by definition and no reason.
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"

namespace moe {
#define GEN_PASS_DEF_MOEFINDWHOLEBATCH
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

class WholeBatch {
public:
  explicit WholeBatch(GateOp gate) : gate(gate) {
    for (Operation &op : gate.getBody().front()) {
      if (op.getNumResults() != 1 || levelOf(op.getResult(0)) != Level::Call)
        continue;
      if (isCollected(&op))
        sources.insert(&op);
      if (isCollected(&op) || llvm::any_of(op.getOperands(), [&](Value v) { return isOfCall(v); }))
        ofCall.insert(&op);
    }
  }

  /// Why the gate takes its tokens in one call only; nothing if it does not.
  std::optional<std::string> reason() {
    for (Operation *op : reported())
      if (std::optional<std::string> reason = reasonOf(op))
        return reason;
    return std::nullopt;
  }

private:
  static bool isRunTime(Operation *op, StringRef name) {
    AxisOp axis = lookupAxis(op, name);
    return axis && !axis.getSize();
  }
  /// Whether `op` makes a value of the call out of the tokens or the pieces.
  static bool isCollected(Operation *op) {
    if (auto size = dyn_cast<SizeOp>(op))
      return isRunTime(op, size.getAxis());
    return isa<ReduceOp>(op) && levelOf(op->getOperand(0)) != Level::Call;
  }
  bool isOfCall(Value value) const { return ofCall.contains(value.getDefiningOp()); }

  /// What the losses, metrics, outputs and updates depend on, and the mask, in the order of the program.
  SmallVector<Operation *> reported() {
    llvm::DenseSet<Operation *> live;
    SmallVector<Operation *> order;
    for (Operation &op : llvm::reverse(gate.getBody().front()))
      if (isa<LossOp, MetricOp, OutputOp, UpdateOp, MaskOp>(op) ||
          llvm::any_of(op.getUsers(), [&](Operation *user) { return live.contains(user); })) {
        live.insert(&op);
        order.push_back(&op);
      }
    std::reverse(order.begin(), order.end());
    return order;
  }

  static std::string subjectOf(Operation *op) {
    StringRef name = specName(op->getLoc());
    return name.empty() ? "'" + op->getName().getStringRef().str() + "'" : "'" + name.str() + "'";
  }
  static StringRef axisAlong(Operation *op) {
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      return softmax.getAxis();
    if (auto normalize = dyn_cast<NormalizeOp>(op))
      return normalize.getAxis();
    if (auto standardize = dyn_cast<StandardizeOp>(op))
      return standardize.getAxis();
    return "";
  }

  /// The axis of layers that a reduction over tokens or pieces keeps; empty for others. Targets finish each layer
  /// within a call, as they do a piece, but a layer goes on in the next one.
  static StringRef keptLayer(Operation *op) {
    auto reduce = dyn_cast<ReduceOp>(op);
    if (!reduce || llvm::none_of(reduce.getOver().getAsRange<StringAttr>(),
                                 [&](StringAttr name) { return isRunTime(op, name.getValue()); }))
      return "";
    for (StringAttr name : axesOf(reduce.getInput().getType())) {
      if (isRunTime(op, name.getValue()))
        return "";
      if (levelOf(reduce.getResult()) == Level::Call && axisIndex(reduce.getType(), name.getValue()) >= 0)
        return name.getValue(); // it stands in front of the tokens
    }
    return "";
  }

  std::optional<std::string> reasonOf(Operation *op) {
    if (StringRef layer = keptLayer(op); !layer.empty())
      return (subjectOf(op) + " is finished for each '" + layer + "'").str();
    if (StringRef axis = axisAlong(op); !axis.empty() && isRunTime(op, axis))
      return (subjectOf(op) + " is a " + op->getName().stripDialect() + " over all of '" + axis + "'").str();
    auto reduce = dyn_cast<ReduceOp>(op);
    if (reduce && reduce.getKind() == ReduceKind::LogSumExp && sources.contains(op))
      return subjectOf(op) + " is a logsumexp over all tokens, which needs the greatest of them first";
    if (op->getNumResults() == 0 || llvm::all_of(op->getResults(), [](Value v) { return levelOf(v) == Level::Call; }))
      return std::nullopt;
    auto limit = dyn_cast<LimitOp>(op);
    for (OpOperand &operand : op->getOpOperands())
      if (isOfCall(operand.get()) && !(limit && &operand == &limit.getCapacityMutable()))
        return use(op, operand.get());
    return std::nullopt;
  }

  /// `op`, once for each token or piece, uses `value` of the call.
  std::string use(Operation *op, Value value) {
    SmallVector<Operation *> work{value.getDefiningOp()};
    llvm::DenseSet<Operation *> seen;
    Operation *source = nullptr; // a reduction, if there is one, else a size
    while (!work.empty()) {
      Operation *next = work.pop_back_val();
      if (!ofCall.contains(next) || !seen.insert(next).second)
        continue;
      if (sources.contains(next) && (!source || isa<SizeOp>(source)))
        source = next;
      for (Value operand : next->getOperands())
        work.push_back(operand.getDefiningOp());
    }
    std::string what = "a reduction over all tokens";
    if (auto size = dyn_cast<SizeOp>(source))
      what = ("the size of '" + size.getAxis() + "'").str();
    std::string subject = subjectOf(op), each = isPerToken(op->getResult(0)) ? " for each token" : " for each piece";
    std::string name = specName(value.getLoc()).empty() ? "" : subjectOf(value.getDefiningOp());
    if (name.empty() || name == subject)
      return subject + " needs " + what + each;
    return subject + " needs " + name + ", " + what + "," + each;
  }

  GateOp gate;
  llvm::DenseSet<Operation *> sources; ///< reductions over all tokens, sizes of run-time axes
  llvm::DenseSet<Operation *> ofCall;  ///< what is made of these, once for the call
};

struct MoeFindWholeBatch : moe::impl::MoeFindWholeBatchBase<MoeFindWholeBatch> {
  void runOnOperation() override {
    GateOp gate = getOperation();
    if (gate.getBackwardOf() || gate.getWholeBatch())
      return;
    if (std::optional<std::string> reason = WholeBatch(gate).reason())
      gate.setWholeBatch(*reason);
  }
};

} // namespace
