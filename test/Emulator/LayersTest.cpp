// Layers: what a kernel finds through a pointer for each layer, emulated, against the meaning of the moe_kernel text;
// with the layers of an array in one piece of memory, and each somewhere else.
#include "test/Emulator/KernelProgram.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

const char *const layered = "Emulator/Inputs/layers.mlir";

class Layers : public testing::TestWithParam<Shape> {};

TEST_P(Layers, AreWhatTheProgramMeans) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  unsigned seed = 0;
  for (int tokens : {0, 1, 5, 97})
    for (unsigned grid : {1u, 3u, tokens == 97 ? 132u : 7u})
      for (bool apart : {false, true}) {
        program.emulator().schedule(grid, seed);
        GateCall call(program.emulator(), tokens);
        call.layersApart = apart;
        call.keeps = true;
        Arrays arrays = program.inputs(tokens, Rows::Plain, seed++), expected = program.interpret(arrays, tokens);
        std::string what =
            "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid) + (apart ? " apart" : " in one");
        program.run(call, arrays, tokens, MOE_FORWARD, what);
        ASSERT_FALSE(HasFailure());
        ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
      }
}

INSTANTIATE_TEST_SUITE_P(All, Layers,
                         testing::Values(Shape{layered, 16, 0, 0, 3, 0, "f32", 0, 0, "", 3},
                                         Shape{layered, 8, 0, 0, 2, 0, "bf16", 1, 0, "", 4},
                                         Shape{layered, 61, 0, 0, 4, 0, "f16", 0, 0, "", 2},
                                         Shape{layered, 256, 0, 0, 8, 0, "f32", 0, 0, "", 5},
                                         Shape{layered, 12, 0, 0, 3, 0, "f32", 32, 0, "", 1}));

/// Two micro-batches: what layers collect is each call's, what all tokens collect is both's.
TEST(CallsWithLayers, InPartsAddUp) {
  KernelProgram program({layered, 16, 0, 0, 3, 0, "f32", 0, 0, "", 3});
  ASSERT_TRUE(program.isReady());
  program.emulator().schedule(3, 5);
  GateCall call(program.emulator(), 40);
  call.layersApart = true;
  Arrays first = program.inputs(40, Rows::Plain, 1), second = program.inputs(7, Rows::Plain, 2);
  Arrays wantFirst = program.interpret(first, 40), wantSecond = program.interpret(second, 7);
  program.run(call, first, 40, MOE_ACCUMULATE | MOE_RESET, "first");
  program.run(call, second, 7, MOE_ACCUMULATE | MOE_FINISH, "second");
  EXPECT_EQ(first["load"], wantFirst["load"]);
  EXPECT_EQ(second["load"], wantSecond["load"]);
  EXPECT_EQ(second["rows"][0], 3 * 47);
  for (size_t e = 0; e < 16; ++e)
    EXPECT_EQ(second["total"][e], wantFirst["total"][e] + wantSecond["total"][e]);
}

/// Each array is one row of the table, and every byte of it moves once; what all layers share is read by each.
TEST(TrafficOfLayers, IsThatOfTheirArrays) {
  KernelProgram program({layered, 64, 0, 0, 6, 0, "f32", 0, 0, "", 3});
  ASSERT_TRUE(program.isReady());
  program.emulator().schedule(8, 0);
  GateCall call(program.emulator(), 256);
  call.layersApart = true;
  Arrays arrays = program.inputs(256, Rows::Plain, 1);
  program.run(call, arrays, 256, MOE_FORWARD, "traffic");
  int seen = 0;
  for (const moe_traffic &row : program.emulator().traffic()) {
    std::string array = row.array;
    seen += array == "y" || array == "shared";
    if (array == "y") {
      EXPECT_EQ(row.store.bytes, 3u * 256 * 64 * 4);
      EXPECT_EQ(row.store.sectors, row.store.ideal_sectors);
    }
    if (array == "shared") {
      EXPECT_EQ(row.load.bytes, 3u * 256 * 64 * 4);
      EXPECT_EQ(row.load.distinct_bytes, 256u * 64 * 4);
    }
  }
  EXPECT_EQ(seen, 2);
}

} // namespace
} // namespace moe::test
