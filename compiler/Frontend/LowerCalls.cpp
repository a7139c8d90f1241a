// Calls to operations: see Lower.h.
#include "compiler/Frontend/LookThrough.h"
#include "compiler/Frontend/Lower.h"

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

Value Lower::lowerCall(const Expr &call) {
  if (!call.builtin->lowered) {
    notLowered(call.loc, "'" + call.text + "'");
    return nullptr;
  }
  switch (call.builtin->group) {
  case Group::Pointwise:
  case Group::Detach:
    return lowerPointwise(call);
  case Group::Clamp:
    return lowerMinMax(call);
  case Group::MinMax:
    return call.over.empty() ? lowerMinMax(call) : lowerReduction(call);
  case Group::Mod:
    return lowerMod(call);
  case Group::Where:
    return lowerWhere(call);
  case Group::Reduce:
    return lowerReduction(call);
  case Group::Along:
  case Group::Standardize:
  case Group::Kth:
  case Group::Argmax:
    return lowerAlong(call);
  case Group::SumTop:
    return lowerSumTop(call);
  case Group::Topk:
    return lowerTopk(call);
  case Group::First:
    return lowerFirst(call);
  case Group::Chosen:
    return lowerChosen(call, Element::Bool);
  case Group::Count:
    return lowerCount(call);
  case Group::Size:
    return lowerSize(call);
  case Group::Expand:
    return lowerExpand(call);
  default:
    return nullptr; // the functions that are not lowered, reported above
  }
}

//===-- Pointwise
//---------------------------------------------------------------------------------------------------===//

template <typename Op> static Value make(OpBuilder &builder, Location loc, Value x) {
  return Op::create(builder, loc, x);
}
template <typename Op> static Value makeTyped(OpBuilder &builder, Location loc, Value x) {
  return Op::create(builder, loc, x.getType(), x);
}

Value Lower::lowerUnaryFunction(StringRef name, Value x, Axes of) {
  using Make = Value (*)(OpBuilder &, Location, Value);
  static const std::pair<StringRef, Make> table[] = {
      {"exp", make<math::ExpOp>},        {"log", make<math::LogOp>},
      {"sqrt", make<math::SqrtOp>},      {"rsqrt", make<math::RsqrtOp>},
      {"abs", make<math::AbsFOp>},       {"tanh", make<math::TanhOp>},
      {"erf", make<math::ErfOp>},        {"floor", make<math::FloorOp>},
      {"ceil", make<math::CeilOp>},      {"sign", makeTyped<SignOp>},
      {"sigmoid", makeTyped<SigmoidOp>}, {"softplus", makeTyped<SoftplusOp>},
      {"detach", makeTyped<DetachOp>},   {"normal_cdf", makeTyped<NormalCdfOp>}};
  for (auto [function, create] : table)
    if (function == name)
      return create(builder, loc, x);
  // relu
  return arith::MaximumFOp::create(builder, loc, x, constant(0, of));
}

Value Lower::lowerPointwise(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  return x ? lowerUnaryFunction(call.text, x, call.arguments[0].value->type.axes) : x;
}

/// min(x, y, …), max(x, y, …) and clamp(x, low, high) = min(max(x, low), high); NaN propagates.
Value Lower::lowerMinMax(const Expr &call) {
  Value result;
  for (auto [i, argument] : llvm::enumerate(call.arguments)) {
    Value x = lowerAs(*argument.value, Element::F32, call.type.axes);
    if (!x)
      return x;
    if (i == 0)
      result = x;
    else if (call.text == "max" || (call.text == "clamp" && i == 1))
      result = arith::MaximumFOp::create(builder, loc, result, x);
    else
      result = arith::MinimumFOp::create(builder, loc, result, x);
  }
  return result;
}

/// mod(x, y) = x - floor(x / y) * y, with the sign of y; exact for integers below 2^24.
Value Lower::lowerMod(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32, call.type.axes);
  Value y = lowerAs(*call.arguments[1].value, Element::F32, call.type.axes);
  if (!x || !y)
    return nullptr;
  Value quotient = math::FloorOp::create(builder, loc, arith::DivFOp::create(builder, loc, x, y));
  return arith::SubFOp::create(builder, loc, x, arith::MulFOp::create(builder, loc, quotient, y));
}

Value Lower::lowerWhere(const Expr &call) {
  Element element = call.type.element;
  auto outside = [&](const Expr &e) {
    return e.constant && e.constant->isInteger && !llvm::isInt<32>(e.constant->integer);
  };
  if (outside(*call.arguments[1].value) || outside(*call.arguments[2].value))
    element = Element::F32;
  Value condition = lowerAs(*call.arguments[0].value, Element::Bool, call.type.axes);
  Value x = lowerAs(*call.arguments[1].value, element, call.type.axes);
  Value y = lowerAs(*call.arguments[2].value, element, call.type.axes);
  if (!condition || !x || !y)
    return nullptr;
  return arith::SelectOp::create(builder, loc, condition, x, y);
}

//===-- Reductions
//--------------------------------------------------------------------------------------------------===//

/// Removes axes in one operation, then coarsens one after the other.
Value Lower::reduce(ReduceKind kind, Value value, ArrayRef<AxisRange> over) {
  auto type = cast<RankedTensorType>(value.getType()), removed = type;
  SmallVector<Attribute> names;
  for (StringAttr name : axesOf(type))
    if (llvm::any_of(over,
                     [&](const AxisRange &range) { return !range.coarse && range.axis->name == name.getValue(); })) {
      names.push_back(name);
      removed = withoutAxis(removed, name.getValue());
    }
  if (!names.empty())
    value = ReduceOp::create(builder, loc, removed, kind, value, Value(), builder.getArrayAttr(names), StringAttr());
  for (const AxisRange &range : over)
    if (range.coarse) {
      auto coarse = withAxis(cast<RankedTensorType>(value.getType()), range.axis->name, nameOf(range.coarse),
                             *range.coarse->size);
      value = ReduceOp::create(builder, loc, coarse, kind, value, Value(), builder.getArrayAttr({nameOf(range.axis)}),
                               nameOf(range.coarse));
    }
  return value;
}

/// Whether a range coarsens to an axis that the IR does not have; it is reported at the axis, or here for a bucket.
static bool isBucket(const AxisRange &range) { return range.coarse && range.coarse->origin == Axis::Origin::Bucket; }

Value Lower::lowerReduction(const Expr &call) {
  Value x = lower(*call.arguments[0].value);
  if (llvm::any_of(call.over, isBucket)) {
    notLowered(call.loc, "'bucket'");
    return nullptr;
  }
  if (!x)
    return x;
  for (const AxisRange &range : call.over)
    if (range.coarse && !areLowered({range.coarse}))
      return nullptr;
  ReduceKind kind = *symbolizeReduceKind(call.text);
  bool exact = kind == ReduceKind::Sum || kind == ReduceKind::Max || kind == ReduceKind::Min;
  if (!exact)
    x = convert(x, Element::F32);
  else if (elementOf(x) == Element::Bool)
    x = convert(x, Element::I32);
  return reduce(kind, x, call.over);
}

/// softmax, normalize, standardize, kth, argmax: one axis.
Value Lower::lowerAlong(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  if (!x)
    return x;
  StringAttr axis = nameOf(call.over[0].axis);
  if (call.text == "softmax")
    return SoftmaxOp::create(builder, loc, x.getType(), x, Value(), axis);
  if (call.text == "normalize")
    return NormalizeOp::create(builder, loc, x.getType(), x, Value(), axis);
  if (call.text == "standardize")
    return StandardizeOp::create(builder, loc, x.getType(), x, builder.getF64FloatAttr(call.eps), axis);
  RankedTensorType result = tensorType(call.type.element, call.type.axes);
  if (call.text == "kth")
    return KthOp::create(builder, loc, result, x, builder.getI64IntegerAttr(call.k), axis);
  return ArgmaxOp::create(builder, loc, result, x, axis);
}

Value Lower::lowerSumTop(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  const AxisRange &range = call.over[0];
  if (!x || (range.coarse && !areLowered({range.coarse})))
    return nullptr;
  return SumTopOp::create(builder, loc, tensorType(Element::F32, call.type.axes), x, builder.getI64IntegerAttr(call.k),
                          nameOf(range.axis), range.coarse ? nameOf(range.coarse) : StringAttr());
}

Value Lower::lowerSize(const Expr &call) {
  const AxisRange &range = call.over[0];
  if (!areLowered({range.axis}) || (range.coarse && !areLowered({range.coarse})))
    return nullptr;
  if (range.coarse) {
    notLowered(call.loc, "'size' with '->'");
    return nullptr;
  }
  return SizeOp::create(builder, loc, tensorType(Element::I32, {}), nameOf(range.axis), StringAttr());
}

Value Lower::lowerExpand(const Expr &call) {
  Value x = lower(*call.arguments[0].value);
  const AxisRange &range = call.over[0];
  if (!x || !areLowered({range.axis, range.coarse}))
    return nullptr;
  return ExpandOp::create(builder, loc, tensorType(elementOf(x), call.type.axes), x, nameOf(range.axis),
                          nameOf(range.coarse));
}

//===-- Selections
//--------------------------------------------------------------------------------------------------===//

SelectionType Lower::selectionType(const moe::frontend::Type &type) {
  SmallVector<StringAttr> batch;
  for (const Axis *axis : type.axes)
    batch.push_back(nameOf(axis));
  return SelectionType::get(builder.getContext(), batch, nameOf(type.selected), nameOf(type.slot), *type.slot->size);
}

/// The score is looked through to what it keeps the order of: LookThrough.h.
Value Lower::lowerTopk(const Expr &call) {
  Value score = lowerAs(*call.arguments[0].value, Element::F32), among;
  for (const Argument &argument : call.arguments) {
    if (argument.name == "among") {
      among = lower(*argument.value);
      if (!among)
        return nullptr;
    }
  }
  if (!score)
    return score;
  StringAttr axis = nameOf(call.over[0].axis);
  score = lookThrough(builder, score, axis.getValue());
  return TopkOp::create(builder, loc, selectionType(call.type), score, among, axis);
}

Value Lower::lowerFirst(const Expr &call) {
  Value route = lower(*call.arguments[0].value);
  return route ? FirstOp::create(builder, loc, selectionType(call.type), route).getResult() : route;
}

/// chosen(route) as bool or converted.
Value Lower::lowerChosen(const Expr &call, Element element) {
  Value route = lower(*call.arguments[0].value);
  if (!route)
    return route;
  const moe::frontend::Type &type = call.arguments[0].value->type;
  SmallVector<const Axis *, 3> of(type.axes);
  of.push_back(type.selected);
  return convert(ChosenOp::create(builder, loc, tensorType(Element::Bool, of), route), element);
}

Value Lower::lowerCount(const Expr &call) {
  Value mask = lowerChosen(call, Element::I32);
  if (!mask ||
      llvm::any_of(call.over, [&](const AxisRange &range) { return range.coarse && !areLowered({range.coarse}); }))
    return nullptr;
  return reduce(ReduceKind::Sum, mask, call.over);
}
