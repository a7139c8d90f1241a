// What topk compares. Saturated scores make false ties: softmax of two large logits may round to the same number, and
// the order of the logits is lost. So topk looks through functions that keep the order along its axis, to their
// argument.
#pragma once
#include "mlir/IR/Builders.h"

namespace moe::frontend {

/// A value that has the same order along `axis` as `score` in exact arithmetic, and that is `score` before these were
/// applied:
///
/// * softmax(x, A), standardize(x, A, eps) → x
/// * normalize(x, A) → x, when x is provably not negative (isNotNegative)
/// * x * c, c * x, x / c → x, for a compile-time constant c that is finite and positive
/// * max(x, A -> B), when x is one of these → max of its argument, made with `builder`
///
/// and any nesting of them. A must be `axis`, or the finer axis that the maxima coarsened to it: along another axis
/// softmax does not keep the order. Nothing else is looked through; in particular not sigmoid, exp, sums or a bias.
/// Returns `score` itself when there is nothing to look through.
mlir::Value lookThrough(mlir::OpBuilder &builder, mlir::Value score, llvm::StringRef axis);

/// Whether no element of `value` can be negative, by the operations that made it: softmax, sigmoid, exp, softplus,
/// relu, abs, squares, counts, and sums, products, quotients, maxima … of such.
bool isNotNegative(mlir::Value value);

} // namespace moe::frontend
