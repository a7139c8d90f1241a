// What counts of the run-time axes (Validity.h).
#include "compiler/Transforms/Validity.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;

double moe::neutralOf(ReduceKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (kind) {
  case ReduceKind::Max:
  case ReduceKind::MaxNum:
  case ReduceKind::LogSumExp:
    return -infinity;
  case ReduceKind::Min:
    return infinity;
  default:
    return 0;
  }
}

Value moe::constantOf(const TensorBuilder &b, Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  if (isa<FloatType>(element))
    return b.full(type, value);
  unsigned width = element.getIntOrFloatBitWidth();
  APInt bits = std::isinf(value) ? value < 0 ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width)
                                 : APInt(width, static_cast<uint64_t>(static_cast<int64_t>(value)), /*isSigned=*/true,
                                         /*implicitTrunc=*/true);
  auto scalar = RankedTensorType::get({}, element);
  return b.broadcast(arith::ConstantOp::create(b.builder, b.loc, DenseElementsAttr::get(scalar, bits)), type);
}

class Validity::AtTop {
public:
  explicit AtTop(Validity &validity) : validity(validity) {
    if (validity.last)
      validity.top.setInsertionPointAfter(validity.last);
  }
  ~AtTop() {
    if (validity.last)
      validity.last = &*std::prev(validity.top.getInsertionPoint());
  }

private:
  Validity &validity;
};

Validity::Validity(GateOp gate) : gate(gate), top(OpBuilder::atBlockBegin(&gate.getBody().front())) {
  for (auto axis : gate.getBody().front().getOps<AxisOp>()) {
    last = axis;
    if (!axis.isPieces())
      continue;
    bool mayBeEmpty = axis.getOffsets() || (!pieces.empty() && pieces.back().mayBeEmpty);
    pieces.push_back({axis.getSymNameAttr(), axis.getOfAttr().getAttr(), mayBeEmpty, Value(), Value()});
  }
  if (MaskOp mask = maskOf(gate)) {
    valid = mask.getValid();
    tokens = mask.getAxisAttr();
    last = valid.getDefiningOp();
  }
}

Validity::Pieces *Validity::find(StringRef axis) {
  auto *found = llvm::find_if(pieces, [&](const Pieces &p) { return p.axis == axis; });
  return found == pieces.end() ? nullptr : found;
}

bool Validity::skips(StringRef axis) const {
  if (valid && tokens == axis)
    return true;
  return llvm::any_of(pieces, [&](const Pieces &p) { return p.axis == axis && (valid || p.mayBeEmpty); });
}

Value Validity::asInteger(Value condition) {
  auto type = cast<RankedTensorType>(condition.getType());
  return arith::ExtUIOp::create(top, condition.getLoc(), type.clone(top.getI32Type()), condition);
}

/// The number of tokens that count, in each of `pieces`.
Value Validity::tokensOf(Pieces &pieces) {
  if (pieces.held)
    return pieces.held;
  Pieces *finer = find(pieces.of);
  Value counted = finer ? tokensOf(*finer) : Value();
  AtTop atTop(*this);
  auto type = tensorOf(top.getI32Type(), {pieces.axis}, {ShapedType::kDynamic});
  if (!finer && valid)
    counted = asInteger(valid);
  if (counted)
    pieces.held = ReduceOp::create(top, counted.getLoc(), type, ReduceKind::Sum, counted, Value(),
                                   top.getArrayAttr({pieces.of}), pieces.axis);
  else
    pieces.held = SizeOp::create(top, gate.getLoc(), type, pieces.of, pieces.axis);
  return pieces.held;
}

Value Validity::of(StringAttr axis) {
  Pieces *found = find(axis);
  if (!found)
    return valid;
  if (!found->filled) {
    Value count = tokensOf(*found);
    AtTop atTop(*this);
    TensorBuilder b{top, count.getLoc()};
    found->filled =
        arith::CmpIOp::create(top, b.loc, arith::CmpIPredicate::sgt, count, constantOf(b, count.getType(), 0));
  }
  return found->filled;
}

Value Validity::size(StringAttr axis, StringAttr to) {
  if (!skips(axis))
    return {};
  Pieces *groups = to ? find(to) : nullptr;
  if (groups && !find(axis))
    return tokensOf(*groups);
  Value &size = sizes[{axis, to}];
  if (!size) {
    Value condition = of(axis);
    AtTop atTop(*this);
    Type i32 = top.getI32Type();
    Type type = to ? tensorOf(i32, {to}, {ShapedType::kDynamic}) : RankedTensorType::get({}, i32);
    size = ReduceOp::create(top, condition.getLoc(), type, ReduceKind::Sum, asInteger(condition), Value(),
                            top.getArrayAttr({axis}), to);
  }
  return size;
}

Value Validity::keep(const TensorBuilder &b, Value x, StringAttr axis, double neutral) {
  Value condition = b.broadcast(of(axis), b.typeOf(x).clone(b.builder.getI1Type()));
  return arith::SelectOp::create(b.builder, b.loc, condition, x, constantOf(b, x.getType(), neutral));
}

void Validity::guard(ReduceOp op) {
  OpBuilder builder(op);
  TensorBuilder b{builder, op.getLoc()};
  for (auto axis : op.getOver().getAsRange<StringAttr>())
    if (skips(axis.getValue()))
      op.getInputMutable().assign(keep(b, op.getInput(), axis, neutralOf(op.getKind())));
}

Value moe::filledSlots(const TensorBuilder &b, Value selection, RankedTensorType type) {
  auto s = cast<SelectionType>(selection.getType());
  SmallVector<StringAttr> axes(s.getBatch());
  axes.push_back(s.getSlot());
  SmallVector<int64_t> sizes;
  for (StringAttr axis : axes)
    sizes.push_back(type.getDimSize(axisIndex(type, axis.getValue())));
  Type i1 = b.builder.getI1Type();
  Value filled = FilledOp::create(b.builder, b.loc, tensorOf(i1, axes, sizes), selection);
  return b.broadcast(filled, type.clone(i1));
}
