// What the verifiers of the moe operations share.
#pragma once
#include "dialects/Moe/IR/Moe.h"

namespace moe::verifier {

/// Not a size: what the functions below return after an error.
constexpr int64_t noSize = -1;

/// The result type of an op must be `expected`; the message shows both.
mlir::LogicalResult expectResult(mlir::Operation *op, mlir::Type actual, mlir::Type expected);

/// The error of an op whose operand of type `type` lacks `axis`.
mlir::InFlightDiagnostic noSuchAxis(mlir::Operation *op, llvm::StringRef axis, mlir::Type type);

/// Size of the coarser axis `to` of `axis` (kDynamic at run time), checked; noSize after an error.
int64_t coarseSize(mlir::Operation *op, llvm::StringRef axis, llvm::StringRef to);

/// An axis of `type` that must be there with a static size; its size, or noSize after an error.
int64_t staticAxis(mlir::Operation *op, mlir::RankedTensorType type, llvm::StringRef axis);

} // namespace moe::verifier
