// The compiler's pipelines.
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

static void simplify(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void moe::buildMoePipeline(OpPassManager &pm, const MoePipelineOptions &options) {
  pm.addNestedPass<GateOp>(createMoeFindWholeBatch());
  simplify(pm);
  pm.addNestedPass<GateOp>(createMoeApplyMask());
  pm.addNestedPass<GateOp>(createMoeExpandLimit());
  pm.addNestedPass<GateOp>(createMoeStabilize());
  if (!options.forwardOnly) {
    pm.addPass(createMoeDeriveBackward());
    simplify(pm);
    pm.addPass(createMoeCutBackward());
    simplify(pm);
  }
  pm.addNestedPass<GateOp>(createExpandSelectionMath());
}

void moe::buildKernelPipeline(OpPassManager &pm) {
  pm.addNestedPass<GateOp>(createMoeDecompose());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<GateOp>(createMoeFoldLayers());
  pm.addNestedPass<GateOp>(createMoeSplitPieces());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createConvertMoeToMoeKernel());
  pm.addPass(createCSEPass());
  pm.addPass(createMoeKernelFuseMaps());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createMoeKernelFuseMaps());
  pm.addPass(createMoeKernelSplitUniform());
  pm.addPass(createCSEPass());
}

void moe::registerPipelines() {
  PassPipelineRegistration<MoePipelineOptions>(
      "moe-pipeline", "simplify a gate, derive its backward gate, expand what selections depend on", buildMoePipeline);
  PassPipelineRegistration<>("moe-kernel-pipeline", "decompose and fuse a gate into passes over the tokens",
                             buildKernelPipeline);
}
