// moe_kernel programs to CPU code.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/Pass/PassManager.h"

namespace moe {

/// Integer attribute on each function that `convert-moe-kernel-to-vector` makes: bytes of scratch memory that it needs.
constexpr llvm::StringLiteral scratchBytesAttr = "moe.scratch_bytes";

/// Names of the functions of a pass, with the signatures of moe_cpu_rows, moe_cpu_pieces and moe_cpu_finish. A pass
/// without a pieces region has no such function.
struct PassFunctionNames {
  std::string rows, pieces, finish;
  std::array<std::string, 3> all() const { return {rows, pieces, finish}; }
};
PassFunctionNames functionNames(llvm::StringRef program, unsigned pass);

/// `convert-moe-kernel-to-vector`: each program of a module becomes two or three functions per pass, in func, scf,
/// vector, arith, math and llvm (addresses, loads, stores). A tile of 16 tokens has a token in each lane of
/// `vector<16xT>`; a row is scratch memory [n][16]; the finish region is the same code with scalars. Transcendental
/// functions of f32 become polynomials.
std::unique_ptr<mlir::Pass> createMoeKernelToVectorPass();

/// `lower-vector-to-llvm`: the rest of the way to the LLVM dialect, in one conversion.
std::unique_ptr<mlir::Pass> createVectorCodeToLLVMPass();

/// Both; `moe-kernel-to-llvm` on the command line.
void buildMoeKernelToLLVMPipeline(mlir::OpPassManager &manager);

void registerMoeKernelToLLVMPasses();

/// The dialects that these passes make, so that what they print can be read again.
void registerCpuCodeDialects(mlir::DialectRegistry &registry);

} // namespace moe
