// Sums along a row on the CPU have the bits of docs/numerics.md, "One order of addition": rows of tokens and rows of
// one lane, sums that share a loop with others, equal blocks and uneven groups, rows shorter and longer than the
// partial sums are many.
#include "dialects/Moe/IR/SumOrder.h"
#include "test/Unit/Cpu/KernelRunner.h"

using namespace moe;
using namespace moe::test;

static const char *const sums = R"mlir(
moe_kernel.program @sums {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @total output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @squares output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @greatest output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @blocks output f32 axes ["token", "block"] sizes [-1, $G]
  moe_kernel.buffer @uneven output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @finished metric f32 axes [] sizes []
  moe_kernel.buffer @finished_blocks metric f32 axes ["block"] sizes [$G]
  moe_kernel.buffer @finished_uneven metric f32 axes ["group"] sizes [$G]
  moe_kernel.accumulator @column max f32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    moe_kernel.accumulate %x, @column : !moe_kernel.row<$Exf32>
    %total = moe_kernel.reduce sum %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %total, @total : f32
    %greatest = moe_kernel.reduce max %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %greatest, @greatest : f32
    %square = moe_kernel.map (%x : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %a : f32
      moe_kernel.yield %0 : f32
    }
    %squares = moe_kernel.reduce sum %square : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %squares, @squares : f32
    %blocks = moe_kernel.reduce sum %square : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %blocks, @blocks : !moe_kernel.row<$Gxf32>
    %uneven = moe_kernel.reduce sum %x groups [$GROUPS] : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %uneven, @uneven : !moe_kernel.row<$Gxf32>
  } finish {
    %column = moe_kernel.read @column : !moe_kernel.row<$Exf32>
    %all = moe_kernel.reduce sum %column : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %all, @finished : f32
    %b = moe_kernel.reduce sum %column : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %b, @finished_blocks : !moe_kernel.row<$Gxf32>
    %u = moe_kernel.reduce sum %column groups [$GROUPS] : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %u, @finished_uneven : !moe_kernel.row<$Gxf32>
  }
}
)mlir";

/// Numbers of very different size, so that hardly two orders of addition have the same bits.
static Elements spreadNumbers(size_t count, unsigned seed) {
  Elements numbers = tameNumbers(count, seed);
  for (size_t i = 0; i < count; ++i)
    numbers[i] = static_cast<float>(std::ldexp(numbers[i], static_cast<int>(i * 7 % 11)));
  return numbers;
}

TEST(SumOrder, HasTheBitsOfTheLanguage) {
  const std::pair<int64_t, int64_t> sizes[] = {
      {1, 1},   {2, 1},   {3, 3},   {4, 1},   {5, 1},   {7, 7},   {8, 2},   {9, 3},    {12, 4},   {15, 5},
      {16, 2},  {31, 1},  {36, 3},  {60, 4},  {64, 8},  {65, 5},  {126, 2}, {128, 1},  {129, 3},  {132, 11},
      {160, 8}, {192, 2}, {200, 5}, {256, 4}, {300, 2}, {384, 3}, {516, 1}, {1024, 2}, {1030, 5}, {4096, 4}};
  for (auto [experts, groups] : sizes) {
    SCOPED_TRACE("E = " + std::to_string(experts) + ", G = " + std::to_string(groups));
    std::string map;
    for (int64_t e = 0; e < experts; ++e)
      map += (e ? ", " : "") + std::to_string(e < groups ? groups - 1 - e : e * e % groups);
    std::string text = fill(sums, {{"GROUPS", map}});
    KernelRunner runner(fill(text, experts, 1, groups));
    ASSERT_TRUE(runner.isReady());
    for (int64_t tokens : {int64_t{1}, int64_t{37}})
      runner.expectSame(tokens, {{"x", spreadNumbers(tokens * experts, 3)}}, 0);
  }
}

/// The order in words: the leaves of a row of 140 by hand.
TEST(SumOrder, IsATreeOfLeaves) {
  Elements x = spreadNumbers(140, 5);
  auto add = [](double a, double b) { return static_cast<double>(static_cast<float>(a + b)); };
  Elements leaves;
  for (size_t e = 0; e < 140; e += 4)
    leaves.push_back(add(add(x[e], x[e + 1]), add(x[e + 2], x[e + 3])));
  for (size_t i = 0; i < 3; ++i) // 35 leaves: the last three are added to the first
    leaves[i] = add(leaves[i], leaves[32 + i]);
  for (size_t distance : {16, 8, 4, 2, 1})
    for (size_t i = 0; i < distance; ++i)
      leaves[i] = add(leaves[i], leaves[i + distance]);
  EXPECT_EQ(addInOrder<double>(x, 0.0, add), leaves[0]);
  // Three leaves, the last of one element: the third is added to the first, the second to that.
  Elements nine(x.begin(), x.begin() + 9);
  double first = add(add(x[0], x[1]), add(x[2], x[3])), second = add(add(x[4], x[5]), add(x[6], x[7]));
  EXPECT_EQ(addInOrder<double>(nine, 0.0, add), add(add(first, x[8]), second));
  EXPECT_EQ(addInOrder<double>({}, 7.0, add), 7.0);
}
