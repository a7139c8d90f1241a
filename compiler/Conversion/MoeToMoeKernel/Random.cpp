// moe.random in integer arithmetic: Philox 4x32-10 on the words that name the token, the position and the call, then
// the number that the first word of the block stands for. Nothing is drawn in an order, so a number is the same on
// every target, at any launch shape, and when it is computed again.
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"
#include "compiler/Transforms/InverseNormal.h"

using namespace mlir;
using namespace moe;

namespace {

/// The operations of `inverseNormal` (InverseNormal.h) as scalar arith and math operations.
struct ScalarArithmetic {
  using Float = Value;
  using Bits = Value;
  OpBuilder &builder;
  Location loc;

  Value constant(float x) { return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(x)); }
  Value integer(uint32_t x) {
    return arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(static_cast<int32_t>(x)));
  }
  Value sub(Value a, Value b) { return arith::SubFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, loc, a, b, c); }
  Value sqrt(Value a) { return math::SqrtOp::create(builder, loc, a); }
  Value bits(Value a) { return arith::BitcastOp::create(builder, loc, builder.getI32Type(), a); }
  Value fromBits(Value a) { return arith::BitcastOp::create(builder, loc, builder.getF32Type(), a); }
  Value subtract(Value a, Value b) { return arith::SubIOp::create(builder, loc, a, b); }
  Value shiftRight(Value a, int by) { return arith::ShRSIOp::create(builder, loc, a, integer(by)); }
  Value shiftLeft(Value a, int by) { return arith::ShLIOp::create(builder, loc, a, integer(by)); }
  Value toFloat(Value a) { return arith::SIToFPOp::create(builder, loc, builder.getF32Type(), a); }
  Value selectLess(Value a, Value b, Value yes, Value no) {
    Value less = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
    return arith::SelectOp::create(builder, loc, less, yes, no);
  }
};

/// The words of a block: two of the key, four of the counter.
struct Words {
  Value key[2], counter[4];
};

/// The first word of the block (Salmon et al. 2011).
Value philox(ScalarArithmetic &a, Words words) {
  constexpr uint32_t multiplier[] = {0xD2511F53u, 0xCD9E8D57u}, step[] = {0x9E3779B9u, 0xBB67AE85u};
  auto exclusive = [&](Value x, Value y) { return arith::XOrIOp::create(a.builder, a.loc, x, y).getResult(); };
  auto product = [&](Value x, uint32_t y) { return arith::MulUIExtendedOp::create(a.builder, a.loc, x, a.integer(y)); };
  Value *c = words.counter;
  for (uint32_t round = 0; round < 10; ++round) {
    auto first = product(c[0], multiplier[0]), second = product(c[2], multiplier[1]);
    Value key[2];
    for (int i = 0; i < 2; ++i)
      key[i] = arith::AddIOp::create(a.builder, a.loc, words.key[i], a.integer(round * step[i]));
    Value next[] = {exclusive(exclusive(second.getHigh(), c[1]), key[0]), second.getLow(),
                    exclusive(exclusive(first.getHigh(), c[3]), key[1]), first.getLow()};
    std::copy(std::begin(next), std::end(next), c);
  }
  return c[0];
}

/// The number, as an f32 or f64.
Value numberOf(ScalarArithmetic &a, RandomKind kind, Value word, Type type) {
  bool isNormal = kind == RandomKind::Normal;
  Value high = arith::ShRUIOp::create(a.builder, a.loc, word, a.integer(isNormal ? 9 : 8)), number = a.toFloat(high);
  if (isNormal)
    number = inverseNormal(a, a.fma(number, a.constant(0x1p-23f), a.constant(0x1p-24f)));
  else
    number = a.mul(number, a.constant(0x1p-24f));
  return type.isF64() ? arith::ExtFOp::create(a.builder, a.loc, type, number).getResult() : number;
}

} // namespace

LogicalResult moe::lowerRandom(RegionLowering &lowering, RandomOp op) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  auto index = [&](kernel::Position what) -> Value { return kernel::IndexOp::create(b, loc, b.getI32Type(), what); };
  ScalarArithmetic outside{b, loc};
  bool perToken = isPerToken(op.getResult());
  Words words;
  words.key[0] = index(kernel::Position::SeedLow);
  words.key[1] = index(kernel::Position::SeedHigh);
  words.counter[0] = perToken ? index(kernel::Position::TokenLow) : outside.integer(0);
  words.counter[1] = perToken ? index(kernel::Position::TokenHigh) : outside.integer(0);
  words.counter[3] = index(kernel::Position::Offset);
  Value stream = outside.integer(static_cast<uint32_t>(op.getStream()) << 20);
  Type type = registerTypeOf(op.getType());
  auto row = dyn_cast<kernel::RowType>(type);
  auto draw = [&](OpBuilder &inner, Value position) {
    ScalarArithmetic a{inner, loc};
    Words own = words;
    own.counter[2] = position ? arith::AddIOp::create(inner, loc, stream, position).getResult() : stream;
    return numberOf(a, op.getKind(), philox(a, own), row ? row.getElementType() : type);
  };
  lowering.bind(op.getResult(), !row ? draw(b, Value()) : makeMap(b, loc, row, {}, [&](OpBuilder &inner, ValueRange) {
                  return draw(inner, kernel::PositionOp::create(inner, loc, inner.getI32Type()));
                }));
  return success();
}
