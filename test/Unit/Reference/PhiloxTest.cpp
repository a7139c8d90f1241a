// The random numbers of the interpreter: published blocks of Philox, quantiles of the normal distribution.
#include "compiler/Reference/Random.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace moe::reference;

namespace {

using Block = std::array<uint32_t, 4>;

/// The known answers of philox4x32-10 that come with Random123.
TEST(Philox, HasTheKnownAnswersOfRandom123) {
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Uniform, IsInTheHalfOpenInterval) {
  EXPECT_EQ(uniformOf(0), 0);
  EXPECT_EQ(uniformOf(255), 0);
  EXPECT_EQ(uniformOf(256), 0x1p-24);
  EXPECT_EQ(uniformOf(0xffffffff), 1 - 0x1p-24);
}

/// Quantiles by mpmath with 40 digits, at the ends and the middle of what a word can be.
TEST(Normal, IsTheQuantile) {
  const std::pair<double, double> known[] = {
      {0x1p-24, -5.2947040848545981},          {0.025, -1.9599639845400543},           {0.25, -0.67448975019608174},
      {0.5 - 0x1p-24, -1.4940668789333164e-7}, {0.5 + 0x1p-24, 1.4940668789333164e-7}, {0.75, 0.67448975019608174},
      {1 - 0x1p-24, 5.2947040848545981}};
  for (auto [p, x] : known)
    EXPECT_NEAR(inverseNormalCdf(p), x, 4e-16 * std::max(1.0, std::fabs(x))) << p;
  EXPECT_NEAR(inverseNormalCdf(0.5), 0, 1e-16);
  EXPECT_EQ(normalOf(0), inverseNormalCdf(0x1p-24));
  EXPECT_EQ(normalOf(0x1ff), inverseNormalCdf(0x1p-24));
  EXPECT_EQ(normalOf(0x80000000), inverseNormalCdf(0.5 + 0x1p-24));
  EXPECT_EQ(normalOf(0xffffffff), -normalOf(0));
}

/// The distribution function of the quantile is where it came from, in the tails too.
TEST(Normal, InvertsTheDistributionFunction) {
  for (double p = 0x1p-24; p < 1; p += 0x1p-12)
    EXPECT_NEAR(std::erfc(-inverseNormalCdf(p) / M_SQRT2) / 2, p, 2e-15 * std::max(p, 0x1p-24) * 10) << p;
}

} // namespace
