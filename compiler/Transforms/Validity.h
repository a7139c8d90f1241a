// Which elements of the run-time axes count. moe-apply-mask leaves the others out of every reduction that the gate has,
// and differentiation leaves them out of those that it adds.
#pragma once
#include "dialects/Moe/IR/TensorBuilder.h"

namespace moe {

/// Tokens count unless the mask of the gate says no; pieces, and pieces of pieces, count when a token of theirs does.
/// What it takes to know that is written at the top of the gate, once, when it is first asked for.
class Validity {
public:
  explicit Validity(GateOp gate);

  /// Whether some elements of `axis` may not count.
  bool skips(llvm::StringRef axis) const;
  /// i1 on `axis`, for which `skips` holds.
  mlir::Value of(mlir::StringAttr axis);
  /// The i32 that `moe.size axis`, or `moe.size axis to …`, is about; null where nothing is skipped.
  mlir::Value size(mlir::StringAttr axis, mlir::StringAttr to);
  /// where(what counts ? x : neutral), for the elements of `axis`.
  mlir::Value keep(const TensorBuilder &b, mlir::Value x, mlir::StringAttr axis, double neutral);
  /// Lets `op` see its neutral element in place of what does not count, along each axis that it reduces.
  void guard(ReduceOp op);

private:
  /// One axis of pieces.
  struct Pieces {
    mlir::StringAttr axis, of;
    bool mayBeEmpty; ///< by its offsets, or those of a finer one
    mlir::Value held, filled;
  };
  Pieces *find(llvm::StringRef axis);
  mlir::Value tokensOf(Pieces &pieces);
  mlir::Value asInteger(mlir::Value valid);

  /// Keeps `top` behind what it wrote last: the operation in front of which it stands may be gone by now.
  class AtTop;

  GateOp gate;
  mlir::OpBuilder top;
  mlir::Operation *last = nullptr; ///< what `top` stands behind
  mlir::StringAttr tokens;         ///< where there is a mask
  mlir::Value valid;
  llvm::SmallVector<Pieces> pieces;
  llvm::DenseMap<std::pair<mlir::StringAttr, mlir::StringAttr>, mlir::Value> sizes;
};

/// What changes nothing when `kind` combines it with other values: ±infinity stands for the least and the greatest
/// integer too.
double neutralOf(ReduceKind kind);

/// `value` everywhere on `type`, a tensor of floats, integers or booleans; an infinity is the least or the greatest
/// integer.
mlir::Value constantOf(const TensorBuilder &b, mlir::Type type, double value);

/// Which slots of `selection` are filled, as i1 of the shape of `type`, which has its batch axes and its slots.
mlir::Value filledSlots(const TensorBuilder &b, mlir::Value selection, mlir::RankedTensorType type);

} // namespace moe
