// The compiler's pipelines, which read as what happens to a gate.
#pragma once
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
}

namespace moe {

struct MoePipelineOptions : mlir::PassPipelineOptions<MoePipelineOptions> {
  Option<bool> forwardOnly{*this, "forward-only", llvm::cl::desc("derive no backward gate"), llvm::cl::init(false)};
};

/// From the frontend's `moe` to the `moe` that all targets and the interpreter agree on: simplified, with a backward
/// gate beside each gate that has gradients, and with the functions that selections depend on expanded. Command line:
/// `--moe-pipeline`.
void buildMoePipeline(mlir::OpPassManager &pm, const MoePipelineOptions &options = {});

/// From there to `moe_kernel`: decomposed, fused into passes over the tokens, maps merged. Command line:
/// `--moe-kernel-pipeline`.
void buildKernelPipeline(mlir::OpPassManager &pm);

/// Registers both under their names.
void registerPipelines();

} // namespace moe
