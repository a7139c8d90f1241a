// Functions over axes: reductions, coarsening, buckets, functions along an axis, positions, sizes. See Lower.h.
#include "compiler/Frontend/Lower.h"
#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

//===-- Reductions

/// Removes axes in one operation, then coarsens one after the other. Empty slots of a selection take no part.
Value Lower::reduce(ReduceKind kind, Value value, ArrayRef<AxisRange> over) {
  SmallVector<Attribute> names;
  for (const AxisRange &range : over)
    names.push_back(nameOf(range.axis));
  Value valid = validFor(value, names);
  // The mean of means is not the mean where the means are over different numbers of elements.
  bool isUneven = false;
  for (const AxisRange &range : over)
    isUneven |= range.coarse && (valid || groupSteps(range.axis, range.coarse).size() > 1);
  if (isUneven && (kind == ReduceKind::Var || kind == ReduceKind::Std || kind == ReduceKind::Cv2))
    return spreadInSteps(kind, value, over);
  if (kind != ReduceKind::Mean || !isUneven)
    return reduceInSteps(kind, value, valid, over);
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  Value one = arith::ConstantOp::create(builder, loc, scalar, DenseElementsAttr::get(scalar, 1.0f));
  Value ones = BroadcastOp::create(builder, loc, value.getType(), one);
  Value sum = reduceInSteps(ReduceKind::Sum, value, valid, over);
  return arith::DivFOp::create(builder, loc, sum, reduceInSteps(ReduceKind::Sum, ones, valid, over));
}

/// var = mean((x - mean(x))^2), std = sqrt(var), cv2 = var / mean(x)^2 over groups that more than one map leads to.
Value Lower::spreadInSteps(ReduceKind kind, Value value, ArrayRef<AxisRange> over) {
  Value mean = reduce(ReduceKind::Mean, value, over);
  Value centre = expand(mean, over[0].coarse, over[0].axis);
  Value distance = arith::SubFOp::create(builder, loc, value, centre);
  Value var = reduce(ReduceKind::Mean, arith::MulFOp::create(builder, loc, distance, distance), over);
  if (kind == ReduceKind::Std)
    return math::SqrtOp::create(builder, loc, var);
  if (kind == ReduceKind::Var)
    return var;
  return arith::DivFOp::create(builder, loc, var, arith::MulFOp::create(builder, loc, mean, mean));
}

Value Lower::reduceInSteps(ReduceKind kind, Value value, Value valid, ArrayRef<AxisRange> over) {
  auto type = cast<RankedTensorType>(value.getType()), removed = type;
  SmallVector<Attribute> names;
  for (StringAttr name : axesOf(type))
    if (llvm::any_of(over, [&](const AxisRange &range) { return !range.coarse && nameOf(range.axis) == name; })) {
      names.push_back(name);
      removed = withoutAxis(removed, name.getValue());
    }
  if (!names.empty())
    value = ReduceOp::create(builder, loc, removed, kind, value, valid, builder.getArrayAttr(names), StringAttr());
  for (const AxisRange &range : over) {
    if (!range.coarse)
      continue;
    const Axis *from = range.axis;
    for (const Axis *to : groupSteps(range.axis, range.coarse)) {
      auto coarse = withAxis(cast<RankedTensorType>(value.getType()), nameOf(from).getValue(), nameOf(to),
                             to->size.value_or(ShapedType::kDynamic));
      value = ReduceOp::create(builder, loc, coarse, kind, value, Value(), builder.getArrayAttr({nameOf(from)}),
                               nameOf(to));
      from = to;
    }
  }
  return value;
}

/// Whether the axes of a reduction are in the IR.
bool Lower::isReducible(const Expr &call) {
  return llvm::all_of(call.over, [&](const AxisRange &range) {
    return areLowered({range.axis}) && (!range.coarse || areLowered({range.coarse}));
  });
}

/// The axis of run-time buckets that a call works on, or null; it is the only one (Sema::checkBuckets).
static const Axis *bucketOf(const Expr &call) {
  for (const AxisRange &range : call.over)
    if (range.coarse && range.coarse->origin == Axis::Origin::Bucket)
      return range.coarse;
  return nullptr;
}

Value Lower::lowerReduction(const Expr &call) {
  Value x = lower(*call.arguments[0].value);
  ReduceKind kind = *symbolizeReduceKind(call.text);
  if (!x || !isReducible(call))
    return nullptr;
  bool exact = kind == ReduceKind::Sum || kind == ReduceKind::Max || kind == ReduceKind::Min;
  if (!exact)
    x = convert(x, Element::F32);
  else if (elementOf(x) == Element::Bool)
    x = convert(x, Element::I32);
  if (const Axis *bucket = bucketOf(call))
    return reduceToBuckets(kind, x, bucket);
  return reduce(kind, x, call.over);
}

Value Lower::lowerCount(const Expr &call) {
  Value mask = lowerChosen(call, Element::I32);
  return mask && isReducible(call) ? reduce(ReduceKind::Sum, mask, call.over) : Value();
}

//===-- Buckets

/// For each token and bucket, whether the token is in it. Position i of n is in piece floor(i * pieces / n), that is in
/// piece b with b n <= i pieces < (b + 1) n; what a mask moves behind the end is in the last. In f64, where the
/// products of two such integers are exact.
Value Lower::inBucket(const Axis *bucket) {
  const Axis *token = bucket->of, *within = bucket->within;
  const Axis *both[] = {token, bucket};
  Value position = IndexOp::create(builder, loc, tensorType(Element::I32, {token}), nameOf(token),
                                   within ? nameOf(within) : StringAttr());
  Value n;
  if (within)
    n = expand(SizeOp::create(builder, loc, tensorType(Element::I32, {within}), nameOf(token), nameOf(within)), within,
               token);
  else
    n = SizeOp::create(builder, loc, tensorType(Element::I32, {}), nameOf(token), StringAttr());
  Value piece = IndexOp::create(builder, loc, tensorType(Element::I32, {bucket}), nameOf(bucket), StringAttr());
  mlir::Type f64 = builder.getF64Type(), each = tensorType(Element::F32, both).clone(f64);
  auto wide = [&](Value x) {
    Value real = arith::SIToFPOp::create(builder, loc, cast<RankedTensorType>(x.getType()).clone(f64), x);
    return BroadcastOp::create(builder, loc, each, real).getResult();
  };
  auto number = [&](double value) {
    auto type = RankedTensorType::get({}, f64);
    Value constant = arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, value));
    return BroadcastOp::create(builder, loc, each, constant).getResult();
  };
  Value scaled = arith::MulFOp::create(builder, loc, wide(position), number(static_cast<double>(*bucket->size)));
  Value size = wide(n), begin = arith::MulFOp::create(builder, loc, wide(piece), size);
  Value end = arith::AddFOp::create(builder, loc, begin, size);
  Value last = number(static_cast<double>(*bucket->size - 1));
  Value isLast = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, wide(piece), last);
  Value isBefore = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, scaled, end);
  Value isBehind = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, scaled, begin);
  return arith::AndIOp::create(builder, loc, isBehind, arith::OrIOp::create(builder, loc, isBefore, isLast));
}

/// What a reduction over nothing gives, in the element type of `type`.
static TypedAttr neutral(ReduceKind kind, RankedTensorType type) {
  mlir::Type element = type.getElementType();
  bool isMin = kind == ReduceKind::Min, isSum = kind == ReduceKind::Sum;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    unsigned width = integer.getWidth();
    return DenseElementsAttr::get(type, isSum   ? llvm::APInt::getZero(width)
                                        : isMin ? llvm::APInt::getSignedMaxValue(width)
                                                : llvm::APInt::getSignedMinValue(width));
  }
  const llvm::fltSemantics &semantics = cast<FloatType>(element).getFloatSemantics();
  return DenseElementsAttr::get(type, isSum ? llvm::APFloat::getZero(semantics)
                                            : llvm::APFloat::getInf(semantics, /*Negative=*/!isMin));
}

/// Values of the tokens of each bucket: a reduction over tokens of what is the value in the token's bucket and nothing
/// in the others.
Value Lower::reduceToBuckets(ReduceKind kind, Value value, const Axis *bucket) {
  const Axis *both[] = {bucket->of, bucket};
  Value isIn = inBucket(bucket);
  ReduceKind combine = kind == ReduceKind::Mean ? ReduceKind::Sum : kind;
  auto type = cast<RankedTensorType>(value.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value nothing = arith::ConstantOp::create(builder, loc, scalar, neutral(combine, scalar));
  Value each = arith::SelectOp::create(builder, loc, isIn, broadcast(value, both), broadcast(nothing, both));
  AxisRange tokens{bucket->of, nullptr};
  Value result = reduceInSteps(combine, each, Value(), tokens);
  if (kind != ReduceKind::Mean)
    return result;
  Value n = reduceInSteps(ReduceKind::Sum, convert(isIn, Element::I32), Value(), tokens);
  return arith::DivFOp::create(builder, loc, result, convert(n, Element::F32));
}

//===-- Along an axis

/// softmax, normalize, standardize, kth, argmax: one axis.
Value Lower::lowerAlong(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  if (!x)
    return x;
  StringAttr axis = nameOf(call.over[0].axis);
  bool skipsEmpty = call.builtin->group == Group::Along;
  Value valid = validFor(x, {axis}, /*underMask=*/skipsEmpty);
  if (call.text == "softmax")
    return SoftmaxOp::create(builder, loc, x.getType(), x, valid, axis);
  if (call.text == "normalize")
    return NormalizeOp::create(builder, loc, x.getType(), x, valid, axis);
  if (call.text == "standardize")
    return lowerStandardize(call, x, valid);
  if (valid) // NaN ranks below every number
    x = arith::SelectOp::create(builder, loc, filled(valid, x.getType()), x,
                                constant(std::nan(""), call.arguments[0].value->type.axes));
  RankedTensorType result = tensorType(call.type.element, call.type.axes);
  if (call.text == "kth")
    return KthOp::create(builder, loc, result, x, builder.getI64IntegerAttr(call.k), axis);
  return ArgmaxOp::create(builder, loc, result, x, axis);
}

/// (x - mean) / (std + eps), by its parts where slots are empty; these get 0.
Value Lower::lowerStandardize(const Expr &call, Value x, Value valid) {
  const AxisRange &range = call.over[0];
  Axes of = call.arguments[0].value->type.axes;
  if (!valid)
    return StandardizeOp::create(builder, loc, x.getType(), x, builder.getF64FloatAttr(call.real), nameOf(range.axis));
  Value mean = broadcast(reduceInSteps(ReduceKind::Mean, x, valid, range), of);
  Value spread = broadcast(reduceInSteps(ReduceKind::Std, x, valid, range), of);
  Value below = arith::AddFOp::create(builder, loc, spread, constant(call.real, of));
  Value z = arith::DivFOp::create(builder, loc, arith::SubFOp::create(builder, loc, x, mean), below);
  return arith::SelectOp::create(builder, loc, filled(valid, z.getType()), z, constant(0, of));
}

/// Of n values in ascending order, the one at position q * (n - 1), between two of them on the line through both.
Value Lower::lowerQuantile(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  if (!x)
    return x;
  const Axis *axis = call.over[0].axis;
  if (validFor(x, {nameOf(axis)}, /*underMask=*/false)) {
    diags.error(call.loc) << "'quantile' cannot skip the slots that are empty, as those of a selection that "
                             "'filter', 'limit' or 'forced' made may be";
    return nullptr;
  }
  int64_t n = *axis->size;
  double place = call.real * static_cast<double>(n - 1);
  auto lower = std::min(static_cast<int64_t>(std::floor(place)), n - 1);
  double rest = place - static_cast<double>(lower);
  auto ascending = [&](int64_t i) -> Value {
    return KthOp::create(builder, loc, tensorType(Element::F32, call.type.axes), x, builder.getI64IntegerAttr(n - i),
                         nameOf(axis));
  };
  Value low = ascending(lower);
  if (rest == 0)
    return low;
  Value step = arith::SubFOp::create(builder, loc, ascending(lower + 1), low);
  Value part = arith::MulFOp::create(builder, loc, step, constant(rest, call.type.axes));
  return arith::AddFOp::create(builder, loc, low, part);
}

Value Lower::lowerSumTop(const Expr &call) {
  Value x = lowerAs(*call.arguments[0].value, Element::F32);
  const AxisRange &range = call.over[0];
  if (!x || (range.coarse && !areLowered({range.coarse})))
    return nullptr;
  if (validFor(x, {nameOf(range.axis)}, /*underMask=*/false)) {
    diags.error(call.loc) << "'sum_top' cannot skip the slots that are empty, as those of a selection that "
                             "'filter', 'limit' or 'forced' made may be";
    return nullptr;
  }
  return SumTopOp::create(builder, loc, tensorType(Element::F32, call.type.axes), x, builder.getI64IntegerAttr(call.k),
                          nameOf(range.axis), range.coarse ? nameOf(range.coarse) : StringAttr());
}

//===-- Sizes, positions, random numbers

/// Of pieces at run time; what static groups hold is a sum of ones.
Value Lower::lowerSize(const Expr &call) {
  const AxisRange &range = call.over[0];
  if (!isReducible(call))
    return nullptr;
  if (!range.coarse || range.coarse->isPieces())
    return SizeOp::create(builder, loc, tensorType(Element::I32, call.type.axes), nameOf(range.axis),
                          range.coarse ? nameOf(range.coarse) : StringAttr());
  auto scalar = tensorType(Element::I32, {});
  Value one = arith::ConstantOp::create(builder, loc, scalar, DenseElementsAttr::get(scalar, int32_t(1)));
  Value ones = broadcast(one, {range.axis});
  if (const Axis *bucket = bucketOf(call))
    return reduceToBuckets(ReduceKind::Sum, ones, bucket);
  return reduceInSteps(ReduceKind::Sum, ones, Value(), range);
}

Value Lower::lowerIndex(const Expr &call) {
  const AxisRange &range = call.over[0];
  if (!isReducible(call))
    return nullptr;
  return IndexOp::create(builder, loc, tensorType(Element::I32, call.type.axes), nameOf(range.axis),
                         range.coarse ? nameOf(range.coarse) : StringAttr());
}

Value Lower::lowerShift(const Expr &call) {
  Value x = lower(*call.arguments[0].value);
  if (!x)
    return x;
  return ShiftOp::create(builder, loc, x.getType(), x, builder.getI64IntegerAttr(call.k), nameOf(call.over[0].axis));
}

Value Lower::lowerRandom(const Expr &call) {
  if (!areLowered(call.type.axes))
    return nullptr;
  return RandomOp::create(builder, loc, tensorType(Element::F32, call.type.axes), *symbolizeRandomKind(call.text),
                          static_cast<uint64_t>(call.k));
}

Value Lower::lowerExpand(const Expr &call) {
  Value x = lower(*call.arguments[0].value);
  const AxisRange &range = call.over[0];
  return x && areLowered({range.axis, range.coarse}) ? expand(x, range.axis, range.coarse) : Value();
}

/// `value` on the axis `to` in the place of `from`, which groups it, one map after the other.
Value Lower::expand(Value value, const Axis *from, const Axis *to) {
  SmallVector<const Axis *> steps = groupSteps(to, from);
  steps.pop_back();
  steps.insert(steps.begin(), to);
  for (const Axis *step : llvm::reverse(steps)) {
    auto type = withAxis(cast<RankedTensorType>(value.getType()), nameOf(from).getValue(), nameOf(step),
                         step->size.value_or(ShapedType::kDynamic));
    value = ExpandOp::create(builder, loc, type, value, nameOf(from), nameOf(step));
    from = step;
  }
  return value;
}
