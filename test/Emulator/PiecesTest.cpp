// Sequences: programs with accumulators, arrays and queues of pieces, emulated, against the meaning of their moe_kernel
// text. Pieces that blocks cut, empty ones at every place, one long one and many short ones, in grids of one,
// three and 132 blocks, in order and in random orders; offsets that are bad; calls in parts.
#include "test/Emulator/KernelProgram.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <random>

namespace moe::test {
namespace {

const char *const pieces = "Emulator/Inputs/pieces.mlir";
const char *const queues = "Emulator/Inputs/piece_ranks.mlir";

/// How tokens are divided.
enum class Division { One, Empty, Short, Mixed };

std::string nameOf(Division division) {
  const char *const names[] = {"one piece", "empty pieces", "short pieces", "mixed pieces"};
  return names[static_cast<int>(division)];
}

/// Bounds of pieces of `tokens` tokens.
std::vector<int> boundsOf(Division division, int tokens, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> bounds{0};
  auto empty = [&](int count) { bounds.insert(bounds.end(), count, bounds.back()); };
  if (division == Division::Empty)
    empty(3);
  while (bounds.back() < tokens) {
    int left = tokens - bounds.back(), size = left;
    if (division == Division::Short)
      size = static_cast<int>(random() % 3);
    else if (division != Division::One)
      size = static_cast<int>(random() % (random() % 4 ? 40 : 500)) + 1;
    bounds.push_back(bounds.back() + std::min(left, size));
    if (division == Division::Empty && random() % 2)
      empty(static_cast<int>(random() % 3));
  }
  if (division == Division::Empty || bounds.size() == 1)
    empty(2);
  return bounds;
}

class Pieces : public testing::TestWithParam<Shape> {
protected:
  void check(KernelProgram &program, int tokens, const std::vector<int> &bounds, unsigned grid, unsigned seed,
             const std::string &what) {
    int64_t count = bounds.empty() ? 0 : static_cast<int64_t>(bounds.size()) - 1;
    GateCall call(program.emulator(), tokens, count);
    program.emulator().schedule(grid, seed);
    Arrays arrays = program.inputs(tokens, seed % 3 ? Rows::Plain : Rows::Ties, seed + 7, bounds);
    Arrays expected = program.interpret(arrays, tokens);
    std::string where =
        what + ", T=" + std::to_string(tokens) + " grid=" + std::to_string(grid) + " seed=" + std::to_string(seed);
    program.run(call, arrays, tokens, MOE_FORWARD, where);
    ASSERT_FALSE(HasFailure());
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, where));
  }
};

TEST_P(Pieces, AreWhatTheProgramMeans) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  unsigned seed = 0;
  for (int tokens : {0, 1, 5, 97, 1024})
    for (Division division : {Division::One, Division::Empty, Division::Short, Division::Mixed})
      for (unsigned grid : {1u, 3u, 132u}) {
        // One block cuts nothing, and 132 take long: each of them where it shows most.
        if (tokens == 1024 ? grid != 3 && (grid == 1 || division != Division::Short) : grid == 132 && tokens != 97)
          continue;
        if (grid == 132 && tokens == 97 && division != Division::Empty)
          continue;
        std::vector<int> bounds = boundsOf(division, tokens, seed);
        ASSERT_NO_FATAL_FAILURE(check(program, tokens, bounds, grid, seed++, nameOf(division)));
      }
}

INSTANTIATE_TEST_SUITE_P(Accumulated, Pieces,
                         testing::Values(Shape{pieces, 16, 0, 0, 3, 0, "f32", 0},
                                         Shape{pieces, 60, 0, 0, 4, 0, "bf16", 0},
                                         Shape{pieces, 8, 0, 0, 2, 0, "f32", 1},
                                         Shape{pieces, 256, 0, 0, 8, 0, "bf16", 0}));
INSTANTIATE_TEST_SUITE_P(Queued, Pieces,
                         testing::Values(Shape{queues, 16, 0, 0, 3, 0, "f32", 0},
                                         Shape{queues, 8, 0, 0, 2, 0, "f32", 1},
                                         Shape{queues, 60, 0, 0, 4, 0, "bf16", 0},
                                         Shape{queues, 256, 0, 0, 8, 0, "f32", 0}));

/// Pieces of one length.
class EvenPieces : public Pieces {};

TEST_P(EvenPieces, AreWhatTheProgramMeans) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  unsigned seed = 0;
  for (int count : {0, 1, 2, 7, 33})
    for (unsigned grid : {1u, 3u, count == 33 ? 132u : 5u})
      ASSERT_NO_FATAL_FAILURE(check(program, count * GetParam().pieces, {}, grid, seed++, "even pieces"));
}

INSTANTIATE_TEST_SUITE_P(All, EvenPieces,
                         testing::Values(Shape{pieces, 16, 0, 0, 3, 0, "f32", 0, 1},
                                         Shape{pieces, 64, 0, 0, 6, 0, "f32", 0, 37},
                                         Shape{queues, 16, 0, 0, 3, 0, "f32", 0, 64},
                                         Shape{queues, 64, 0, 0, 6, 0, "f32", 0, 5}));

/// Bad offsets touch nothing that is not theirs, and say so; each counts as the nearest that would be in place.
TEST(BadOffsets, AreSaidAndPutInPlace) {
  KernelProgram program({pieces, 16, 0, 0, 3, 0, "f32", 0}), queue({queues, 16, 0, 0, 3, 0, "f32", 0});
  ASSERT_TRUE(program.isReady() && queue.isReady());
  const std::pair<std::vector<int>, std::vector<int>> bad[] = {
      {{0, 36, 90, 64}, {0, 36, 64, 64}},
      {{0, 50, 40, 64}, {0, 50, 50, 64}},
      {{1, 50, 64}, {0, 50, 64}},
      {{0, 50, 63}, {0, 50, 64}},
      {{0, 50, 65}, {0, 50, 64}},
      {{0, -7, 64}, {0, 0, 64}},
      {{-7, 20, 64}, {0, 20, 64}},
      {{60, 20, 64}, {0, 20, 64}},
      {{0, 1 << 30, 64}, {0, 64, 64}},
      {{0, INT32_MIN, INT32_MAX, 5, 64}, {0, 0, 64, 64, 64}},
      {{0, 9, 3, 12, -1, 11, 40, 16, 16, 33, 41, 64}, {0, 9, 9, 12, 12, 12, 40, 40, 40, 40, 41, 64}},
      {{64, 48, 32, 16, 0}, {0, 48, 48, 48, 64}},
      {{-1, -2, -3, -4}, {0, 0, 0, 64}},
      {{99, 98, 97}, {0, 64, 64}},
      {{64, 0}, {0, 64}}};
  for (KernelProgram *each : {&program, &queue})
    for (const auto &[said, meant] : bad)
      for (unsigned grid : {1u, 3u, 8u}) {
        GateCall call(each->emulator(), 64, static_cast<int64_t>(said.size()) - 1);
        each->emulator().schedule(grid, grid);
        Arrays arrays = each->inputs(64, Rows::Plain, 5, said), taken = each->inputs(64, Rows::Plain, 5, meant);
        Arrays expected = each->interpret(taken, 64);
        expected["bad_offsets"] = {1};
        std::string what = "bounds " + testing::PrintToString(said) + " grid " + std::to_string(grid);
        each->run(call, arrays, 64, MOE_FORWARD, what);
        ASSERT_FALSE(testing::Test::HasFailure());
        ASSERT_NO_FATAL_FAILURE(each->expectSame(expected, arrays, what));
        each->run(call, taken, 64, MOE_FORWARD, what); // and to the bit
        ASSERT_FALSE(testing::Test::HasFailure());
        for (const auto &[name, elements] : taken)
          if (name != "cu_seqlens" && name != "bad_offsets")
            ASSERT_EQ(arrays[name], elements) << name << ", " << what;
      }
}

/// Many pieces, more than a block has threads, any of whose offsets may be anywhere.
TEST(BadOffsets, OfManyPieces) {
  KernelProgram program({pieces, 16, 0, 0, 3, 0, "f32", 0});
  ASSERT_TRUE(program.isReady());
  for (unsigned seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    std::vector<int> said = boundsOf(Division::Short, 600, seed), meant;
    for (size_t i = 1; i < said.size(); ++i)
      if (random() % 10 == 0)
        said[i] = static_cast<int>(random() % 900) - 150;
      else if (random() % 3 == 0)
        said[i] += static_cast<int>(random() % 9) - 4;
    for (size_t i = 0; i < said.size(); ++i)
      meant.push_back(i == 0 ? 0 : i + 1 == said.size() ? 600 : std::clamp(said[i], meant.back(), 600));
    program.emulator().schedule(1 + 3 * seed, seed);
    GateCall call(program.emulator(), 600, static_cast<int64_t>(said.size()) - 1);
    Arrays arrays = program.inputs(600, Rows::Plain, 5, said);
    Arrays expected = program.interpret(program.inputs(600, Rows::Plain, 5, meant), 600);
    expected["bad_offsets"] = {1};
    std::string what = "seed " + std::to_string(seed);
    program.run(call, arrays, 600, MOE_FORWARD, what);
    ASSERT_FALSE(testing::Test::HasFailure());
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
  }
}

/// What one call has seen, the finish of another says.
TEST(BadOffsets, AreSaidByALaterFinish) {
  KernelProgram program({pieces, 16, 0, 0, 3, 0, "f32", 0});
  ASSERT_TRUE(program.isReady());
  for (bool wrong : {false, true}) {
    GateCall call(program.emulator(), 9, 2);
    Arrays first = program.inputs(9, Rows::Plain, 1, wrong ? std::vector<int>{0, 5, 4} : std::vector<int>{0, 4, 9});
    Arrays second = program.inputs(9, Rows::Plain, 2, {0, 4, 9});
    program.run(call, first, 9, MOE_ACCUMULATE | MOE_RESET, "first");
    program.run(call, second, 9, MOE_ACCUMULATE | MOE_FINISH, "second");
    EXPECT_EQ(second["bad_offsets"][0], wrong);
    program.run(call, second, 9, MOE_FORWARD, "anew");
    EXPECT_EQ(second["bad_offsets"][0], 0);
  }
}

/// A call in two parts, and one that collects nothing but writes what is each piece's.
TEST(CallsWithPieces, InPartsAddUp) {
  KernelProgram program({pieces, 16, 0, 0, 3, 0, "f32", 0});
  ASSERT_TRUE(program.isReady());
  program.emulator().schedule(3, 5);
  GateCall call(program.emulator(), 97, 4), alone(program.emulator(), 97, 4);
  alone.collects = false;
  Arrays first = program.inputs(97, Rows::Plain, 1, {0, 10, 10, 80, 97}),
         second = program.inputs(30, Rows::Plain, 2, {0, 30});
  Arrays wantFirst = program.interpret(first, 97), wantSecond = program.interpret(second, 30), routed = first;
  program.run(call, first, 97, MOE_ACCUMULATE | MOE_RESET, "first");
  program.run(call, second, 30, MOE_ACCUMULATE | MOE_FINISH, "second");
  EXPECT_EQ(second["load"], wantSecond["load"]);
  for (size_t e = 0; e < 16; ++e) {
    EXPECT_NEAR(second["total"][e], wantFirst["total"][e] + wantSecond["total"][e], 1e-4);
    EXPECT_EQ(second["busiest"][e], std::max(wantFirst["busiest"][e], wantSecond["busiest"][e]));
  }
  program.run(alone, routed, 97, MOE_ACCUMULATE, "collects nothing");
  EXPECT_EQ(routed["load"], wantFirst["load"]);
  EXPECT_EQ(routed["route"], wantFirst["route"]);
}

/// Inputs are read once, in whole sectors, wherever pieces begin; and what belongs to a piece once per block.
TEST(TrafficOfPieces, IsThatOfTheirTokens) {
  KernelProgram program({pieces, 64, 0, 0, 6, 0, "f32", 0});
  ASSERT_TRUE(program.isReady());
  program.emulator().schedule(8, 0);
  std::vector<int> bounds = boundsOf(Division::Mixed, 4096, 3);
  GateCall call(program.emulator(), 4096, static_cast<int64_t>(bounds.size()) - 1);
  Arrays arrays = program.inputs(4096, Rows::Plain, 1, bounds);
  program.run(call, arrays, 4096, MOE_FORWARD, "traffic");
  bool seen = false;
  for (const moe_traffic &row : program.emulator().traffic()) {
    if (row.array == std::string("x")) {
      seen = true;
      EXPECT_EQ(row.load.bytes, 4096u * 64 * 4);
      EXPECT_EQ(row.load.sectors, row.load.ideal_sectors);
    }
    if (row.array == std::string("y")) {
      EXPECT_EQ(row.store.bytes, 4096u * 64 * 4);
    }
    if (row.array == std::string("load")) {
      EXPECT_EQ(row.store.bytes, (bounds.size() - 1) * 64 * 4);
    }
  }
  EXPECT_TRUE(seen);
}

} // namespace
} // namespace moe::test
