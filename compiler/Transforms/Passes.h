// Constructors and registration of the passes of compiler/Transforms (Passes.td describes them).
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "mlir/Pass/Pass.h"

namespace moe {
#define GEN_PASS_DECL
#include "compiler/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe
