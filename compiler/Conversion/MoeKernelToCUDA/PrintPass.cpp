// --moe-kernel-print-cuda: shows the CUDA of every program, for people and for FileCheck.
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace {

struct PrintCudaPass : PassWrapper<PrintCudaPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintCudaPass)
  StringRef getArgument() const final { return "moe-kernel-print-cuda"; }
  StringRef getDescription() const final { return "print the CUDA source of every moe_kernel.program to standard output"; }

  PrintCudaPass() = default;
  PrintCudaPass(const PrintCudaPass &other) : PassWrapper(other) {}
  Option<bool> kernelsOnly{*this, "kernels-only", llvm::cl::desc("leave out the prelude"), llvm::cl::init(false)};

  void runOnOperation() final {
    for (auto program : getOperation().getOps<moe::kernel::ProgramOp>()) {
      FailureOr<moe::CudaCode> code = moe::emitCuda(program);
      if (failed(code))
        return signalPassFailure();
      StringRef text = code->source;
      if (kernelsOnly)
        text = text.substr(text.rfind("//===-- "));
      llvm::outs() << text;
    }
  }
};

} // namespace

void moe::registerPrintCudaPass() { PassRegistration<PrintCudaPass>(); }
