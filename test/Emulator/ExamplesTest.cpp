// Every example in every element type, emulated: values against the f64 interpreter of its spec, no findings; at
// several token counts and grids, on ordinary and on nasty logits, in order and in random orders; two calls on one
// workspace.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <map>
#include <optional>

namespace moe::test {
namespace {

struct Case {
  const char *spec;
  const char *dtype;
};

/// An example, compiled once for all tests of this file.
struct Compiled {
  std::unique_ptr<Gate> gate;
  std::optional<rt::Executable> executable;
};

Compiled compile(const Case &example) {
  FrontendOptions options;
  options.dtypes["logits"] = example.dtype;
  Compiled made{Gate::load(std::string(MOE_SOURCE_DIR "/examples/") + example.spec + ".moe", options), std::nullopt};
  try {
    if (made.gate)
      made.executable = rt::Executable::emulator(made.gate->descriptor());
  } catch (const rt::Error &error) {
    ADD_FAILURE() << error.what();
  }
  return made;
}

class Examples : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    static std::map<std::string, Compiled> all;
    std::string name = std::string(GetParam().spec) + " " + GetParam().dtype;
    auto found = all.find(name);
    if (found == all.end())
      found = all.emplace(name, compile(GetParam())).first;
    ASSERT_TRUE(found->second.executable);
    gate = found->second.gate.get();
    executable = &*found->second.executable;
  }

  std::vector<Buffer> inputs(Data data, int64_t tokens, uint32_t seed) const {
    std::vector<Buffer> arrays = makeBuffers(gate->descriptor(), tokens);
    for (uint32_t i = 0; i < gate->descriptor().array_count; ++i)
      if (gate->descriptor().arrays[i].role == MOE_INPUT)
        fill(arrays[i], data, seed + i);
    return arrays;
  }

  /// One call; findings or values that differ are test failures that name `what`.
  void check(GateCall &call, std::vector<Buffer> arrays, int64_t tokens, const reference::Arrays &expected,
             const std::string &what) {
    ASSERT_EQ(findingsOf(call, arrays, tokens), "") << what;
    expectAgreement(*gate, arrays, expected, 1e-5, what); // docs/numerics.md
  }

  const Gate *gate = nullptr;
  rt::Executable *executable = nullptr;
};

TEST_P(Examples, AgreeWithTheInterpreterInEveryGrid) {
  uint32_t seed = 1;
  for (int64_t tokens : {0, 1, 5, 97, 4096}) {
    std::vector<Buffer> arrays = inputs(Data::Ordinary, tokens, seed += 10);
    reference::Arrays expected = gate->interpret(arrays, tokens);
    GateCall call(*executable, tokens);
    for (uint32_t blocks : {1, 3, 132}) {
      executable->schedule(blocks, 0);
      std::string what = "T = " + std::to_string(tokens) + ", " + std::to_string(blocks) + " blocks";
      ASSERT_NO_FATAL_FAILURE(check(call, arrays, tokens, expected, what));
    }
  }
}

TEST_P(Examples, AgreeWithTheInterpreterOnNastyLogits) {
  uint32_t seed = 100;
  executable->schedule(3, 0);
  GateCall call(*executable, 97);
  for (Data data : allData)
    for (int64_t tokens : {5, 97}) {
      std::vector<Buffer> arrays = inputs(data, tokens, seed += 10);
      std::string what = "data " + std::to_string(static_cast<int>(data)) + ", T = " + std::to_string(tokens);
      ASSERT_NO_FATAL_FAILURE(check(call, arrays, tokens, gate->interpret(arrays, tokens), what));
    }
}

TEST_P(Examples, AgreeWithTheInterpreterInEveryOrder) {
  for (int64_t tokens : {0, 1, 5, 97}) {
    std::vector<Buffer> arrays = inputs(Data::Ordinary, tokens, 7);
    reference::Arrays expected = gate->interpret(arrays, tokens);
    GateCall call(*executable, tokens);
    for (uint64_t seed = 1; seed <= 20; ++seed)
      for (uint32_t blocks : {1, 3, 132}) {
        if (blocks == 132 && tokens < 97 && seed > 4) // nearly all of its blocks have no row
          continue;
        executable->schedule(blocks, seed);
        std::string what =
            "T = " + std::to_string(tokens) + ", " + std::to_string(blocks) + " blocks, seed " + std::to_string(seed);
        ASSERT_NO_FATAL_FAILURE(check(call, arrays, tokens, expected, what));
      }
  }
}

TEST_P(Examples, SecondCallOnOneWorkspaceHasTheSameBits) {
  for (uint64_t seed : {0, 1, 2}) {
    executable->schedule(3, seed);
    GateCall call(*executable, 97);
    std::vector<Buffer> first = inputs(Data::Ordinary, 97, 3), second = first;
    EXPECT_EQ(findingsOf(call, first, 97), "");
    EXPECT_EQ(findingsOf(call, second, 97), "");
    for (size_t i = 0; i < first.size(); ++i)
      EXPECT_EQ(first[i].bytes, second[i].bytes) << gate->descriptor().arrays[i].name;
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char *spec : {"switch", "deepseek_moe", "deepseek_v2", "deepseek_v3"})
    for (const char *dtype : {"f32", "bf16", "f16"})
      all.push_back({spec, dtype});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.spec) + "_" + info.param.dtype; });

} // namespace
} // namespace moe::test
