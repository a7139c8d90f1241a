// States and steps, random words, rows one behind another, positions beyond a row, rows of other tokens: programs of
// them, emulated, against the meaning of their moe_kernel text.
#include "test/Emulator/KernelProgram.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

class States : public testing::TestWithParam<Shape> {};

/// Two calls, a step, a call with the new states.
TEST_P(States, ChangeInStepsOnly) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  ASSERT_NE(program.gate().step, nullptr);
  for (unsigned seed : {0u, 3u, 4u}) {
    program.emulator().schedule(3, seed);
    GateCall call(program.emulator(), 97);
    Arrays arrays = program.inputs(97, Rows::Plain, seed + 1), states = arrays;
    states["rate"] = {0.5};
    CallContext context;
    Arrays expected = program.interpret(arrays, 97, &context);
    program.run(call, arrays, 97, MOE_FORWARD, "before");
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, "before"));
    Arrays changed = program.interpretStep(states, 97, context);
    program.runStep(call, states, "step");
    ASSERT_FALSE(HasFailure());
    ASSERT_NE(states["bias"], arrays["bias"]);
    for (const char *name : {"bias", "scale"})
      for (size_t e = 0; e < states[name].size(); ++e)
        ASSERT_NEAR(states[name][e], changed[name][e], 1e-5 * (1 + std::abs(changed[name][e]))) << name << " " << e;
    arrays["bias"] = states["bias"], arrays["scale"] = states["scale"];
    expected = program.interpret(arrays, 97);
    program.run(call, arrays, 97, MOE_FORWARD, "after");
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, "after"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, States,
                         testing::Values(Shape{"Emulator/Inputs/states.mlir", 16, 0, 0, 3, 0, "f32", 0},
                                         Shape{"Emulator/Inputs/states.mlir", 61, 0, 0, 4, 0, "f32", 0},
                                         Shape{"Emulator/Inputs/states.mlir", 256, 0, 0, 8, 0, "f32", 0}));

class Words : public testing::TestWithParam<Shape> {};

TEST_P(Words, AreWhatTheProgramMeans) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  unsigned seed = 0;
  for (int tokens : {0, 1, 5, 97})
    for (unsigned grid : {1u, 3u, tokens == 97 ? 132u : 2u}) {
      program.emulator().schedule(grid, seed);
      GateCall call(program.emulator(), tokens);
      CallContext context;
      call.seed = context.seed = 0x9e3779b97f4a7c15u * (seed + 1);
      call.offset = context.offset = 77 * seed;
      call.firstToken = context.firstToken = (1ll << 32) - 50;
      Arrays arrays = program.inputs(tokens, Rows::Plain, seed++);
      for (size_t n = 0; n < arrays["far"].size(); ++n) // inside, beyond and before the row
        arrays["far"][n] = n % 5 == 0 ? -3 : n % 7 == 0 ? 1 << 30 : static_cast<int>(n * 5 % (2 * GetParam().experts));
      Arrays expected = program.interpret(arrays, tokens, &context);
      std::string what = "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid);
      program.run(call, arrays, tokens, MOE_FORWARD, what);
      ASSERT_FALSE(HasFailure());
      ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
    }
}

INSTANTIATE_TEST_SUITE_P(All, Words,
                         testing::Values(Shape{"Emulator/Inputs/random.mlir", 16, 0, 0, 3, 0, "f32", 0},
                                         Shape{"Emulator/Inputs/random.mlir", 8, 0, 0, 2, 0, "bf16", 1},
                                         Shape{"Emulator/Inputs/random.mlir", 61, 0, 0, 5, 0, "f16", 0},
                                         Shape{"Emulator/Inputs/random.mlir", 12, 0, 0, 4, 0, "f32", 32},
                                         Shape{"Emulator/Inputs/random.mlir", 256, 0, 0, 8, 0, "f32", 0}));

} // namespace
} // namespace moe::test
