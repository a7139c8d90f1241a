// Splat constants of any shape (Splat.h).
#include "compiler/Transforms/Splat.h"
#include "dialects/Moe/IR/Moe.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

/// Repeats the constant `scalar` over `type`.
static Value materialize(OpBuilder &builder, Location loc, Type type, TypedAttr scalar) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return arith::ConstantOp::create(builder, loc, scalar);
  if (shaped.hasStaticShape())
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(DenseElementsAttr::get(shaped, Attribute(scalar))));
  auto point = RankedTensorType::get({}, shaped.getElementType());
  Value value =
      arith::ConstantOp::create(builder, loc, cast<TypedAttr>(DenseElementsAttr::get(point, Attribute(scalar))));
  return moe::BroadcastOp::create(builder, loc, type, value);
}

Value moe::splatConstant(OpBuilder &builder, Location loc, Type type, const APFloat &scalar) {
  auto element = cast<FloatType>(getElementTypeOrSelf(type));
  APFloat rounded = scalar;
  bool losesInfo;
  rounded.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  return materialize(builder, loc, type, FloatAttr::get(element, rounded));
}

Value moe::splatConstant(OpBuilder &builder, Location loc, Type type, double scalar) {
  return splatConstant(builder, loc, type, APFloat(scalar));
}

Value moe::splatInteger(OpBuilder &builder, Location loc, Type type, int64_t scalar) {
  auto element = cast<IntegerType>(getElementTypeOrSelf(type));
  APInt bits(element.getWidth(), static_cast<uint64_t>(scalar), /*isSigned=*/true, /*implicitTrunc=*/true);
  return materialize(builder, loc, type, IntegerAttr::get(element, bits));
}

Type moe::withElement(Type type, Type element) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? Type(shaped.clone(element)) : element;
}

Attribute moe::matchSplat(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getInput();
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return {};
  if (auto elements = dyn_cast<SplatElementsAttr>(constant))
    return elements.getSplatValue<Attribute>();
  return isa<FloatAttr, IntegerAttr>(constant) ? constant : Attribute();
}
