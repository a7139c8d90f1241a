// The vector code of the CPU target to the LLVM dialect: upstream's patterns, all in one conversion.
#include "compiler/Conversion/MoeKernelToLLVM/MoeKernelToLLVM.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace {

struct VectorCodeToLLVMPass : PassWrapper<VectorCodeToLLVMPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VectorCodeToLLVMPass)
  StringRef getArgument() const override { return "lower-vector-to-llvm"; }
  StringRef getDescription() const override {
    return "the CPU target's func, scf, vector, arith and math to the llvm dialect";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect, cf::ControlFlowDialect>();
  }

  void runOnOperation() override {
    LLVMTypeConverter converter(&getContext());
    RewritePatternSet patterns(&getContext());
    populateSCFToControlFlowConversionPatterns(patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> moe::createVectorCodeToLLVMPass() { return std::make_unique<VectorCodeToLLVMPass>(); }

void moe::buildMoeKernelToLLVMPipeline(OpPassManager &manager) {
  manager.addPass(createMoeKernelToVectorPass());
  manager.addPass(createVectorCodeToLLVMPass());
}

void moe::registerMoeKernelToLLVMPasses() {
  registerPass([] { return createMoeKernelToVectorPass(); });
  registerPass([] { return createVectorCodeToLLVMPass(); });
  PassPipelineRegistration<>("moe-kernel-to-llvm", "CPU code of moe_kernel programs in the llvm dialect",
                             [](OpPassManager &manager) { buildMoeKernelToLLVMPipeline(manager); });
}

void moe::registerCpuCodeDialects(DialectRegistry &registry) {
  registry
      .insert<func::FuncDialect, scf::SCFDialect, vector::VectorDialect, cf::ControlFlowDialect, LLVM::LLVMDialect>();
}
