// Which operations of a rows region give the same for every token of the call, or of a piece: they stand before the
// loop over rows.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "llvm/ADT/DenseMap.h"

namespace moe {

/// How often an operation of a region is computed.
enum class Rate { Row, Piece, Call };

/// The operations of a rows region that are computed once per call or once per piece: loads of arrays without tokens,
/// what is made of nothing else, and the constant rows that this needs. The others are not in it.
llvm::DenseMap<mlir::Operation *, Rate> hoistedOperations(mlir::Block &rows);

} // namespace moe
