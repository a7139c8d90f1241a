// Transcendental functions in f32 as polynomials: the same bits on every target, and no call of a C library.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

namespace moe {

/// Adds patterns that rewrite, for f32 scalars, vectors and tensors (with or without an encoding, of static or dynamic
/// shape), `math.exp exp2 expm1 log log1p tanh erf erfc rsqrt powf fpowi` and integer `math.ipowi` by a constant, into
/// `arith`, `math.fma`, `math.sqrt`, `math.floor` and bit operations. Constants of a tensor of dynamic shape are a
/// scalar and a `moe.broadcast`. Every result is defined for every input: NaN flows through, no float is converted to
/// an integer, results underflow gradually and overflow to infinity. Errors, measured over all f32: docs/numerics.md.
void populateExpandMathPatterns(mlir::RewritePatternSet &patterns);

/// Adds patterns that rewrite `moe.sigmoid softplus normal_cdf sign detach` into `arith` and `math`, for any float
/// element type; no intermediate result overflows where the final one does not:
/// sigmoid(x) = 1 / (1 + exp(-x)), softplus(x) = max(x, 0) + log1p(exp(-|x|)), normal_cdf(x) = erfc(-x / sqrt(2)) / 2.
void populateDecomposePointwisePatterns(mlir::RewritePatternSet &patterns);

/// Adds patterns that rewrite `moe.softmax normalize standardize` and the reductions `mean var std cv2 logsumexp` into
/// sums, maxima and pointwise arithmetic, and reductions over several axes into one after the other (Decompose.cpp).
void populateDecomposePatterns(mlir::RewritePatternSet &patterns);

/// Every operation of the gate on whose rounding a decision depends, in no particular order: a selection, by a
/// `moe.topk` score, a condition, a priority or a capacity that drops slots, an index; a comparison; a step such as
/// `floor`; a position such as `moe.argmax`; and a maximum over the tokens, which is compared with what it is the
/// maximum of. These are the operations whose results have the same bits on every target and in every pass.
llvm::SetVector<mlir::Operation *> selectionSlice(GateOp gate);

} // namespace moe
