// Sums along a row have the bits of docs/numerics.md, "One order of addition", in every number of lanes, every vector
// width, looped or not, in equal blocks and uneven groups, and in finish regions.
#include "dialects/Moe/IR/SumOrder.h"
#include "test/Emulator/KernelProgram.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

/// The sum of numbers that are f32 or f64.
double sumInOrder(const std::vector<double> &numbers, bool wide) {
  return addInOrder<double>(numbers, 0.0, [&](double a, double b) { return wide ? a + b : static_cast<float>(a + b); });
}

class SumOrder : public testing::TestWithParam<Shape> {};

TEST_P(SumOrder, HasTheBitsOfTheLanguage) {
  const Shape &shape = GetParam();
  KernelProgram program(shape);
  ASSERT_TRUE(program.isReady());
  constexpr int64_t tokens = 5;
  GateCall call(program.emulator(), tokens);
  bool wide = shape.type == std::string("f64");
  int experts = shape.experts, groups = shape.groups;
  for (int64_t count : {int64_t{1}, tokens}) {
    Arrays arrays = program.inputs(count, Rows::Plain, static_cast<unsigned>(experts));
    const Elements x = arrays["x"];
    program.run(call, arrays, count, MOE_FORWARD, "a call");
    ASSERT_FALSE(HasFailure());
    for (int64_t t = 0; t < count; ++t) {
      std::vector<double> row(x.begin() + t * experts, x.begin() + (t + 1) * experts);
      EXPECT_EQ(arrays["total"][t], sumInOrder(row, wide)) << "token " << t;
      if (count == 1)
        EXPECT_EQ(arrays["finished"][0], sumInOrder(row, wide));
      std::vector<std::vector<double>> blocks(groups), uneven(groups);
      for (int e = 0; e < experts; ++e) {
        blocks[e / (experts / groups)].push_back(row[e]);
        uneven[e < groups ? groups - 1 - e : e * e % groups].push_back(row[e]);
      }
      for (int g = 0; g < groups; ++g) {
        EXPECT_EQ(arrays["blocks"][t * groups + g], sumInOrder(blocks[g], wide)) << "token " << t << ", block " << g;
        EXPECT_EQ(arrays["uneven"][t * groups + g], sumInOrder(uneven[g], wide)) << "token " << t << ", group " << g;
      }
    }
  }
}

/// Lanes of every number for rows of 64 and 129 elements; else those that the cost model may choose.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  auto add = [&](int experts, int groups, const char *type, std::initializer_list<int> lanes) {
    for (int number : lanes)
      all.push_back(Shape{"Emulator/Inputs/sums.mlir", experts, groups, 0, 1, 0, type, number});
  };
  for (const char *type : {"f32", "bf16", "f64"})
    for (auto [experts, groups] : {std::pair{64, 8}, {129, 3}})
      add(experts, groups, type, {1, 2, 4, 8, 16, 32});
  for (auto [experts, groups] : {std::pair{1, 1}, {2, 1}, {3, 1}, {4, 2}, {6, 3}, {8, 8}, {12, 3}, {20, 4}})
    add(experts, groups, "f32", {1, 2, 4, 8});
  for (auto [experts, groups] : {std::pair{36, 2}, {63, 7}, {66, 2}, {100, 5}, {160, 8}, {256, 2}, {260, 1}})
    add(experts, groups, "f32", {4, 16, 32});
  for (auto [experts, groups] : {std::pair{48, 2}, {128, 8}, {256, 8}, {384, 16}, {512, 4}}) // vectors of eight
    add(experts, groups, "bf16", {2, 8, 16, 32});
  for (auto [experts, groups] : {std::pair{513, 3}, {1028, 2}, {2048, 8}, {4098, 2}}) // loops that stay loops
    add(experts, groups, "f32", {32});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Rows, SumOrder, testing::ValuesIn(shapes()), [](const auto &info) {
  return "E" + std::to_string(info.param.experts) + "_" + info.param.type + "_" + std::to_string(info.param.lanes);
});

} // namespace
} // namespace moe::test
