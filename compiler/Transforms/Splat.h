// One constant, repeated over whatever shape an operation works on.
#pragma once
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace moe {

/// A constant of `type` (a float or integer, or a vector or ranked tensor of these) that holds `scalar` everywhere,
/// rounded to the element type. For a tensor of dynamic shape: a scalar constant and a `moe.broadcast`.
mlir::Value splatConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, const llvm::APFloat &scalar);

/// The same from a double.
mlir::Value splatConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, double scalar);

/// The same for an integer element type; `scalar` is truncated to its width.
mlir::Value splatInteger(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type, int64_t scalar);

/// `type` with the element type `element`; shape and encoding stay.
mlir::Type withElement(mlir::Type type, mlir::Type element);

/// The scalar that `value` holds everywhere, if that is visible: a constant, a splat, or a `moe.broadcast` of one.
mlir::Attribute matchSplat(mlir::Value value);

} // namespace moe
