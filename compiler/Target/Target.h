// From moe_kernel programs to machine code: an LLVM module that holds, for each program, its functions in every
// instruction set variant and the `moe_gate` descriptor as constant data, and what can be written from it.
//
// The JIT and object files take the same path: both look for the symbol `moe_gate_<name>`.
#pragma once
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace moe {

/// How CPU code is made.
struct CpuOptions {
  /// Names of the variants, best first; empty: all that this machine's architecture has ("avx512", "avx2" on x86-64,
  /// "generic" elsewhere).
  std::vector<std::string> isas;
  /// Runs LLVM's optimisations. Without, the IR is what the conversion made (`--emit=llvm` of a reader).
  bool optimise = true;
};

/// An LLVM module with its context; the context must outlive the module.
struct GateModule {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// The external symbol of a program's descriptor.
std::string descriptorSymbol(llvm::StringRef program);

/// The variants of this machine's architecture, best first.
std::vector<std::string> nativeIsas();
/// Those of them that this machine can run, best first.
std::vector<std::string> runnableIsas();

/// The backward and the step program of a gate in the same module; null without one.
kernel::ProgramOp backwardOf(mlir::ModuleOp kernels, kernel::ProgramOp program);
kernel::ProgramOp stepOf(mlir::ModuleOp kernels, kernel::ProgramOp program);
/// The gate that a program is the backward or the step of; "" for a gate itself.
llvm::StringRef ownerOf(kernel::ProgramOp program);

/// Compiles the programs of `kernels` (left unchanged) to LLVM IR. The descriptor of a gate points to those of its
/// backward and its step program. `cuda` has the CUDA code of programs by name, that of a gate with the kernels of all
/// of them in its source; a program without it gets a descriptor without CUDA source. Fails on an unknown variant,
/// where a backward or step program belongs to no gate, or where the conversion does (with diagnostics on the
/// operations).
llvm::Expected<GateModule> compileGates(mlir::ModuleOp kernels, const CpuOptions &options,
                                        const llvm::StringMap<CudaCode> &cuda = {});

/// Machine code of a module, position independent.
llvm::Expected<std::string> emitObject(GateModule &gates);
llvm::Expected<std::string> emitAssembly(GateModule &gates);
std::string emitLLVM(const GateModule &gates);

/// Writes a shared object. The link is done by the C compiler driver found on the path ($CC, cc, clang, gcc); without
/// one the error says so.
llvm::Error emitSharedObject(GateModule &gates, llvm::StringRef path);

/// A C header: declares the descriptors, names the position of each array, and documents sizes and roles.
std::string emitHeader(mlir::ModuleOp kernels);

} // namespace moe
