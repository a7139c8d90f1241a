// Writes arithmetic on named-axis tensors at one location, broadcasting by name where it is needed.
#pragma once
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Builders.h"

namespace moe {

struct TensorBuilder {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  static mlir::RankedTensorType typeOf(mlir::Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }

  /// The scalar `value`, rounded to the float type `element`.
  mlir::Value scalar(mlir::Type element, double value) const {
    auto type = mlir::RankedTensorType::get({}, element);
    return mlir::arith::ConstantOp::create(builder, loc,
                                           mlir::DenseElementsAttr::get(type, builder.getFloatAttr(element, value)));
  }
  /// `value` everywhere on `type`.
  mlir::Value full(mlir::Type type, double value) const {
    return broadcast(scalar(mlir::cast<mlir::RankedTensorType>(type).getElementType(), value), type);
  }
  mlir::Value broadcast(mlir::Value value, mlir::Type type) const {
    return value.getType() == type ? value : BroadcastOp::create(builder, loc, type, value).getResult();
  }
  /// `op(a, b)` with `b` broadcast to `a`.
  template <typename OpTy> mlir::Value binary(mlir::Value a, mlir::Value b) const {
    return OpTy::create(builder, loc, a, broadcast(b, a.getType()));
  }
  template <typename OpTy> mlir::Value unary(mlir::Value a) const { return OpTy::create(builder, loc, a); }

  mlir::Value add(mlir::Value a, mlir::Value b) const { return binary<mlir::arith::AddFOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) const { return binary<mlir::arith::SubFOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) const { return binary<mlir::arith::MulFOp>(a, b); }
  mlir::Value div(mlir::Value a, mlir::Value b) const { return binary<mlir::arith::DivFOp>(a, b); }
  mlir::Value mul(mlir::Value a, double b) const { return mul(a, scalar(typeOf(a).getElementType(), b)); }
  mlir::Value add(mlir::Value a, double b) const { return add(a, scalar(typeOf(a).getElementType(), b)); }

  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value a, mlir::Value b) const {
    return mlir::arith::CmpFOp::create(builder, loc, predicate, a, broadcast(b, a.getType()));
  }
  /// where(a ? b, yes, no), all broadcast to `a`.
  mlir::Value select(mlir::arith::CmpFPredicate predicate, mlir::Value a, mlir::Value b, mlir::Value yes,
                     mlir::Value no) const {
    return mlir::arith::SelectOp::create(builder, loc, compare(predicate, a, b), broadcast(yes, a.getType()),
                                         broadcast(no, a.getType()));
  }
};

/// Declares an axis of static size; with `of`, of equal blocks of that axis.
AxisOp declareAxis(mlir::OpBuilder &builder, mlir::Location loc, mlir::StringAttr name, int64_t size,
                   mlir::StringAttr of = {});

/// Elements of `axis` in each group of `to`, a coarser axis of it with static sizes. `op` is any operation of the gate.
llvm::SmallVector<int64_t> groupSizes(mlir::Operation *op, llvm::StringRef axis, llvm::StringRef to);

/// What a reduction runs over: axes that it removes, or one axis that it coarsens.
struct Extent {
  mlir::ArrayAttr over;
  mlir::StringAttr to;
  mlir::Value valid;

  /// The type that is left of `input`.
  mlir::RankedTensorType reduced(mlir::Operation *op, mlir::RankedTensorType input) const;
  mlir::Value reduce(const TensorBuilder &b, ReduceKind kind, mlir::Value x, mlir::Type result) const {
    return ReduceOp::create(b.builder, b.loc, result, kind, x, valid, over, to);
  }
  /// Brings a reduced value back to the type of what was reduced.
  mlir::Value spread(const TensorBuilder &b, mlir::Value reduced, mlir::Type type) const {
    if (!to)
      return b.broadcast(reduced, type);
    return ExpandOp::create(b.builder, b.loc, type, reduced, to, mlir::cast<mlir::StringAttr>(over[0]));
  }
  /// The number of values that each element of the result combines, as a float tensor that broadcasts to it. `op` is
  /// any operation of the gate (axes are looked up in it).
  mlir::Value count(const TensorBuilder &b, mlir::Operation *op, mlir::RankedTensorType input,
                    mlir::RankedTensorType result) const;
};

} // namespace moe
