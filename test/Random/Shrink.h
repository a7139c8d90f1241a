// Makes a failing program smaller.
#pragma once
#include "test/Random/Data.h"
#include "test/Random/Program.h"
#include <functional>

namespace moe::test::random {

struct Failing {
  Program program;
  std::vector<Case> cases;
};

/// Repeats small cuts (fewer cases and tokens, fewer results, values replaced by what they are made of, smaller axes
/// and ks, plainer types) for as long as `fails` still holds after one, with at most `budget` calls of `fails`.
/// Programs that `infer` refuses are not tried, so a shrunk program is as comparable as the one that it came from.
Failing shrink(Failing start, const std::function<bool(const Failing &)> &fails, int budget = 600);

} // namespace moe::test::random
