// From what a gate computes (moe) to how (moe_kernel): fusion by structure.
#pragma once
#include "mlir/Pass/Pass.h"

namespace moe {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moe
