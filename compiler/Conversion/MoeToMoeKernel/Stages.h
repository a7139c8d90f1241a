// When each value of a gate is known: in which pass over the tokens, or in the finish of which pass.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace moe {

/// The schedule that follows from data flow alone. What nothing reported depends on has no place in it.
class Stages {
public:
  explicit Stages(GateOp gate);

  /// True for a reduction that consumes the run-time axis: an accumulator.
  bool isTokenReduction(mlir::Operation *op) const;

  /// Per-token value: the first pass in which it can be computed. Other values: -1 when no pass is needed, else the
  /// pass whose finish makes it.
  int stageOf(mlir::Value value) const;

  int getPassCount() const { return passCount; }

  /// Why pass `pass` (> 0) is there: the first operation that had to wait, and the value it waited for.
  std::pair<mlir::Operation *, mlir::Value> reasonFor(int pass) const { return reasons.lookup(pass); }

private:
  llvm::DenseMap<mlir::Operation *, int> stages;
  llvm::DenseMap<int, std::pair<mlir::Operation *, mlir::Value>> reasons;
  int passCount = 1;
};

} // namespace moe
