// R7: does a loss train anything? An analysis over the moe IR that follows a loss back to the inputs.
#pragma once
#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

namespace moe::frontend {

/// An operation that lets no gradient through, and why.
struct GradientCut {
  mlir::Operation *op;
  llvm::StringRef reason;
};

/// Whether some path from `loss` back to a float input is differentiable. Otherwise `cuts` holds the operations where
/// the paths end, in the order they were met.
bool reachesInput(mlir::Value loss, llvm::SmallVectorImpl<GradientCut> &cuts);

} // namespace moe::frontend
