// Program number n of the random programs: made, checked and, when it fails, shrunk.
#pragma once
#include "test/Random/Check.h"
#include "test/Random/Shrink.h"

namespace moe::test::random {

/// What a seed stands for.
struct Trial {
  Program program;
  std::vector<Case> cases;
  CheckOptions options;

  Subject subject() const { return {program.text(), cases}; }
};

/// The trial of a seed, on those of `targets` that fit it: about one program in three is small and checked for its
/// gradient, one in twenty is emulated.
Trial makeTrial(uint64_t seed, const std::vector<std::string> &targets);

/// Shrinks a trial that has `finding` and returns the regression file.
std::string shrinkToRegression(const Trial &trial, uint64_t seed, const Finding &finding);

} // namespace moe::test::random
