// The compiler's pipelines, which read as what happens to a gate.
#pragma once
namespace mlir {
class OpPassManager;
}

namespace moe {

/// From the frontend's `moe` to the `moe` that all targets and the interpreter agree on: simplified, with the functions
/// that selections depend on expanded. Command line: `--moe-pipeline`.
void buildMoePipeline(mlir::OpPassManager &pm);

/// From there to `moe_kernel`: decomposed, fused into passes over the tokens, maps merged. Command line:
/// `--moe-kernel-pipeline`.
void buildKernelPipeline(mlir::OpPassManager &pm);

/// Registers both under their names.
void registerPipelines();

} // namespace moe
