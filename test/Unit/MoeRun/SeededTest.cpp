// Seeded inputs: reproducible, independent of each other, and skewed as asked.
#include "tools/moe-run/Seeded.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace moe::run {
namespace {

TEST(Seeded, SameSeedAndNameSameBitsAnyLength) {
  NpyArray longer = seededArray("logits", MOE_F32, {100, 64}, {7, 1.5});
  NpyArray shorter = seededArray("logits", MOE_F32, {10, 64}, {7, 1.5});
  EXPECT_TRUE(std::equal(shorter.as<float>().begin(), shorter.as<float>().end(), longer.as<float>().begin()));
}

TEST(Seeded, SeedAndNameMakeDifferentArrays) {
  NpyArray base = seededArray("logits", MOE_F32, {10, 64}, {7, 0});
  NpyArray seed = seededArray("logits", MOE_F32, {10, 64}, {8, 0});
  NpyArray name = seededArray("noise", MOE_F32, {10, 64}, {7, 0});
  EXPECT_FALSE(base.as<float>() == seed.as<float>());
  EXPECT_FALSE(base.as<float>() == name.as<float>());
}

TEST(Seeded, ValuesAreStandardNormal) {
  NpyArray array = seededArray("logits", MOE_F32, {10000, 8}, {1, 0});
  double sum = 0, squares = 0;
  for (float value : array.as<float>()) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(sum / 80000, 0.0, 0.02);
  EXPECT_NEAR(squares / 80000, 1.0, 0.02);
}

TEST(Seeded, SkewSpreadsTheMeansByLogRank) {
  NpyArray array = seededArray("logits", MOE_F32, {20000, 16}, {3, 2.0});
  std::vector<double> means(16, 0.0);
  for (size_t i = 0; i < 20000u * 16u; ++i)
    means[i % 16] += array.as<float>()[i] / 20000;
  std::sort(means.rbegin(), means.rend());
  for (size_t rank = 1; rank <= 16; ++rank)
    EXPECT_NEAR(means[rank - 1], -2.0 * std::log(static_cast<double>(rank)), 0.05);
}

TEST(Seeded, VectorsHaveNoSkewAndATenthOfTheSpread) {
  NpyArray flat = seededArray("bias", MOE_F32, {4096}, {3, 2.0});
  double squares = 0;
  for (float value : flat.as<float>())
    squares += static_cast<double>(value) * value;
  EXPECT_NEAR(std::sqrt(squares / 4096), 0.1, 0.01);
}

TEST(Seeded, RoundingIsToNearestEven) {
  EXPECT_EQ(roundToBf16(1.0f), 0x3f80);
  EXPECT_EQ(roundToBf16(1.00390625f), 0x3f80); // halfway, to the even neighbour
  EXPECT_EQ(roundToBf16(1.01171875f), 0x3f82);
  EXPECT_EQ(roundToF16(1.0f), 0x3c00);
  EXPECT_EQ(roundToF16(65520.0f), 0x7c00);
  EXPECT_EQ(roundToF16(1.00048828125f), 0x3c00); // halfway
}

TEST(Seeded, NarrowTypesAreTheRoundedF32Values) {
  NpyArray wide = seededArray("logits", MOE_F32, {8, 8}, {7, 1});
  NpyArray bf16 = seededArray("logits", MOE_BF16, {8, 8}, {7, 1});
  EXPECT_EQ(bf16.type, NpyType::U16);
  for (size_t i = 0; i < 64; ++i)
    EXPECT_EQ(bf16.as<uint16_t>()[i], roundToBf16(wide.as<float>()[i]));
}

} // namespace
} // namespace moe::run
