// Reverse-mode differentiation of a gate, operation by operation.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/DialectRegistry.h"

namespace moe {

/// Attaches the adjoints of upstream arith and math operations (UpstreamAdjoints.cpp) to their dialects.
void registerUpstreamAdjoints(mlir::DialectRegistry &registry);

/// Turns `gate` into its backward program: a gate of the same axes and inputs that has
/// * an input `grad_NAME` for every float output NAME, the gradient with respect to it (of the output's axes, f32),
/// * a param `scale_NAME` (default 1) for every loss NAME, the gradient with respect to it,
/// * an output `grad_NAME` for every float input NAME that has a gradient, or for the inputs and params that `gradient`
///   lists: the gradient of sum(grad_NAME * output) + sum(scale_NAME * loss).
/// Losses, metrics and outputs of the original are gone; what the gradients need of the forward values is computed
/// again. Fails, with a diagnostic on it, at an operation on the way of a gradient that has no adjoint.
mlir::LogicalResult differentiate(GateOp gate);

} // namespace moe
