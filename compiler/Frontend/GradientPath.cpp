// The R7 analysis: see GradientPath.h.
#include "compiler/Frontend/GradientPath.h"
#include "dialects/Moe/IR/Moe.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

/// Why no gradient passes through an operation; empty when one does.
static StringRef cutReason(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<TopkOp, FirstOp, ChosenOp>([](auto) { return "a selection and its counts have no gradient"; })
      .Case<ArgmaxOp>([](auto) { return "an index has no gradient"; })
      .Case<DetachOp>([](auto) { return "detach stops it"; })
      .Case<SignOp, math::FloorOp, math::CeilOp>([](auto) { return "this function is flat"; })
      .Case<arith::CmpFOp, arith::CmpIOp>([](auto) { return "a comparison has no gradient"; })
      .Default([](auto) { return ""; });
}

bool moe::frontend::reachesInput(Value loss, SmallVectorImpl<GradientCut> &cuts) {
  llvm::SetVector<Value> work;
  work.insert(loss);
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (!op)
      continue;
    if (auto input = dyn_cast<InputOp>(op)) {
      if (isa<FloatType>(cast<ShapedType>(input.getType()).getElementType()))
        return true;
      continue;
    }
    if (StringRef reason = cutReason(op); !reason.empty()) {
      if (llvm::none_of(cuts, [&](const GradientCut &cut) { return cut.op == op; }))
        cuts.push_back({op, reason});
      continue;
    }
    for (Value operand : op->getOperands())
      if (isa<ShapedType>(operand.getType())) // what is gathered, not where from
        work.insert(operand);
  }
  return false;
}
