// The polynomial of normal random numbers, against the inverse distribution function in f64.
#include "compiler/Reference/Random.h"
#include "compiler/Transforms/InverseNormal.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

// docs/numerics.md: 2.57 units in the last place over all words.
TEST(Random, NormalNumbersAreWithinTheDocumentedError) {
  double worst = 0;
  for (uint32_t k = 0; k < 1u << 23; k += 5) {
    double exact = reference::normalOf(k << 9), got = normalOfWord(k << 9);
    worst = std::max(worst, std::fabs(got - exact) / std::ldexp(1.0, std::ilogb(std::fabs(exact)) - 23));
  }
  EXPECT_LT(worst, 2.6);
  EXPECT_GT(worst, 2.0); // the measurement measures something
}

TEST(Random, TheExtremesAreFiniteAndOpposite) {
  EXPECT_NEAR(normalOfWord(0), -5.294704, 2e-6);
  EXPECT_EQ(normalOfWord(0xffffffffu), -normalOfWord(0));
  EXPECT_EQ(normalOfWord(0x1ff), normalOfWord(0)); // the low 9 bits are not used
}

} // namespace
} // namespace moe::test
