// Which operations of a rows region give the same for every token: they stand before the loop over rows.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "llvm/ADT/DenseSet.h"

namespace moe {

/// The operations of a rows region that are computed once per call: loads of arrays without tokens, what is made of
/// nothing else, and the constant rows that this needs.
llvm::DenseSet<mlir::Operation *> hoistedOperations(mlir::Block &rows);

} // namespace moe
