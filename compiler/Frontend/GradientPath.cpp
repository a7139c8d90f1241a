// The R7 analysis: see GradientPath.h.
#include "compiler/Frontend/GradientPath.h"
#include "dialects/Moe/IR/Adjoint.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

/// Why no gradient passes through an operation that stops it; empty where that needs no word (a constant, an input of
/// integers).
static StringRef cutReason(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<TopkOp, ForcedOp, FirstOp, ChosenOp, FilterOp, AppendOp, LimitOp, FilledOp, PermuteOp>(
          [](auto) { return "a selection and its counts have no gradient"; })
      .Case<ArgmaxOp, IndexOp>([](auto) { return "an index has no gradient"; })
      .Case<RandomOp>([](auto) { return "a random number has no gradient"; })
      .Case<StateOp>([](auto) { return "a state changes in steps, not by gradients"; })
      .Case<DetachOp>([](auto) { return "detach stops it"; })
      .Case<SignOp, math::FloorOp, math::CeilOp, math::RoundEvenOp, math::TruncOp>(
          [](auto) { return "this function is flat"; })
      .Case<arith::CmpFOp, arith::CmpIOp>([](auto) { return "a comparison has no gradient"; })
      .Default([](auto) { return ""; });
}

bool moe::frontend::reachesInput(Value loss, SmallVectorImpl<GradientCut> &cuts) {
  // Values with a differentiable path to the loss, and those behind an operation that has ended it without a word (the
  // integers of a count): there lies the reason.
  llvm::SetVector<std::pair<Value, unsigned>> work;
  work.insert({loss, 1});
  for (size_t i = 0; i < work.size(); ++i) {
    auto [value, live] = work[i];
    Operation *op = value.getDefiningOp();
    if (!op)
      continue;
    if (auto input = dyn_cast<InputOp>(op)) {
      if (live && isa<FloatType>(cast<ShapedType>(input.getType()).getElementType()))
        return true;
      continue;
    }
    bool stops = stopsGradient(op);
    if (StringRef reason = cutReason(op); stops && !reason.empty()) {
      if (llvm::none_of(cuts, [&](const GradientCut &cut) { return cut.op == op; }))
        cuts.push_back({op, reason});
      continue;
    }
    for (Value operand : op->getOperands())
      if (isa<ShapedType>(operand.getType()) || stops) // what is gathered, not where from
        work.insert({operand, live != 0 && !stops});
  }
  return false;
}
