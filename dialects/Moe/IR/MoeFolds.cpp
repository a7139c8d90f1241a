// Folds of the moe operations. Patterns over several operations are in compiler/Transforms.
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace moe;

Operation *MoeDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

/// broadcast(x) to its own type = x.
OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  return {};
}

/// The size of a static axis is a constant.
OpFoldResult SizeOp::fold(FoldAdaptor) {
  AxisOp axis = lookupAxis(*this, getAxis());
  if (!axis || !axis.getSize() || *axis.getSize() > AxisOp::maxSize || getTo())
    return {};
  return DenseElementsAttr::get(cast<ShapedType>(getType()), llvm::APInt(32, *axis.getSize()));
}
