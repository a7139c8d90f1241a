// What a rows region computes from arrays without tokens, params and constants alone is the same for all tokens: the
// CPU code computes it once per call of a rows function, before the first tile. A gradient that adds up one row per
// loss pays for that sum once, not once per token.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "llvm/ADT/SetVector.h"

namespace moe::cpu {

/// The operations of a rows region whose results are the same for all tokens, in order.
llvm::SetVector<mlir::Operation *> uniformOperations(mlir::Block &rows);

/// Splits the maps of a rows region: what their bodies compute from rows and scalars that are the same for all tokens
/// becomes maps and scalar operations of its own.
void splitUniformParts(mlir::Block &rows);

} // namespace moe::cpu
