// The random numbers of moe.random by their definition, for the interpreter and for the tests of what targets compute.
#pragma once
#include <array>
#include <cstdint>

namespace moe::reference {

/// One block of Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011).
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The x at which the distribution function of the standard normal is p, 0 < p < 1, to the accuracy of f64.
double inverseNormalCdf(double p);

/// The number in [0, 1) and the standard normal one that moe.random makes of a word.
inline double uniformOf(uint32_t word) { return (word >> 8) * 0x1p-24; }
inline double normalOf(uint32_t word) { return inverseNormalCdf((word >> 9) * 0x1p-23 + 0x1p-24); }

} // namespace moe::reference
