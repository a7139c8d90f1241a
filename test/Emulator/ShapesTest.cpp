// Programs of many shapes and layouts, emulated, against the meaning of their moe_kernel text: grouped, uneven and
// plain rows, one element to thousands, in every number of lanes, in one and two passes.
#include "test/Emulator/KernelProgram.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

const char *const sample = "Conversion/samples/deepseek_moe.kernel.mlir";
const char *const grouped = "Emulator/Inputs/grouped.mlir";
const char *const uneven = "Emulator/Inputs/uneven.mlir";
const char *const passes = "Emulator/Inputs/passes.mlir";

class Shapes : public testing::TestWithParam<Shape> {};

TEST_P(Shapes, AreWhatTheProgramMeans) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  GateCall call(program.emulator(), 97);
  unsigned seed = 1;
  for (int64_t tokens : {0, 1, 7, 97})
    for (unsigned grid : {0u, 1u, 3u})
      for (Rows rows : {Rows::Plain, Rows::Ties, Rows::Special}) {
        // In order once, then in other orders.
        program.emulator().schedule(grid, rows == Rows::Plain ? 0 : seed);
        Arrays arrays = program.inputs(tokens, rows, seed++), expected = program.interpret(arrays, tokens);
        std::string what = "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid) +
                           " rows=" + std::to_string(static_cast<int>(rows));
        program.run(call, arrays, tokens, MOE_FORWARD, what);
        ASSERT_FALSE(HasFailure());
        ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
      }
}

INSTANTIATE_TEST_SUITE_P(Sample, Shapes,
                         testing::Values(Shape{sample, 64, 8, 0, 6, 0, "f32", 0},
                                         Shape{sample, 64, 8, 0, 6, 0, "f32", 1},
                                         Shape{sample, 64, 8, 0, 6, 0, "f32", 4},
                                         Shape{sample, 64, 8, 0, 6, 0, "f32", 32}));

INSTANTIATE_TEST_SUITE_P(
    Grouped, Shapes,
    testing::Values(Shape{grouped, 8, 2, 1, 2, 2, "f32", 0}, Shape{grouped, 64, 8, 3, 6, 1, "bf16", 0},
                    Shape{grouped, 160, 8, 3, 6, 1, "f32", 0}, Shape{grouped, 256, 8, 4, 8, 2, "bf16", 0},
                    Shape{grouped, 256, 64, 20, 40, 3, "f16", 0}, Shape{grouped, 96, 48, 40, 17, 2, "f32", 8},
                    Shape{grouped, 60, 4, 2, 4, 3, "f32", 0}, Shape{grouped, 63, 7, 3, 5, 2, "f16", 0},
                    Shape{grouped, 12, 3, 2, 4, 2, "bf16", 1}, Shape{grouped, 64, 16, 5, 12, 2, "f32", 32},
                    Shape{grouped, 1, 1, 1, 1, 1, "f32", 0}, Shape{grouped, 5, 1, 1, 5, 1, "f32", 0},
                    Shape{grouped, 896, 8, 4, 16, 2, "f32", 0}));

INSTANTIATE_TEST_SUITE_P(Uneven, Shapes,
                         testing::Values(Shape{uneven, 64, 5, 0, 6, 1, "f32", 0},
                                         Shape{uneven, 10, 3, 0, 4, 1, "bf16", 1},
                                         Shape{uneven, 10, 3, 0, 4, 1, "f16", 2},
                                         Shape{uneven, 61, 40, 0, 9, 1, "f32", 8},
                                         Shape{uneven, 256, 33, 0, 8, 1, "bf16", 0}));

INSTANTIATE_TEST_SUITE_P(Passes, Shapes,
                         testing::Values(Shape{passes, 16, 4, 2, 3, 2, "f64", 0},
                                         Shape{passes, 24, 3, 9, 10, 3, "f64", 8},
                                         Shape{passes, 6, 2, 1, 2, 1, "f64", 1},
                                         Shape{passes, 128, 32, 2, 3, 2, "f64", 0}));

INSTANTIATE_TEST_SUITE_P(Sizes, Shapes,
                         testing::Values(Shape{"examples/deepseek_moe.moe", 8, 2, 0, 2, 0, "bf16", 0},
                                         Shape{"examples/deepseek_moe.moe", 60, 4, 0, 4, 0, "f16", 0},
                                         Shape{"examples/deepseek_moe.moe", 896, 8, 0, 16, 0, "f32", 0}));

/// Rows that registers cannot hold; with 8192 elements the results of a block do not fit shared memory either.
TEST(LoopedRows, AreWhatTheProgramMeans) {
  for (int experts : {2048, 8192}) {
    KernelProgram program({grouped, experts, 8, 4, 8, 2, "f32", 0});
    ASSERT_TRUE(program.isReady());
    GateCall call(program.emulator(), 5);
    Arrays arrays = program.inputs(5, Rows::Ties, 12), expected = program.interpret(arrays, 5);
    std::string what = "E=" + std::to_string(experts);
    program.run(call, arrays, 5, MOE_FORWARD, what);
    program.expectSame(expected, arrays, what);
  }
}

} // namespace
} // namespace moe::test
