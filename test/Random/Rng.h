// A small generator of random numbers whose results are the same with every standard library, so that a seed in a
// report or in a test always means the same program and the same data.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace moe::test::random {

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class Rng {
public:
  explicit Rng(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// 0 … n - 1, n > 0. The bias of the remainder (n / 2^64) does not matter here.
  uint64_t below(uint64_t n) { return next() % n; }

  /// low … high, both included.
  int64_t between(int64_t low, int64_t high) { return low + static_cast<int64_t>(below(high - low + 1)); }

  bool chance(unsigned percent) { return below(100) < percent; }

  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Nearly a standard normal number, of limited range: the sum of twelve uniform ones. It needs no function of the C
  /// library, so its bits are the same everywhere.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += uniform();
    return sum;
  }

  template <typename T> const T &pick(const std::vector<T> &list) { return list[below(list.size())]; }
  template <typename T, size_t N> const T &pick(const T (&list)[N]) { return list[below(N)]; }

private:
  uint64_t state;
};

} // namespace moe::test::random
