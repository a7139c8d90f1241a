// The backward programs that the compiler derives from the examples, after a forward call that writes what they read.
#include "test/Unit/Cpu/KernelRunner.h"

using namespace moe;
using namespace moe::test;

/// Every input of the program: from `known` where it has that name, random numbers otherwise.
static Arrays inputsOf(const moe_gate &gate, const Arrays &known, int64_t tokens) {
  Arrays inputs;
  for (uint32_t a = 0; a < gate.array_count; ++a) {
    const moe_array &array = gate.arrays[a];
    bool isGradient = array.flags & MOE_ARRAY_ADDS;
    if (array.role != MOE_INPUT && array.role != MOE_PARAM && array.role != MOE_SAVED && !isGradient)
      continue;
    size_t count = 1;
    for (uint32_t i = 0; i < array.rank; ++i)
      count *= array.sizes[i] < 0 ? tokens : array.sizes[i];
    if (auto found = known.find(array.name); found != known.end())
      inputs[array.name] = found->second;
    else if (array.role == MOE_PARAM)
      inputs[array.name] = {array.init * 1.5};
    else if (array.role != MOE_SAVED)
      inputs[array.name] = tameNumbers(count, 1 + a);
  }
  return inputs;
}

static void checkBackward(const std::string &example, const std::string &dtype) {
  SCOPED_TRACE(example + ", " + dtype);
  KernelRunner runner(kernelText(MOE_SOURCE_DIR "/examples/" + example + ".moe", dtype));
  ASSERT_TRUE(runner.isReady());
  std::map<int64_t, Arrays> arrays;
  for (int64_t tokens : tokenCounts) {
    arrays[tokens] = inputsOf(runner.descriptor(), {}, tokens);
    runner.run(0, tokens, arrays[tokens]);
  }
  runner.useBackward();
  double tolerance = dtype == "f32" ? 1e-5 : dtype == "f16" ? 1e-3 : 8e-3;
  for (int64_t tokens : tokenCounts) {
    Arrays inputs = inputsOf(runner.descriptor(), arrays[tokens], tokens);
    runner.expectSame(tokens, inputs, tolerance);
    runner.expectSame(tokens, inputs, tolerance, {MOE_FORWARD | MOE_ADD, {}});
  }
}

TEST(Derived, Switch) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    checkBackward("switch", dtype);
}

TEST(Derived, DeepSeekMoe) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    checkBackward("deepseek_moe", dtype);
}

TEST(Derived, DeepSeekV2) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    checkBackward("deepseek_v2", dtype);
}

TEST(Derived, DeepSeekV3) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    checkBackward("deepseek_v3", dtype);
}
