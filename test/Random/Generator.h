// Makes random valid specs.
#pragma once
#include "test/Random/Program.h"
#include "test/Random/Rng.h"

namespace moe::test::random {

struct GeneratorOptions {
  /// Sizes of the expert axis; the first ones are the likelier ones.
  int64_t mostExperts = 1000;
  /// The gradient will be compared with differences: float inputs are f32 only, since steps are smaller than bf16 can
  /// make, and nothing is detached.
  bool differences = false;
};

/// A random program; the same rng state makes the same one. It uses what docs/language.md says is lowered, of
/// everything something: axes in equal and uneven groups, nested ones, several selections with and without groups,
/// scores, weights, losses, metrics and outputs.
Program generate(Rng &rng, const GeneratorOptions &options = {});

} // namespace moe::test::random
