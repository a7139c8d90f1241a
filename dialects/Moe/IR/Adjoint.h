// Reverse-mode differentiation: what an operation is given to state its adjoint with.
#pragma once
#include "dialects/Moe/IR/TensorBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace moe {

/// The gradients found so far, and the place where more are written.
class AdjointBuilder : public TensorBuilder {
public:
  AdjointBuilder(mlir::Operation *op, mlir::OpBuilder &builder, llvm::DenseMap<mlir::Value, mlir::Value> &gradients)
      : TensorBuilder{builder, op->getLoc()}, op(op), gradients(gradients) {}

  /// The gradient with respect to the operation's result, of the result's type.
  mlir::Value gradient() const { return gradients.lookup(op->getResult(0)); }

  /// Adds `value`, of the operand's type (f32 where that is bf16 or f16), to the gradient of `operand`.
  void accumulate(mlir::Value operand, mlir::Value value);

  /// Sums `value` over the axes that `type` lacks.
  mlir::Value sumTo(mlir::Value value, mlir::Type type) const;

private:
  mlir::Operation *op;
  llvm::DenseMap<mlir::Value, mlir::Value> &gradients;
};

/// True for an operation whose derivative is zero wherever it exists, or that makes a value without gradient: sign,
/// floor, comparisons, selections, counts, constants, `moe.detach`.
bool stopsGradient(mlir::Operation *op);

} // namespace moe
