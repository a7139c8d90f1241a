// Conversions on the bits, so that neither the host's compiler nor its processor has a say.
#include "Conversions.h"

#include <bit>

namespace moe::emulator {

float floatFromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ff;
  if (exponent == 31)
    return std::bit_cast<float>(mantissa ? 0x7fffffffu : sign | 0x7f800000u);
  if (exponent)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  if (!mantissa)
    return std::bit_cast<float>(sign);
  // Below the normal halves: mantissa * 2^-24, a normal float.
  const int shift = std::countl_zero(mantissa) - 21;
  const uint32_t normal = (mantissa << shift & 0x3ff) << 13;
  return std::bit_cast<float>(sign | static_cast<uint32_t>(113 - shift) << 23 | normal);
}

uint16_t halfFromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  const uint32_t sign = bits >> 16 & 0x8000;
  if (magnitude > 0x7f800000)
    return 0x7fff;
  if (magnitude >= 0x47800000) // 65536 and more
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x33000000) // less than half of the least half
    return static_cast<uint16_t>(sign);
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  // Bits of the mantissa that a half has no room for; more of them below the normal halves (exponent < -14).
  const int dropped = exponent < -14 ? -1 - exponent : 13;
  const uint32_t kept = mantissa >> dropped, rest = mantissa & ((1u << dropped) - 1), tie = 1u << (dropped - 1);
  // A carry out of the mantissa goes into the exponent, up to infinity.
  uint32_t half = exponent < -14 ? kept : (static_cast<uint32_t>(exponent + 15) << 10) + (kept & 0x3ff);
  half += rest > tie || (rest == tie && (kept & 1));
  return static_cast<uint16_t>(sign | half);
}

} // namespace moe::emulator
