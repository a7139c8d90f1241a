// Seeded logits from a counter-based generator: element i of an array depends on the seed, the input's name and i only.
#include "tools/moe-run/Seeded.h"
#include "llvm/ADT/APFloat.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace moe::run {
namespace {

// SplitMix64's finaliser (Steele, Lea, Flood 2014): a bijection that scrambles a counter.
uint64_t scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t streamOf(llvm::StringRef name, uint64_t seed) {
  uint64_t hash = scramble(seed);
  for (unsigned char c : name)
    hash = scramble(hash ^ c);
  return hash;
}

// The sum of 12 uniforms in [0, 1) less 6 has variance 1. Each uniform has 16 bits, so every step is exact.
double normal(uint64_t stream, uint64_t index) {
  int64_t sum = 0;
  for (uint64_t part = 0; part < 3; ++part) {
    uint64_t bits = scramble(stream ^ scramble(3 * index + part));
    for (int shift = 0; shift < 64; shift += 16)
      sum += static_cast<int64_t>(bits >> shift & 0xffff);
  }
  return (static_cast<double>(sum) + 6.0) / 65536.0 - 6.0;
}

std::vector<double> popularity(uint64_t stream, size_t count, double skew) {
  std::vector<size_t> rank(count);
  std::iota(rank.begin(), rank.end(), size_t(1));
  for (size_t i = count; i > 1; --i)
    std::swap(rank[i - 1], rank[scramble(stream + i) % i]);
  std::vector<double> offset(count);
  for (size_t i = 0; i < count; ++i)
    offset[i] = -skew * std::log(static_cast<double>(rank[i]));
  return offset;
}

uint16_t roundTo(const llvm::fltSemantics &semantics, float value) {
  llvm::APFloat number(value);
  bool losesInfo = false;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return static_cast<uint16_t>(number.bitcastToAPInt().getZExtValue());
}

void store(NpyArray &array, moe_dtype dtype, size_t index, double value) {
  switch (dtype) {
  case MOE_F64:
    array.as<double>()[index] = value;
    return;
  case MOE_BF16:
    array.as<uint16_t>()[index] = roundToBf16(static_cast<float>(value));
    return;
  case MOE_F16:
    array.as<uint16_t>()[index] = roundToF16(static_cast<float>(value));
    return;
  default:
    array.as<float>()[index] = static_cast<float>(value);
  }
}

} // namespace

uint16_t roundToBf16(float value) { return roundTo(llvm::APFloat::BFloat(), value); }
uint16_t roundToF16(float value) { return roundTo(llvm::APFloat::IEEEhalf(), value); }

NpyArray seededArray(llvm::StringRef name, moe_dtype dtype, llvm::ArrayRef<int64_t> sizes,
                     const SeededOptions &options) {
  NpyArray array(typeToWrite(dtype), sizes);
  uint64_t stream = streamOf(name, options.seed);
  size_t columns = sizes.empty() ? 1 : static_cast<size_t>(sizes.back());
  bool rows = sizes.size() >= 2;
  std::vector<double> offset = popularity(scramble(stream), columns, rows ? options.skew : 0.0);
  for (size_t i = 0, count = static_cast<size_t>(array.elements()); i < count; ++i)
    store(array, dtype, i, rows ? normal(stream, i) + offset[i % columns] : 0.1 * normal(stream, i));
  return array;
}

NpyArray seededOffsets(llvm::StringRef name, int64_t tokens, int64_t pieces, const SeededOptions &options) {
  NpyArray array(NpyType::I32, {pieces + 1});
  uint64_t stream = streamOf(name, options.seed);
  llvm::MutableArrayRef<int32_t> offsets = array.as<int32_t>();
  for (size_t i = 1; i < static_cast<size_t>(pieces); ++i)
    offsets[i] = static_cast<int32_t>(scramble(stream + i) % static_cast<uint64_t>(tokens + 1));
  offsets.back() = static_cast<int32_t>(pieces ? tokens : 0);
  std::sort(offsets.begin(), offsets.end());
  return array;
}

} // namespace moe::run
