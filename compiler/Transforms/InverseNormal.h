// The inverse of the standard normal's distribution function, as one fixed sequence of f32 operations: written once, to
// be emitted for the targets and to be computed by the interpreter, so that normal random numbers have the same bits
// everywhere. Coefficients are by fit_polynomials.py; docs/numerics.md has the error.
#pragma once
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstdint>
#include <iterator>

namespace moe {

/// log1p(f) = f - f^2 / 2 + f^3 q(f), -1/4 <= f <= 1/2. Highest degree first, as all of them.
inline constexpr float logCore[] = {0x1.341ca4p-5f,  -0x1.7505f8p-4f, 0x1.df1c62p-4f,  -0x1.04ad32p-3f, 0x1.246388p-3f,
                                    -0x1.5519d6p-3f, 0x1.999764p-3f,  -0x1.00006ep-2f, 0x1.55555ap-2f};
/// x(w) / (2 p - 1) in w - 2.5 up to w = 5, in sqrt(w) - 3 above.
inline constexpr float normalCore[] = {-0x1.be396ep-27f, 0x1.0079bap-25f, 0x1.65d58ap-21f,  -0x1.46067ap-18f,
                                       -0x1.d912dep-18f, 0x1.439e12p-12f, -0x1.d06a52p-10f, -0x1.832762p-8f,
                                       0x1.652c5cp-2f,   0x1.0fc8bcp+1f};
inline constexpr float normalTail[] = {-0x1.68cb5ap-12f, 0x1.0be978p-13f, 0x1.0599dap-9f,
                                       -0x1.52afd2p-8f,  0x1.08bc74p-7f,  -0x1.61abb2p-7f,
                                       0x1.b58cf0p-7f,   0x1.6aa52cp+0f,  0x1.00696cp+2f};

/// The x below which a standard normal number is with probability `p`, an odd multiple of 2^-24 between 0 and 1. With
/// w = -log(4 p (1 - p)), x / (2 p - 1) is a smooth function of w (after Giles 2010, "Approximating the erfinv
/// function"). `Arithmetic` computes with its `Float` and `Bits`, as `HostArithmetic` below.
template <typename Arithmetic> typename Arithmetic::Float inverseNormal(Arithmetic &a, typename Arithmetic::Float p) {
  using Float = typename Arithmetic::Float;
  auto polynomial = [&](auto &coefficients, Float x) {
    Float sum = a.constant(coefficients[0]);
    for (size_t i = 1; i < std::size(coefficients); ++i)
      sum = a.fma(sum, x, a.constant(coefficients[i]));
    return sum;
  };
  Float one = a.constant(1), centred = a.fma(p, a.constant(2), a.constant(-1)); // exact
  Float product = a.mul(a.mul(p, a.constant(4)), a.sub(one, p));                // one rounding
  // product = 2^n (1 + f), 3/4 <= 1 + f < 3/2.
  typename Arithmetic::Bits bits = a.bits(product), n = a.shiftRight(a.subtract(bits, a.integer(0x3f400000)), 23);
  Float f = a.sub(a.fromBits(a.subtract(bits, a.shiftLeft(n, 23))), one);
  Float curve = a.fma(polynomial(logCore, f), f, a.constant(-0.5f));
  Float log = a.fma(a.toFloat(n), a.constant(0x1.62e430p-1f), a.fma(a.mul(f, f), curve, f));
  Float w = a.sub(a.constant(0), log);
  Float middle = polynomial(normalCore, a.sub(w, a.constant(2.5f)));
  Float tail = polynomial(normalTail, a.sub(a.sqrt(w), a.constant(3)));
  return a.mul(centred, a.selectLess(w, a.constant(5), middle, tail));
}

/// The operations of `inverseNormal` on this machine.
struct HostArithmetic {
  using Float = float;
  using Bits = int32_t;
  float constant(float x) { return x; }
  int32_t integer(int32_t x) { return x; }
  float sub(float a, float b) { return a - b; }
  float mul(float a, float b) { return a * b; }
  float fma(float a, float b, float c) { return std::fma(a, b, c); }
  float sqrt(float a) { return std::sqrt(a); }
  int32_t bits(float a) { return llvm::bit_cast<int32_t>(a); }
  float fromBits(int32_t a) { return llvm::bit_cast<float>(a); }
  int32_t subtract(int32_t a, int32_t b) { return a - b; }
  int32_t shiftRight(int32_t a, int by) { return a >> by; }
  int32_t shiftLeft(int32_t a, int by) { return static_cast<int32_t>(static_cast<uint32_t>(a) << by); }
  float toFloat(int32_t a) { return static_cast<float>(a); }
  float selectLess(float a, float b, float yes, float no) { return a < b ? yes : no; }
};

/// The normal number that the word `w` of a random block stands for: at (w >> 9) 2^-23 + 2^-24.
inline float normalOfWord(uint32_t word) {
  HostArithmetic host;
  return inverseNormal(host, std::fma(static_cast<float>(word >> 9), 0x1p-23f, 0x1p-24f));
}

} // namespace moe
