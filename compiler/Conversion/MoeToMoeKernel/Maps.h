// What the passes over the maps of moe_kernel share.
#pragma once
#include "mlir/IR/PatternMatch.h"

namespace moe {

/// Drops what nobody uses from the maps of a block, the last ones first: results, inputs, operations, whole maps.
void pruneMaps(mlir::Block &block, mlir::RewriterBase &rewriter);

} // namespace moe
