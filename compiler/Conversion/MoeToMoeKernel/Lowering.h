// One region under construction: moe values on the left, rows and scalars on the right.
#pragma once
#include "compiler/Conversion/MoeToMoeKernel/Stages.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/Builders.h"

namespace moe {

/// Writes the operations of one region (the rows or the finish of one pass) from moe operations, one at a time, in
/// order. A moe value with one axis besides the tokens becomes a row, or stays a scalar as long as it is the same for
/// all elements; a value without becomes a scalar; a selection becomes the row of its positions.
class RegionLowering {
public:
  /// `level`: what the pass runs over.
  RegionLowering(mlir::Block *block, Level level) : builder(mlir::OpBuilder::atBlockEnd(block)), level(level) {}

  /// Lowers one operation that computes; its operands have been lowered or bound. Reports what has no lowering.
  mlir::LogicalResult lower(mlir::Operation *op);

  /// The register form of `value`, whatever it is (a scalar may stand for a row of equal elements).
  mlir::Value get(mlir::Value value) const { return values.lookup(value); }
  /// The same, but a row when the moe value has an axis besides the tokens.
  mlir::Value getFull(mlir::Value value);
  void bind(mlir::Value value, mlir::Value lowered) { values[value] = lowered; }
  bool has(mlir::Value value) const { return values.contains(value); }

  mlir::OpBuilder builder;
  const Level level;

private:
  mlir::LogicalResult lowerElementwise(mlir::Operation *op);
  mlir::LogicalResult lowerOther(mlir::Operation *op);
  mlir::LogicalResult lowerConstant(mlir::arith::ConstantOp op);
  mlir::LogicalResult lowerReduce(ReduceOp op);
  mlir::LogicalResult lowerExpand(ExpandOp op);
  mlir::LogicalResult lowerTopk(TopkOp op);
  mlir::LogicalResult lowerSumTop(SumTopOp op);
  mlir::LogicalResult lowerForced(ForcedOp op);
  mlir::Value sortedValues(mlir::Location loc, mlir::Value row, int64_t k, bool indices);
  /// The `groups` attribute for axis `fine` in groups of `coarse`; null for equal blocks.
  mlir::DenseI32ArrayAttr groupsAttr(mlir::Operation *op, llvm::StringRef fine, llvm::StringRef coarse);

  llvm::DenseMap<mlir::Value, mlir::Value> values;
};

/// The register type of a moe value: a scalar or a row, bf16 and f16 as f32; null when it has more than one axis
/// besides the tokens, or elements that no target has registers for.
mlir::Type registerTypeOf(mlir::Type type);

/// The register type of a value that is a row.
kernel::RowType rowType(mlir::Value moeValue);

/// Reports at `op` why a value of this type has no register type; success when it has one.
mlir::LogicalResult checkRegister(mlir::Operation *op, mlir::Type type);

/// True for a tensor of bf16 or f16: a storage type, whose values are copied and compared but not computed with.
bool isStorage(mlir::Type type);

} // namespace moe
