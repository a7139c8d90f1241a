// The contract of a call that goes beyond one forward: phases over several micro-batches, calls without accumulators,
// calls that follow one another on one workspace, and the calls of two layers in turn.
#include "test/Emulator/KernelProgram.h"
#include "gtest/gtest.h"
#include <set>

namespace moe::test {
namespace {

class Calls : public testing::Test {
protected:
  Calls() : program({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0}) {}
  void SetUp() override { ASSERT_TRUE(program.isReady()); }

  /// The arrays of `tokens` tokens that begin at `first` in `all`.
  static Arrays slice(const Arrays &all, int64_t first, int64_t tokens) {
    Arrays arrays = all;
    const Elements &logits = all.at("logits");
    arrays["logits"].assign(logits.begin() + first * 64, logits.begin() + (first + tokens) * 64);
    return arrays;
  }

  KernelProgram program;
};

/// Several rounds of the row loop in each block, all blocks of the grid.
TEST_F(Calls, OfManyTokens) {
  GateCall call(program.emulator(), 4096);
  Arrays inputs = program.inputs(4096, Rows::Plain, 11), expected = program.interpret(inputs, 4096);
  for (unsigned grid : {0u, 3u}) {
    program.emulator().schedule(grid, 0);
    Arrays arrays = inputs;
    std::string what = "grid=" + std::to_string(grid);
    program.run(call, arrays, 4096, MOE_FORWARD, what);
    program.expectSame(expected, arrays, what);
  }
}

TEST_F(Calls, SecondOnOneWorkspaceHasTheSameBits) {
  GateCall call(program.emulator(), 97);
  for (uint64_t seed : {0, 3}) {
    program.emulator().schedule(0, seed);
    Arrays once = program.inputs(97, Rows::Plain, 5), twice = once;
    program.run(call, once, 97, MOE_FORWARD, "first");
    program.run(call, twice, 97, MOE_FORWARD, "second");
    EXPECT_EQ(once, twice);
  }
}

/// Orders of threads change nothing; not even the last bit of a sum.
TEST_F(Calls, HaveTheSameBitsInEveryOrder) {
  GateCall call(program.emulator(), 97);
  Arrays inputs = program.inputs(97, Rows::Plain, 9), first;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    program.emulator().schedule(3, seed);
    Arrays arrays = inputs;
    program.run(call, arrays, 97, MOE_FORWARD, "seed " + std::to_string(seed));
    if (seed == 0)
      first = arrays;
    EXPECT_EQ(first, arrays) << "seed " << seed;
  }
}

TEST_F(Calls, AccumulateTwiceThenFinishIsOneCallOverAllTokens) {
  GateCall call(program.emulator(), 97);
  Arrays all = program.inputs(104, Rows::Plain, 6), expected = program.interpret(all, 104);
  Arrays first = slice(all, 0, 97), second = slice(all, 97, 7), last = slice(all, 0, 0);
  program.run(call, first, 97, MOE_RESET | MOE_ACCUMULATE, "first");
  program.run(call, second, 7, MOE_ACCUMULATE, "second");
  program.run(call, last, 0, MOE_FINISH, "finish");
  for (const char *name : {"expert_balance", "device_balance", "max_violation"})
    EXPECT_NEAR(last[name][0], expected[name][0], 1e-5) << name;
}

TEST_F(Calls, ResetAloneForgets) {
  GateCall call(program.emulator(), 7);
  Arrays arrays = program.inputs(7, Rows::Plain, 7), none = slice(arrays, 0, 0), after = none;
  program.run(call, arrays, 7, MOE_FORWARD, "forward");
  program.run(call, none, 0, MOE_RESET | MOE_ACCUMULATE, "reset");
  program.run(call, after, 0, MOE_FINISH, "finish");
  EXPECT_EQ(after["empty"][0], 1);
}

TEST_F(Calls, WithoutAccumulatorsWriteOutputsOnly) {
  GateCall call(program.emulator(), 97);
  call.collects = false;
  Arrays arrays = program.inputs(97, Rows::Plain, 8), expected = program.interpret(arrays, 97);
  program.run(call, arrays, 97, MOE_ACCUMULATE, "route");
  EXPECT_EQ(arrays["route"], expected["route"]);
  EXPECT_NE(arrays["expert_balance"], expected["expert_balance"]);
}

/// Two layers with their own workspaces and accumulators, micro-batch by micro-batch in turn; then both finish.
TEST_F(Calls, OfTwoLayersInTurnDoNotMeet) {
  KernelProgram other({"Emulator/Inputs/grouped.mlir", 64, 8, 3, 6, 1, "bf16", 0});
  ASSERT_TRUE(other.isReady());
  GateCall first(program.emulator(), 97), second(program.emulator(), 97), third(other.emulator(), 97);
  Arrays x = program.inputs(194, Rows::Plain, 21), y = program.inputs(194, Rows::Plain, 22);
  Arrays wantX = program.interpret(x, 194), wantY = program.interpret(y, 194);
  Arrays z = other.inputs(97, Rows::Plain, 23), wantZ = other.interpret(z, 97);
  for (int half : {0, 1}) {
    uint32_t phase = half ? MOE_ACCUMULATE : MOE_ACCUMULATE | MOE_RESET;
    Arrays partX = slice(x, half * 97, 97), partY = slice(y, half * 97, 97), whole = z;
    program.run(first, partX, 97, phase, "first layer");
    program.run(second, partY, 97, phase, "second layer");
    other.run(third, whole, 97, MOE_FORWARD, "another gate");
    other.expectSame(wantZ, whole, "another gate");
  }
  Arrays lastX = slice(x, 0, 0), lastY = slice(y, 0, 0);
  program.run(second, lastY, 0, MOE_FINISH, "second layer");
  program.run(first, lastX, 0, MOE_FINISH, "first layer");
  for (const char *name : {"expert_balance", "device_balance", "max_violation"}) {
    EXPECT_NEAR(lastX[name][0], wantX[name][0], 1e-5) << name;
    EXPECT_NEAR(lastY[name][0], wantY[name][0], 1e-5) << name;
    EXPECT_NE(lastX[name][0], lastY[name][0]) << name;
  }
}

/// Queues of each sequence over three passes.
class CallsOfSeveralPasses : public testing::Test {
protected:
  CallsOfSeveralPasses() : program({"Emulator/Inputs/piece_ranks.mlir", 16, 0, 0, 3, 0, "f32", 0, 8}) {}
  void SetUp() override { ASSERT_TRUE(program.isReady()); }
  static Arrays slice(const Arrays &all, int64_t first, int64_t tokens) {
    const Elements &x = all.at("x");
    return {{"x", Elements(x.begin() + first * 16, x.begin() + (first + tokens) * 16)}};
  }
  /// The names of the kernels that the last call ran.
  std::set<std::string> kernels() {
    std::set<std::string> names;
    for (const moe_traffic &row : program.emulator().traffic())
      names.insert(row.kernel);
    return names;
  }
  KernelProgram program;
};

/// What has room in its sequence's queue does not depend on the other micro-batch; the totals are those of both.
TEST_F(CallsOfSeveralPasses, AccumulateTwiceThenFinishIsOneCallOverAllTokens) {
  Arrays all = program.inputs(104, Rows::Plain, 6), expected = program.interpret(all, 104);
  for (unsigned seed : {0u, 3u}) {
    program.emulator().schedule(seed ? 3 : 0, seed);
    GateCall call(program.emulator(), 80);
    Arrays first = slice(all, 0, 80), second = slice(all, 80, 24), last = slice(all, 0, 0);
    program.run(call, first, 80, MOE_RESET | MOE_ACCUMULATE, "first");
    EXPECT_EQ(kernels().size(), 3u);
    program.run(call, second, 24, MOE_ACCUMULATE, "second");
    program.run(call, last, 0, MOE_FINISH, "finish");
    EXPECT_EQ(kernels(), std::set<std::string>{"queues_forward_pass3"});
    for (const char *name : {"turn", "kept", "best"}) {
      Elements both = first[name];
      both.insert(both.end(), second[name].begin(), second[name].end());
      EXPECT_EQ(both, expected[name]) << name;
    }
    EXPECT_EQ(last["load"], expected["load"]);
    EXPECT_EQ(last["kept_load"], expected["kept_load"]);
    // Places in queues of all tokens are those of the call.
    EXPECT_EQ(first["place"], program.interpret(slice(all, 0, 80), 80)["place"]);
    EXPECT_EQ(second["place"], program.interpret(slice(all, 80, 24), 24)["place"]);
  }
}

TEST_F(CallsOfSeveralPasses, AnEmptyMicroBatchChangesNothing) {
  Arrays arrays = program.inputs(40, Rows::Plain, 6), expected = program.interpret(arrays, 40);
  Arrays none = slice(arrays, 0, 0), after = none;
  GateCall call(program.emulator(), 40);
  program.run(call, none, 0, MOE_RESET | MOE_ACCUMULATE, "reset");
  program.run(call, arrays, 40, MOE_ACCUMULATE, "tokens");
  program.run(call, after, 0, MOE_ACCUMULATE | MOE_FINISH, "no tokens");
  EXPECT_EQ(after["kept_load"], expected["kept_load"]);
}

TEST_F(CallsOfSeveralPasses, WithoutAccumulatorsWriteOutputsOnly) {
  Arrays arrays = program.inputs(40, Rows::Plain, 8), expected = program.interpret(arrays, 40);
  GateCall call(program.emulator(), 40);
  call.collects = false;
  program.run(call, arrays, 40, MOE_ACCUMULATE, "recomputation");
  for (const char *name : {"place", "turn", "kept", "again", "best"})
    EXPECT_EQ(arrays[name], expected[name]) << name;
}

/// The first pass has its mean of each call; the squares around it are those of all calls.
TEST(CallsOfTwoPasses, FinishTheirCoefficientsEach) {
  KernelProgram program({"Emulator/Inputs/passes.mlir", 16, 4, 2, 3, 2, "f64", 0});
  ASSERT_TRUE(program.isReady());
  GateCall call(program.emulator(), 97);
  Arrays first = program.inputs(97, Rows::Plain, 1), second = program.inputs(30, Rows::Plain, 2);
  Arrays wantFirst = program.interpret(first, 97), wantSecond = program.interpret(second, 30);
  program.run(call, first, 97, MOE_RESET | MOE_ACCUMULATE, "first");
  program.run(call, second, 30, MOE_ACCUMULATE | MOE_FINISH, "second");
  for (size_t e = 0; e < 16; ++e) {
    EXPECT_NEAR(second["variance"][e], (97 * wantFirst["variance"][e] + 30 * wantSecond["variance"][e]) / 127, 1e-5);
    EXPECT_EQ(second["counts"][e], wantFirst["counts"][e] + wantSecond["counts"][e]);
  }
}

} // namespace
} // namespace moe::test
