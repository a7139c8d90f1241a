// The check dialect and the pass that evaluates it (tests only).
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "mlir/Pass/Pass.h"

#include "dialects/Check/IR/CheckDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/Check/IR/CheckOps.h.inc"

namespace moe::check {
#define GEN_PASS_DECL
#include "dialects/Check/IR/CheckPasses.h.inc"
#define GEN_PASS_REGISTRATION
#include "dialects/Check/IR/CheckPasses.h.inc"
} // namespace moe::check
