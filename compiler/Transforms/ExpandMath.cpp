// Transcendental functions in f32 as polynomials (ExpandMath.h).
//
// Every function is: range reduction, a polynomial in Horner form with explicit fma, reconstruction, special cases by
// select. Nothing here converts a float to an integer: rounding to the nearest integer adds 1.5 * 2^23, whose low bits
// then hold the integer, so a NaN only makes bits that the NaN in the float path overrides. Coefficients come from
// fit_polynomials.py; docs/numerics.md has the method and the measured errors.
#include "compiler/Transforms/ExpandMath.h"
#include "compiler/Transforms/InverseNormal.h"
#include "compiler/Transforms/Splat.h"
#include "mlir/IR/TypeUtilities.h"
#include <limits>
#include <map>

using namespace mlir;
using namespace moe;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float log2E = 0x1.715476p+0f;
constexpr float ln2 = 0x1.62e430p-1f;
// ln2 = ln2Hi + ln2Lo; ln2Hi has 15 bits, so that its product with an integer below 2^9 is exact.
constexpr float ln2Hi = 0x1.62e4p-1f;
constexpr float ln2Lo = 0x1.7f7d1cp-20f;
/// 1.5 * 2^23: x + roundMagic has the integer nearest to x in its low bits, for |x| < 2^22.
constexpr float roundMagic = 0x1.8p+23f;

// Highest degree first.
constexpr float expCore[] = {0x1.6b97a2p-10f, 0x1.122538p-7f, 0x1.5556f6p-5f, 0x1.5554b4p-3f, 0x1.fffffep-2f};
constexpr float exp2Core[] = {0x1.4447bap-13f, 0x1.5f0968p-10f, 0x1.3b2a28p-7f,
                              0x1.c6af7ap-5f,  0x1.ebfbe0p-3f,  0x1.62e430p-1f};
constexpr float tanhCore[] = {0x1.1e4a0cp-9f,  -0x1.0d5fbep-7f, 0x1.63d1acp-6f,
                              -0x1.b9f4b6p-5f, 0x1.111084p-3f,  -0x1.555554p-2f};
constexpr float erfSmall[] = {0x1.4e459cp-14f, -0x1.a5ba96p-11f, 0x1.54426ep-8f, -0x1.b80080p-6f,
                              0x1.ce2d60p-4f,  -0x1.812740p-2f,  0x1.06eba8p-3f};
constexpr float erfLarge[] = {0x1.61dccep-16f, -0x1.c78abap-12f, 0x1.1159acp-8f, -0x1.9b8e20p-6f,
                              0x1.bb83d8p-4f,  0x1.44460cp-1f,   0x1.2127e4p+0f, -0x1.6e56bep-13f};
constexpr float erfcCore[] = {0x1.72aac2p-8f,  -0x1.088bd0p-6f, 0x1.2daf86p-5f, -0x1.108300p-4f, 0x1.801e42p-4f,
                              -0x1.9da968p-4f, 0x1.16eb94p-4f,  0x1.f7dadep-7f, -0x1.1df1aep-3f, 0x1.3ba592p+0f};
constexpr float atanhCore[] = {0x1.f13b1ap-4f, 0x1.23d3e0p-3f, 0x1.999c26p-3f, 0x1.555554p-2f};

/// Emits f32 arithmetic on values of one shape, with each constant made once.
class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, Type type)
      : builder(builder), loc(loc), type(type), bitsType(withElement(type, builder.getI32Type())) {}

  Value constant(float value) {
    return cached(constants, llvm::bit_cast<int32_t>(value),
                  [&] { return splatConstant(builder, loc, type, APFloat(value)); });
  }
  Value integer(int32_t value) {
    return cached(integers, value, [&] { return splatInteger(builder, loc, bitsType, value); });
  }

  Value add(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }
  Value add(Value a, float b) { return add(a, constant(b)); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(builder, loc, a, b); }
  Value sub(Value a, float b) { return sub(a, constant(b)); }
  Value sub(float a, Value b) { return sub(constant(a), b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(builder, loc, a, b); }
  Value mul(Value a, float b) { return mul(a, constant(b)); }
  Value div(Value a, Value b) { return arith::DivFOp::create(builder, loc, a, b); }
  Value div(float a, Value b) { return div(constant(a), b); }
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(builder, loc, a, b, c); }
  Value fma(Value a, float b, Value c) { return fma(a, constant(b), c); }
  Value fma(Value a, Value b, float c) { return fma(a, b, constant(c)); }
  Value fma(Value a, float b, float c) { return fma(a, constant(b), constant(c)); }
  Value neg(Value a) { return arith::NegFOp::create(builder, loc, a); }
  Value abs(Value a) { return math::AbsFOp::create(builder, loc, a); }
  Value sqrt(Value a) { return math::SqrtOp::create(builder, loc, a); }
  Value floor(Value a) { return math::FloorOp::create(builder, loc, a); }

  Value bits(Value a) { return arith::BitcastOp::create(builder, loc, bitsType, a); }
  Value fromBits(Value a) { return arith::BitcastOp::create(builder, loc, type, a); }
  Value toFloat(Value a) { return arith::SIToFPOp::create(builder, loc, type, a); }
  Value addi(Value a, int32_t b) { return arith::AddIOp::create(builder, loc, a, integer(b)); }
  Value subi(Value a, Value b) { return arith::SubIOp::create(builder, loc, a, b); }
  Value andi(Value a, int32_t b) { return arith::AndIOp::create(builder, loc, a, integer(b)); }
  Value ori(Value a, Value b) { return arith::OrIOp::create(builder, loc, a, b); }
  Value shl(Value a, int32_t b) { return arith::ShLIOp::create(builder, loc, a, integer(b)); }
  Value sar(Value a, int32_t b) { return arith::ShRSIOp::create(builder, loc, a, integer(b)); }

  // Ordered comparisons: false when an operand is NaN.
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  Value less(Value a, float b) { return compare(arith::CmpFPredicate::OLT, a, constant(b)); }
  Value greater(Value a, float b) { return compare(arith::CmpFPredicate::OGT, a, constant(b)); }
  Value equal(Value a, Value b) { return compare(arith::CmpFPredicate::OEQ, a, b); }
  Value equal(Value a, float b) { return equal(a, constant(b)); }
  Value differ(Value a, Value b) { return compare(arith::CmpFPredicate::UNE, a, b); }
  Value both(Value a, Value b) { return arith::AndIOp::create(builder, loc, a, b); }
  Value select(Value c, Value a, Value b) { return arith::SelectOp::create(builder, loc, c, a, b); }
  Value select(Value c, float a, Value b) { return select(c, constant(a), b); }

  /// x limited to [low, high]; NaN stays.
  Value clamp(Value x, float low, float high) {
    x = select(greater(x, high), high, x);
    return select(less(x, low), low, x);
  }
  /// a with the sign of b.
  Value copySign(Value a, Value b) {
    return fromBits(ori(andi(bits(a), 0x7fffffff), andi(bits(b), std::numeric_limits<int32_t>::min())));
  }
  /// c[0] x^(n-1) + … + c[n-1].
  Value polynomial(ArrayRef<float> c, Value x) {
    Value sum = constant(c[0]);
    for (float coefficient : c.drop_front())
      sum = fma(sum, x, coefficient);
    return sum;
  }

private:
  Value cached(std::map<int32_t, Value> &cache, int32_t key, function_ref<Value()> make) {
    Value &value = cache[key];
    if (!value)
      value = make();
    return value;
  }

  OpBuilder &builder;
  Location loc;
  Type type, bitsType;
  std::map<int32_t, Value> constants, integers; // by bit pattern
};

//===-- Exponentials
//------------------------------------------------------------------------------------------------===//

/// An integer as a float, and the same as bits of an i32.
struct Rounded {
  Value number, bits;
};

/// round(x * scale), |x * scale| < 2^22.
Rounded roundProduct(Emitter &e, Value x, float scale) {
  Value shifted = e.fma(x, scale, roundMagic);
  return {e.sub(shifted, roundMagic), e.addi(e.bits(shifted), -llvm::bit_cast<int32_t>(roundMagic))};
}

/// p * 2^n for n in [-152, 254]: in two factors, so that only the second product rounds.
Value scaleByPowerOf2(Emitter &e, Value p, Value n) {
  Value half = e.sar(n, 1), rest = e.subi(n, half);
  Value first = e.fromBits(e.shl(e.addi(half, 127), 23)), second = e.fromBits(e.shl(e.addi(rest, 127), 23));
  return e.mul(e.mul(p, first), second);
}

/// x - n * ln2, to one rounding.
Value reduceByLn2(Emitter &e, Value x, Value n) { return e.fma(n, -ln2Lo, e.fma(n, -ln2Hi, x)); }

/// exp(x + low) with |low| small against x: 2^n (1 + r (1 + r q(r))), r = x - n ln2 + low.
Value expandExpWithTail(Emitter &e, Value x, Value low) {
  x = e.clamp(x, -104.0f, 89.0f); // exp rounds to 0 below, overflows above
  Rounded n = roundProduct(e, x, log2E);
  Value r = reduceByLn2(e, x, n.number);
  if (low)
    r = e.add(r, low);
  Value q = e.polynomial(expCore, r);
  Value p = e.fma(e.fma(q, r, 1.0f), r, 1.0f);
  return scaleByPowerOf2(e, p, n.bits);
}

Value expandExp(Emitter &e, Value x) { return expandExpWithTail(e, x, Value()); }

/// 2^x = 2^n (1 + r q(r)), r = x - n exactly.
Value expandExp2(Emitter &e, Value x) {
  x = e.clamp(x, -151.0f, 129.0f);
  Rounded n = roundProduct(e, x, 1.0f);
  Value r = e.sub(x, n.number);
  Value p = e.fma(e.polynomial(exp2Core, r), r, 1.0f);
  return scaleByPowerOf2(e, p, n.bits);
}

/// exp(x) - 1 = 2^n (r + r^2 q(r)) + (2^n - 1), evaluated with 2^(n-1) so that n = 128 does not overflow early.
Value expandExpm1(Emitter &e, Value x) {
  Value limited = e.clamp(x, -26.0f, 89.0f);
  Rounded n = roundProduct(e, limited, log2E);
  Value r = reduceByLn2(e, limited, n.number);
  Value q = e.polynomial(expCore, r);
  Value p = e.fma(e.mul(q, r), r, r);
  Value half = e.fromBits(e.shl(e.addi(n.bits, 126), 23));
  Value scaled = e.fma(p, half, e.sub(half, 0.5f));
  Value result = e.add(scaled, scaled);
  // Without a power of two, p itself: it may be denormal, or -0.
  result = e.select(e.equal(n.number, 0.0f), p, result);
  return e.select(e.equal(x, 0.0f), x, result);
}

//===-- Logarithms
//--------------------------------------------------------------------------------------------------===//

/// log(1 + f) = f - f^2 / 2 + f^3 q(f) for f in [-1/4, 1/2].
Value log1pCore(Emitter &e, Value f) {
  Value q = e.polynomial(logCore, f);
  return e.fma(e.mul(f, f), e.fma(q, f, -0.5f), f);
}

/// The exponent bits of x relative to `low`: x 2^-n is in [low, 2 low), and the result is n << 23.
Value exponentBits(Emitter &e, Value x, float low) {
  return e.andi(e.addi(e.bits(x), -llvm::bit_cast<int32_t>(low)), static_cast<int32_t>(0xff800000));
}

/// x = 2^n m with m in [low, 2 low), n as a float.
struct Parts {
  Value n, m;
};

/// Parts of a positive finite x, which may be denormal.
Parts splitExponent(Emitter &e, Value x, float low) {
  Value tiny = e.less(x, 0x1p-126f);
  x = e.select(tiny, e.mul(x, 0x1p+23f), x);
  Value shift = e.select(tiny, -23.0f, e.constant(0.0f));
  Value n = exponentBits(e, x, low);
  return {e.fma(e.toFloat(n), 0x1p-23f, shift), e.fromBits(e.subi(e.bits(x), n))};
}

/// log(x) = n ln2 + log(m), m in [3/4, 3/2).
Value expandLog(Emitter &e, Value x) {
  Parts parts = splitExponent(e, x, 0.75f);
  Value result = e.fma(parts.n, ln2, log1pCore(e, e.sub(parts.m, 1.0f)));
  result = e.select(e.equal(x, 0.0f), -infinity, result);
  result = e.select(e.less(x, 0.0f), std::numeric_limits<float>::quiet_NaN(), result);
  return e.select(e.less(x, infinity), result, x); // +inf and NaN
}

/// log(1 + x) = n ln2 + log(1 + f) with 2^n (1 + f) = 1 + x exactly: f = x 2^-n + (2^-n - 1).
Value expandLog1p(Emitter &e, Value x) {
  Value n = exponentBits(e, e.add(x, 1.0f), 0.75f);
  Value scaled = e.fromBits(e.subi(e.bits(x), n));            // x 2^-n: |x| >= 1/4 where n is not 0
  Value power = e.fromBits(e.subi(e.integer(0x40800000), n)); // 4 * 2^-n, never denormal
  Value f = e.add(scaled, e.fma(power, 0.25f, -1.0f));
  Value result = e.fma(e.mul(e.toFloat(n), 0x1p-23f), ln2, log1pCore(e, f));
  result = e.select(e.equal(x, -1.0f), -infinity, result);
  result = e.select(e.less(x, -1.0f), std::numeric_limits<float>::quiet_NaN(), result);
  result = e.select(e.equal(x, 0.0f), x, result); // keeps -0
  return e.select(e.less(x, infinity), result, x);
}

//===-- tanh and the error functions
//--------------------------------------------------------------------------------===//

/// tanh(x) = x + x^3 q(x^2) near 0, sign(x) (1 - 2 / (1 + exp(2 |x|))) elsewhere.
Value expandTanh(Emitter &e, Value x) {
  Value magnitude = e.abs(x), square = e.mul(x, x);
  Value small = e.fma(e.mul(e.polynomial(tanhCore, square), square), x, x);
  Value exp = expandExp(e, e.add(magnitude, magnitude));
  Value large = e.sub(1.0f, e.div(2.0f, e.add(exp, 1.0f)));
  return e.copySign(e.select(e.less(magnitude, 0.6f), small, large), x);
}

/// erf(x) = x + x q(x^2) for |x| < 0.93.
Value erfNearZero(Emitter &e, Value x) { return e.fma(e.polynomial(erfSmall, e.mul(x, x)), x, x); }

/// Near 0 as above, sign(x) (1 - exp(-q(|x|))) elsewhere.
Value expandErf(Emitter &e, Value x) {
  Value magnitude = e.abs(x);
  Value small = erfNearZero(e, x);
  Value exponent = e.polynomial(erfLarge, e.clamp(magnitude, 0.0f, 4.0f));
  Value large = e.sub(1.0f, expandExp(e, e.neg(exponent)));
  return e.copySign(e.select(e.less(magnitude, 0.92f), small, large), x);
}

/// erfc(x) = 1 - erf(x) near 0, exp(-x^2) q((x - 4) / (x + 4)) / (1 + 2 x) above, and 2 - erfc(-x) below.
Value expandErfc(Emitter &e, Value x) {
  Value magnitude = e.abs(x);
  Value a = e.clamp(magnitude, 0.0f, 10.3f); // erfc rounds to 0 from 10.06 on
  Value t = e.div(e.sub(a, 4.0f), e.add(a, 4.0f));
  Value q = e.div(e.polynomial(erfcCore, t), e.fma(a, 2.0f, 1.0f));
  Value square = e.mul(a, a);
  Value lost = e.fma(e.neg(a), a, square); // what rounding added to a^2
  Value result = e.mul(expandExpWithTail(e, e.neg(square), lost), q);
  result = e.select(e.less(x, 0.0f), e.sub(2.0f, result), result);
  return e.select(e.less(magnitude, 0.6f), e.sub(1.0f, erfNearZero(e, x)), result);
}

//===-- Powers
//------------------------------------------------------------------------------------------------------===//

/// A number as an unevaluated sum of two f32.
struct Double {
  Value high, low;
};

/// log(x) to about 2^-44, for positive finite x: n ln2 + 2 atanh(s), s = (m - 1) / (m + 1), m in [1/sqrt2, sqrt2).
Double extendedLog(Emitter &e, Value x) {
  Parts parts = splitExponent(e, x, 181.0f / 256.0f);
  Value d = e.sub(parts.m, 1.0f); // exact
  Value reciprocal = e.div(1.0f, e.add(parts.m, 1.0f));
  // s = (m - 1) / (m + 1) and the rest of that division: d - s (d + 2).
  Value s = e.mul(d, reciprocal);
  Value sLow = e.mul(reciprocal, e.fma(e.neg(s), d, e.fma(s, -2.0f, d)));
  // The square and the cube of s + sLow.
  Value square = e.mul(s, s);
  Value squareLow = e.fma(s, e.add(sLow, sLow), e.fma(s, s, e.neg(square)));
  Value cube = e.mul(square, s);
  Value cubeLow = e.fma(square, sLow, e.fma(squareLow, s, e.fma(square, s, e.neg(cube))));
  // atanh(s) = s + s^3 q(s^2).
  Value q = e.polynomial(atanhCore, square);
  Value tail = e.fma(q, cube, e.fma(q, cubeLow, sLow));
  Value twice = e.add(s, s);
  Value sum = e.fma(parts.n, ln2, twice);
  Value rest = e.sub(twice, e.fma(parts.n, -ln2, sum));
  Value low = e.fma(parts.n, -0x1.05c610p-29f, e.fma(tail, 2.0f, rest)); // ln2 less its f32
  Value high = e.add(sum, low);
  return {high, e.add(e.sub(sum, high), low)};
}

/// |x|^y = exp(y log |x|); sign, zeros, infinities and NaN as IEEE 754 pow has them.
Value expandPow(Emitter &e, Value x, Value y) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  Value magnitude = e.abs(x);
  Double log = extendedLog(e, magnitude);
  Value high = e.select(e.equal(magnitude, 0.0f), -infinity, log.high);
  high = e.select(e.less(magnitude, infinity), high, magnitude); // infinity and NaN
  Value exponent = e.mul(y, high);
  // What the product lost; meaningless where exp over- or underflows anyway.
  Value lost = e.fma(y, log.low, e.fma(y, high, e.neg(exponent)));
  lost = e.select(e.less(e.abs(exponent), 128.0f), lost, e.constant(0.0f));
  Value result = expandExpWithTail(e, exponent, lost);
  result = e.select(e.equal(magnitude, 1.0f), 1.0f, result); // also y = inf
  result = e.select(e.equal(y, y), result, y);
  // A negative base: the sign of an odd power; NaN for a power that is not an integer.
  Value whole = e.equal(e.floor(y), y), half = e.mul(y, 0.5f);
  Value odd = e.both(whole, e.differ(e.floor(half), half));
  result = e.select(odd, e.copySign(result, x), result);
  Value negative = e.both(e.less(x, 0.0f), e.greater(x, -infinity));
  result = e.select(e.both(negative, e.differ(e.floor(y), y)), nan, result);
  result = e.select(e.equal(x, x), result, x);
  result = e.select(e.equal(x, 1.0f), 1.0f, result);
  return e.select(e.equal(y, 0.0f), 1.0f, result);
}

/// x^n by repeated squaring, n >= 1; `multiply` makes one product.
Value powerByProducts(Value x, uint64_t n, function_ref<Value(Value, Value)> multiply) {
  Value result;
  for (Value square = x;; square = multiply(square, square)) {
    if (n & 1)
      result = result ? multiply(result, square) : square;
    n >>= 1;
    if (n == 0)
      return result;
  }
}

/// The greatest constant power that is multiplied out.
constexpr int64_t largestProductPower = 16;

/// x^n in floating point by products; null when |n| is too large.
Value expandConstantPower(Emitter &e, Value x, int64_t n) {
  if (n == 0)
    return e.constant(1.0f);
  if (n > largestProductPower || n < -largestProductPower)
    return {};
  Value power = powerByProducts(x, n < 0 ? -n : n, [&](Value a, Value b) { return e.mul(a, b); });
  return n < 0 ? e.div(1.0f, power) : power;
}

//===-- Patterns
//----------------------------------------------------------------------------------------------------===//

Value expandRsqrt(Emitter &e, Value x) { return e.div(1.0f, e.sqrt(x)); }

/// Replaces a function of one f32 argument by what `expand` emits.
template <typename Op> struct ExpandUnary : OpRewritePattern<Op> {
  ExpandUnary(MLIRContext *context, Value (*expand)(Emitter &, Value))
      : OpRewritePattern<Op>(context), expand(expand) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not f32");
    Emitter emitter(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, expand(emitter, op.getOperand()));
    return success();
  }
  Value (*expand)(Emitter &, Value);
};

LogicalResult expandPowF(math::PowFOp op, PatternRewriter &rewriter) {
  if (!getElementTypeOrSelf(op.getType()).isF32())
    return rewriter.notifyMatchFailure(op, "is not f32");
  Emitter emitter(rewriter, op.getLoc(), op.getType());
  if (auto exponent = dyn_cast_or_null<FloatAttr>(matchSplat(op.getRhs()))) {
    double y = exponent.getValueAsDouble();
    if (y >= -largestProductPower && y <= largestProductPower && y == static_cast<int64_t>(y)) {
      rewriter.replaceOp(op, expandConstantPower(emitter, op.getLhs(), static_cast<int64_t>(y)));
      return success();
    }
  }
  rewriter.replaceOp(op, expandPow(emitter, op.getLhs(), op.getRhs()));
  return success();
}

LogicalResult expandFPowI(math::FPowIOp op, PatternRewriter &rewriter) {
  if (!getElementTypeOrSelf(op.getType()).isF32())
    return rewriter.notifyMatchFailure(op, "is not f32");
  Emitter emitter(rewriter, op.getLoc(), op.getType());
  Value power;
  if (auto exponent = dyn_cast_or_null<IntegerAttr>(matchSplat(op.getRhs())))
    power = expandConstantPower(emitter, op.getLhs(), exponent.getValue().getSExtValue());
  if (!power)
    power = expandPow(emitter, op.getLhs(), emitter.toFloat(op.getRhs()));
  rewriter.replaceOp(op, power);
  return success();
}

LogicalResult expandIPowI(math::IPowIOp op, PatternRewriter &rewriter) {
  auto exponent = dyn_cast_or_null<IntegerAttr>(matchSplat(op.getRhs()));
  if (!exponent || exponent.getValue().isNegative() || exponent.getValue().sgt(largestProductPower))
    return rewriter.notifyMatchFailure(op, "has no small constant exponent");
  int64_t n = exponent.getValue().getSExtValue();
  Location loc = op.getLoc();
  auto multiply = [&](Value a, Value b) -> Value { return arith::MulIOp::create(rewriter, loc, a, b); };
  rewriter.replaceOp(op,
                     n == 0 ? splatInteger(rewriter, loc, op.getType(), 1) : powerByProducts(op.getLhs(), n, multiply));
  return success();
}

} // namespace

void moe::populateExpandMathPatterns(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<ExpandUnary<math::ExpOp>>(context, expandExp);
  patterns.add<ExpandUnary<math::Exp2Op>>(context, expandExp2);
  patterns.add<ExpandUnary<math::ExpM1Op>>(context, expandExpm1);
  patterns.add<ExpandUnary<math::LogOp>>(context, expandLog);
  patterns.add<ExpandUnary<math::Log1pOp>>(context, expandLog1p);
  patterns.add<ExpandUnary<math::TanhOp>>(context, expandTanh);
  patterns.add<ExpandUnary<math::ErfOp>>(context, expandErf);
  patterns.add<ExpandUnary<math::ErfcOp>>(context, expandErfc);
  patterns.add<ExpandUnary<math::RsqrtOp>>(context, expandRsqrt);
  patterns.add(expandPowF);
  patterns.add(expandFPowI);
  patterns.add(expandIPowI);
}
