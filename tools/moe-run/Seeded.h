// Made-up inputs: router logits with a chosen skew of expert popularity, offsets of sequences; the same bits on every
// machine.
#ifndef MOE_TOOLS_MOE_RUN_SEEDED_H
#define MOE_TOOLS_MOE_RUN_SEEDED_H
#include "moe/runtime.h"
#include "tools/moe-run/Npy.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace moe::run {

/// What to make: the same seed and name give the same values, whatever is made before or after.
struct SeededOptions {
  uint64_t seed = 0;
  /// 0: every expert is equally likely. Each unit subtracts log(rank) from an expert's logits, where the ranks are a
  /// seeded permutation of 1…E: with a softmax its mean score then follows a power law 1 / rank^skew.
  double skew = 0.0;
};

/// An array for input `name` of a float type: rows of approximately standard normal values (12 uniforms summed, so that
/// no mathematical library is involved) plus the skew along the last axis where there are two axes or more; with one
/// axis (a bias per expert, say) normals of standard deviation 0.1. Values are rounded to `dtype`, ties to even.
NpyArray seededArray(llvm::StringRef name, moe_dtype dtype, llvm::ArrayRef<int64_t> sizes,
                     const SeededOptions &options);

/// Offsets of `pieces` consecutive pieces of `tokens` tokens, of various lengths: [pieces + 1].
NpyArray seededOffsets(llvm::StringRef name, int64_t tokens, int64_t pieces, const SeededOptions &options);

/// Rounds to bfloat16 or IEEE half, to nearest, ties to even; the bits.
uint16_t roundToBf16(float value);
uint16_t roundToF16(float value);

} // namespace moe::run
#endif
