// Lowering of single operations to rows: positions, selections with empty slots, groups that an input places.
#pragma once
#include "compiler/Conversion/MoeToMoeKernel/Lowering.h"

namespace moe {

/// The i32 constant `value`.
mlir::Value number(mlir::OpBuilder &b, mlir::Location loc, int64_t value);

/// A map over rows of one size; `body` makes the element of the result from theirs.
mlir::Value makeMap(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type result, mlir::ValueRange rows,
                    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)> body);

/// The row that says which group of `coarse` each element of the finer axis is in, where an input says so; else null.
mlir::Value placementFor(RegionLowering &lowering, mlir::Operation *op, llvm::StringRef coarse);

mlir::LogicalResult lowerPlacedReduce(RegionLowering &lowering, ReduceOp op, kernel::Combine kind);
mlir::LogicalResult lowerSize(RegionLowering &lowering, SizeOp op);
mlir::LogicalResult lowerIndex(RegionLowering &lowering, IndexOp op);
/// Random.cpp.
mlir::LogicalResult lowerRandom(RegionLowering &lowering, RandomOp op);
mlir::LogicalResult lowerFilter(RegionLowering &lowering, FilterOp op);
mlir::LogicalResult lowerFilled(RegionLowering &lowering, FilledOp op);
mlir::LogicalResult lowerAppend(RegionLowering &lowering, AppendOp op);
mlir::LogicalResult lowerMultiplicity(RegionLowering &lowering, MultiplicityOp op);

} // namespace moe
