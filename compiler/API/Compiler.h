// Compilation inside a program: from a spec, or from a moe_kernel module, to a descriptor in memory that the runtime
// takes like one that was linked in.
#pragma once
#include "compiler/Frontend/Frontend.h"
#include "compiler/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

struct moe_gate;

namespace llvm::orc {
class LLJIT;
}

namespace moe {

struct CompileOptions {
  /// `cpu.isas` empty: the best variant that this machine can run, alone.
  CpuOptions cpu;
  /// Puts the CUDA source into the descriptor.
  bool cuda = true;
  /// Derives no backward gate from a spec.
  bool forwardOnly = false;
  /// Name of the gate; empty where the module holds one.
  std::string name;
};

/// A gate compiled in this process. Its descriptor and code live as long as this object.
class CompiledGate {
public:
  ~CompiledGate();
  CompiledGate(const CompiledGate &) = delete;
  CompiledGate &operator=(const CompiledGate &) = delete;

  /// The gate's descriptor; where the module holds its backward program, `backward` is that one's.
  const moe_gate *gate() const { return descriptor; }

  /// Compiles a program of a module of moe_kernel programs, which stays as it is.
  static llvm::Expected<std::unique_ptr<CompiledGate>> fromKernel(mlir::ModuleOp kernels,
                                                                  const CompileOptions &options = {});
  /// Reads a spec (`.moe`, or `.mlir` with a moe or moe_kernel module) and compiles it. What is wrong with the spec is
  /// written to `diagnostics`, with file, line and caret; the error then only says that there was something.
  static llvm::Expected<std::unique_ptr<CompiledGate>> fromSpecFile(llvm::StringRef path,
                                                                    const FrontendOptions &frontend,
                                                                    const CompileOptions &options,
                                                                    llvm::raw_ostream &diagnostics);
  /// The same for text; `name` stands for the file in diagnostics.
  static llvm::Expected<std::unique_ptr<CompiledGate>> fromSpecText(llvm::StringRef text, llvm::StringRef name,
                                                                    const FrontendOptions &frontend,
                                                                    const CompileOptions &options,
                                                                    llvm::raw_ostream &diagnostics);

private:
  CompiledGate();
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const moe_gate *descriptor = nullptr;
};

/// The dialects that a spec passes through on its way to machine code.
void registerCompilerDialects(mlir::DialectRegistry &registry);

/// Runs the pipelines from `moe` to `moe_kernel` on a module, backward gates included unless `forwardOnly`; one that
/// has no gate in `moe` is left as it is.
mlir::LogicalResult lowerToKernel(mlir::ModuleOp module, bool forwardOnly = false);

/// CUDA code of every program of a module. A program that CUDA cannot express is an error, with diagnostics.
llvm::Expected<llvm::StringMap<CudaCode>> emitCudaOfAll(mlir::ModuleOp kernels);

} // namespace moe
