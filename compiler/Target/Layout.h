// Where the elements of a program's accumulators and coefficients stand in the caller's blocks. The CPU code, the CUDA
// code and the descriptor all ask here, so that they cannot disagree.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"

namespace moe {

/// Bytes of one element in memory: bf16 and f16 two, i1 one.
uint64_t elementBytes(mlir::Type type);

/// The accumulator block: the number of tokens (i64) at offset 0, then every accumulator of the program in the order of
/// declaration, each aligned to 16 bytes.
struct AccumulatorLayout {
  explicit AccumulatorLayout(kernel::ProgramOp program);
  /// Byte offset of the accumulator of that name, which must be one of the program's.
  uint64_t offsetOf(llvm::StringRef name) const { return offsets.lookup(name); }
  /// Size of the block, a multiple of 64.
  uint64_t bytes = 0;

private:
  llvm::StringMap<uint64_t> offsets;
};

/// Bytes of all coefficient buffers of a program without tokens or pieces, each aligned to 64.
uint64_t coefficientBytes(kernel::ProgramOp program);

} // namespace moe
