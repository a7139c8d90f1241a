// The order in which a row of floats is added up: a property of the language, which the interpreter and every target
// follow, so that a sum has the same bits on all of them (docs/numerics.md, "One order of addition").
//
// Four neighbours make a leaf, (x0 + x1) + (x2 + x3). Leaves whose numbers are equal modulo 32 are added one after the
// other, in ascending order; what they make, up to 32 partial sums, is halved by distance: partial sum i becomes
// i + (i + 16), then i + (i + 8), and so on down to distance 1. What is beyond the end of the row is absent: x + absent
// = x. So any power of two of lanes up to 32, each with vectors of one, two or four neighbours, adds up what it holds
// and exchanges the rest in log2 steps, and one lane does the same with registers or in memory.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cstdint>

namespace moe {

/// Neighbours in a leaf.
inline constexpr int64_t sumLeaf = 4;
/// Partial sums that are halved by distance.
inline constexpr int64_t sumPartials = 32;

/// Leaves of a row of `size` elements.
inline int64_t sumLeaves(int64_t size) { return (size + sumLeaf - 1) / sumLeaf; }

/// The sum of a leaf of one to four elements.
template <typename T> T addLeaf(llvm::ArrayRef<T> x, llvm::function_ref<T(T, T)> add) {
  T low = x.size() > 1 ? add(x[0], x[1]) : x[0];
  if (x.size() < 3)
    return low;
  return add(low, x.size() > 3 ? add(x[2], x[3]) : x[2]);
}

/// Adds up partial sums by halving the distance; there are 1 to 32.
template <typename T> T addPartials(llvm::MutableArrayRef<T> partials, llvm::function_ref<T(T, T)> add) {
  size_t count = partials.size();
  for (size_t distance = sumPartials / 2; distance >= 1; distance /= 2) {
    for (size_t i = 0; i + distance < count; ++i)
      partials[i] = add(partials[i], partials[i + distance]);
    count = std::min(count, distance);
  }
  return partials[0];
}

/// The sum of a row in this order; of nothing it is `nothing`.
template <typename T> T addInOrder(llvm::ArrayRef<T> x, T nothing, llvm::function_ref<T(T, T)> add) {
  llvm::SmallVector<T> partials;
  for (int64_t leaf = 0, size = x.size(); leaf < sumLeaves(size); ++leaf) {
    T sum = addLeaf<T>(x.slice(leaf * sumLeaf, std::min(sumLeaf, size - leaf * sumLeaf)), add);
    if (leaf < sumPartials)
      partials.push_back(sum);
    else
      partials[leaf % sumPartials] = add(partials[leaf % sumPartials], sum);
  }
  return partials.empty() ? nothing : addPartials<T>(partials, add);
}

} // namespace moe
