// Calls to operations: see Lower.h.
#include "compiler/Frontend/Lower.h"

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

Value Lower::lowerCall(const Expr &call) {
  switch (call.builtin->group) {
  case Group::Pointwise:
  case Group::Detach:
    return lowerPointwise(call);
  case Group::MinMax:
    return call.over.empty() ? lowerMinMax(call) : lowerReduction(call);
  default:
    break;
  }
  using Rule = Value (Lower::*)(const Expr &);
  static constexpr std::pair<Group, Rule> table[] = {
      {Group::Clamp, &Lower::lowerMinMax},      {Group::Mod, &Lower::lowerMod},
      {Group::Where, &Lower::lowerWhere},       {Group::Reduce, &Lower::lowerReduction},
      {Group::Along, &Lower::lowerAlong},       {Group::Standardize, &Lower::lowerAlong},
      {Group::Kth, &Lower::lowerAlong},         {Group::Argmax, &Lower::lowerAlong},
      {Group::Quantile, &Lower::lowerQuantile}, {Group::SumTop, &Lower::lowerSumTop},
      {Group::Size, &Lower::lowerSize},         {Group::Expand, &Lower::lowerExpand},
      {Group::Shift, &Lower::lowerShift},       {Group::Index, &Lower::lowerIndex},
      {Group::Random, &Lower::lowerRandom},     {Group::Topk, &Lower::lowerTopk},
      {Group::First, &Lower::lowerFirst},       {Group::Count, &Lower::lowerCount},
      {Group::Scatter, &Lower::lowerScatter},   {Group::Filter, &Lower::lowerFilter},
      {Group::Append, &Lower::lowerAppend},     {Group::Forced, &Lower::lowerForced},
      {Group::Dropped, &Lower::lowerDropped},   {Group::Limit, &Lower::lowerLimit},
      {Group::Permute, &Lower::lowerPermute}};
  for (auto [group, rule] : table)
    if (group == call.builtin->group)
      return (this->*rule)(call);
  return lowerChosen(call, Element::Bool); // `bucket` is an axis and no value
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
