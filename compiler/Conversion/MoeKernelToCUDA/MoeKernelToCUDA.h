// CUDA C++ from moe_kernel programs: readable text, one kernel per pass, complete in itself.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include <string>
#include <vector>

namespace moe {

/// Launch description of one pass (moe_cuda_kernel of runtime.h).
struct CudaKernelInfo {
  std::string name;      ///< extern "C" name in the source
  uint32_t threads;      ///< per block
  uint32_t rowsPerBlock; ///< rows that one block works on at a time
  uint32_t sharedBytes;  ///< dynamic shared memory: always 0, all of it is static
  uint32_t maxBlocks;    ///< the grid is min(maxBlocks, max(1, ceil(tokens / rowsPerBlock)))
  uint32_t flags;        ///< moe_kernel_flags: parameters behind the phase
  uint32_t level = 0;    ///< of the pass
};

struct CudaCode {
  std::string source; ///< needs no include directory: the device prelude is part of it
  std::vector<CudaKernelInfo> kernels;
  /// Workspace of a call, for any number of tokens: a header of 64 bytes (zero before the first call), the coefficients
  /// (Layout.h), then the partial results of maxBlocks blocks.
  uint64_t workspaceBytes;
};

/// Lines of the source around the device prelude, which an emulator replaces.
inline constexpr llvm::StringLiteral cudaPreludeBegin = "//===-- moe device prelude ---===//";
inline constexpr llvm::StringLiteral cudaPreludeEnd = "//===-- end of moe device prelude ---===//";

/// Prints the gate of a verified program as CUDA: the source holds the kernels of the gate and of the programs of the
/// same module that compute its gradients, so that all of them are one translation unit; `kernels` and `workspaceBytes`
/// are those of `program` itself. Fails, with a diagnostic on the operation, where an operation of arith or math
/// has no CUDA form or a row does not fit the shared memory of a block.
mlir::FailureOr<CudaCode> emitCuda(kernel::ProgramOp program);

} // namespace moe
