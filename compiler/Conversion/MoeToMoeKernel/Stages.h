// When each value of a gate is known: in which pass, and in which of its regions.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace moe {

/// The schedule that follows from data flow alone. What nothing reported depends on has no place in it. A pass runs
/// over the elements of one level: its rows region makes values of that level, its pieces region those of the next
/// coarser one, its finish those of the call. Most passes run over the tokens; where pieces come in pieces, a pass may
/// run over the pieces of any level.
class Stages {
public:
  explicit Stages(GateOp gate);

  /// For a reduction that consumes the axis of the tokens, or that of pieces, an accumulator: the level of that axis.
  std::optional<Level> collectedFrom(mlir::Operation *op) const;
  bool isCollected(mlir::Operation *op) const { return collectedFrom(op).has_value(); }
  bool isTokenReduction(mlir::Operation *op) const { return collectedFrom(op) == Level::Token; }

  /// Per token: the first pass in whose rows it can be computed. Others: -1 when no pass is needed, else the pass that
  /// makes it.
  int stageOf(mlir::Value value) const;

  int getPassCount() const { return static_cast<int>(passes.size()); }
  /// What pass `pass` runs over.
  Level levelOfPass(int pass) const { return passes[pass]; }
  /// The last pass over the tokens before the one that makes `op`, which waits for what that one counts.
  int countingPassOf(mlir::Operation *op) const;

  /// Takes out a pass that turned out to make nothing: what it could have made is left to the next one over the same
  /// elements.
  void drop(int pass);

  /// Why pass `pass` (> 0) is there: the first operation that had to wait, and the value it waited for (null: for a
  /// pass over its elements).
  std::pair<mlir::Operation *, mlir::Value> reasonFor(int pass) const { return reasons.lookup(pass); }

  /// Something reported that no pass makes; null where there is none.
  mlir::Operation *getUnscheduled() const { return unscheduled; }

private:
  bool isFree(mlir::Operation *op) const;
  bool isReady(mlir::Operation *op, int pass) const;
  bool isKnown(mlir::Operation *op, mlir::Value operand, int pass) const;
  void fill(llvm::ArrayRef<mlir::Operation *> ops);
  bool addPass(llvm::ArrayRef<mlir::Operation *> ops);
  void noteReason(mlir::Operation *op);

  llvm::DenseMap<mlir::Operation *, int> stages;
  llvm::DenseMap<int, std::pair<mlir::Operation *, mlir::Value>> reasons;
  llvm::SmallVector<Level> passes{Level::Token};
  Level coarsest = Level::Token; ///< that a pass may run over
  mlir::Operation *unscheduled = nullptr;
};

} // namespace moe
