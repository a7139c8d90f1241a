// Registers every dialect and pass of moe.
#include "compiler/InitAll.h"
#include "compiler/Conversion/MoeKernelToLLVM/MoeKernelToLLVM.h"
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Check/IR/Check.h"
#include "dialects/Moe/IR/Moe.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/Passes.h"

void moe::registerAllDialects(mlir::DialectRegistry &registry) {
  moe::registerCpuCodeDialects(registry);
  registry.insert<moe::MoeDialect, moe::check::CheckDialect, moe::kernel::MoeKernelDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect>();
  moe::registerUpstreamAdjoints(registry);
}

void moe::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  moe::registerMoeTransformsPasses();
  moe::check::registerCheckPasses();
  moe::registerMoeToMoeKernelPasses();
  moe::registerMoeKernelToLLVMPasses();
  moe::registerPipelines();
}
