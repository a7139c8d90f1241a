// When each value of a gate is known: in which pass over the tokens, and in which of its regions.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace moe {

/// The schedule that follows from data flow alone. What nothing reported depends on has no place in it. A pass runs its
/// rows (once per token), its pieces (once per piece), its finish; the value of a level comes from the region of that
/// level.
class Stages {
public:
  explicit Stages(GateOp gate);

  /// True for a reduction that consumes the axis of the tokens, or that of their pieces: an accumulator.
  bool isCollected(mlir::Operation *op) const { return isTokenReduction(op) || isPieceReduction(op); }
  bool isTokenReduction(mlir::Operation *op) const;
  bool isPieceReduction(mlir::Operation *op) const;

  /// Per token: the first pass in whose rows it can be computed. Others: -1 when no pass is needed, else the pass whose
  /// pieces or finish region makes it.
  int stageOf(mlir::Value value) const;

  int getPassCount() const { return passCount; }

  /// Why pass `pass` (> 0) is there: the first operation that had to wait, and the value it waited for.
  std::pair<mlir::Operation *, mlir::Value> reasonFor(int pass) const { return reasons.lookup(pass); }

private:
  int stageOfOperand(mlir::Operation *op, mlir::Value operand) const;

  llvm::DenseMap<mlir::Operation *, int> stages;
  llvm::DenseMap<int, std::pair<mlir::Operation *, mlir::Value>> reasons;
  int passCount = 1;
};

} // namespace moe
