// Every example, on every instruction set, thread count and dtype, on ordinary and on nasty logits: routes and counts
// equal the interpreter's exactly, weights, losses and metrics within the tolerance of docs/numerics.md.
#include "test/Support/Gate.h"
#include "gtest/gtest.h"

namespace moe::test {
namespace {

struct Case {
  const char *spec;
  const char *dtype;
};

class Examples : public testing::TestWithParam<Case> {};

TEST_P(Examples, AgreeWithTheInterpreterOnEveryVariant) {
  auto [spec, dtype] = GetParam();
  FrontendOptions options;
  options.dtypes["logits"] = dtype;
  std::unique_ptr<Gate> gate = Gate::load(std::string(MOE_SOURCE_DIR "/examples/") + spec + ".moe", options);
  ASSERT_TRUE(gate);
  uint32_t seed = 1;
  for (Data data : allData)
    for (int64_t tokens : {0, 1, 7, 37, 4096})
      checkOnAllVariants(*gate, data, tokens, {1, 2, 7}, seed += 10);
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
