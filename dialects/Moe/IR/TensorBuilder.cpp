// Sizes of groups, and what an extent of a reduction leaves and counts.
#include "dialects/Moe/IR/TensorBuilder.h"

using namespace mlir;
using namespace moe;

AxisOp moe::declareAxis(OpBuilder &builder, Location loc, StringAttr name, int64_t size, StringAttr of) {
  return AxisOp::create(builder, loc, name, builder.getI64IntegerAttr(size),
                        of ? FlatSymbolRefAttr::get(of) : FlatSymbolRefAttr(), DenseI32ArrayAttr(), StringAttr(),
                        IntegerAttr(), StringAttr(), IntegerAttr(), IntegerAttr());
}

SmallVector<int64_t> moe::groupSizes(Operation *op, StringRef axis, StringRef to) {
  SmallVector<int32_t> map = *groupMap(op, axis, to);
  SmallVector<int64_t> sizes(*lookupAxis(op, to).getSize(), 0);
  for (int32_t group : map)
    ++sizes[group];
  return sizes;
}

RankedTensorType Extent::reduced(Operation *op, RankedTensorType input) const {
  if (to) {
    std::optional<uint64_t> size = lookupAxis(op, to.getValue()).getSize();
    return withAxis(input, cast<StringAttr>(over[0]).getValue(), to,
                    size ? static_cast<int64_t>(*size) : ShapedType::kDynamic);
  }
  for (auto axis : over.getAsRange<StringAttr>())
    input = withoutAxis(input, axis.getValue());
  return input;
}

Value Extent::count(const TensorBuilder &b, Operation *op, RankedTensorType input, RankedTensorType result) const {
  Type element = result.getElementType();
  if (to) {
    StringAttr fine = cast<StringAttr>(over[0]);
    AxisOp coarse = lookupAxis(op, to.getValue());
    if (!coarse.getSize()) {
      Type type = tensorOf(b.builder.getI32Type(), {to}, {ShapedType::kDynamic});
      Value n = SizeOp::create(b.builder, b.loc, type, fine, to);
      return arith::SIToFPOp::create(b.builder, b.loc, tensorOf(element, {to}, {ShapedType::kDynamic}), n);
    }
    if (groupMap(op, fine.getValue(), to.getValue())) {
      SmallVector<int64_t> sizes = groupSizes(op, fine.getValue(), to.getValue());
      if (llvm::all_equal(sizes))
        return b.scalar(element, sizes[0]);
    }
    Value ones = b.full(tensorOf(element, {fine}, {input.getDimSize(axisIndex(input, fine.getValue()))}), 1);
    return reduce(b, ReduceKind::Sum, ones, tensorOf(element, {to}, {static_cast<int64_t>(*coarse.getSize())}));
  }
  int64_t fixed = 1;
  Value size;
  for (auto name : over.getAsRange<StringAttr>()) {
    int64_t dim = input.getDimSize(axisIndex(input, name.getValue()));
    if (!ShapedType::isDynamic(dim)) {
      fixed *= dim;
      continue;
    }
    Value n = SizeOp::create(b.builder, b.loc, RankedTensorType::get({}, b.builder.getI32Type()), name, StringAttr());
    n = arith::SIToFPOp::create(b.builder, b.loc, RankedTensorType::get({}, element), n);
    size = size ? b.mul(size, n) : n;
  }
  if (!size)
    return b.scalar(element, fixed);
  return fixed == 1 ? size : b.mul(size, static_cast<double>(fixed));
}
