// f16 as the device converts it.
#pragma once
#include <cstdint>

namespace moe::emulator {

/// cvt.f32.f16: exact; any NaN gives 0x7fffffff.
float floatFromHalf(uint16_t half);
/// cvt.rn.f16.f32: to nearest, ties to even, too large gives infinity; any NaN gives 0x7fff.
uint16_t halfFromFloat(float value);

} // namespace moe::emulator
