// Every example, on every instruction set, thread count and dtype, on ordinary and on nasty logits: routes and counts equal the
// interpreter's exactly, weights, losses and metrics within the tolerance of docs/numerics.md.
#include "test/Unit/Differential/Gate.h"
#include "gtest/gtest.h"
#include <random>

namespace moe::test {
namespace {

constexpr double tolerance = 1e-5; // docs/numerics.md

enum class Data { Ordinary, Ties, AllEqual, Infinities, NaNs, Saturated };
const char *const dataNames[] = {"ordinary", "ties", "all equal", "infinities", "NaNs", "saturated"};

/// Logits of one kind. Every kind keeps some ordinary rows.
void fill(Buffer &buffer, Data data, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> pick(0, 9);
  int64_t row = buffer.sizes.empty() ? 1 : buffer.sizes.back();
  for (int64_t e = 0; e < buffer.count(); ++e) {
    double value = normal(engine);
    bool special = pick(engine) == 0;
    switch (data) {
    case Data::Ordinary: break;
    case Data::Ties: value = std::floor(value * 2) / 2 * (special ? -0.0 : 1.0); break;
    case Data::AllEqual: value = (e / row) % 2 ? 0.25 : value; break;
    case Data::Infinities: value = special ? (pick(engine) < 8 ? -INFINITY : INFINITY) : value; break;
    case Data::NaNs: value = special ? NAN : value; break;
    case Data::Saturated: value *= 60; break;
    }
    buffer.set(e, value);
  }
}

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
  for (Data data : {Data::Ordinary, Data::Ties, Data::AllEqual, Data::Infinities, Data::NaNs, Data::Saturated})
    for (int64_t tokens : {0, 1, 7, 37, 4096}) {
      std::vector<Buffer> arrays;
      for (uint32_t i = 0; i < gate->descriptor().array_count; ++i) {
        arrays.push_back(gate->makeBuffer(i, tokens));
        if (gate->descriptor().arrays[i].role == MOE_INPUT)
          fill(arrays.back(), arrays.back().sizes.size() < 2 ? Data::Ordinary : data, seed++);
      }
      reference::Arrays expected = gate->interpret(arrays, tokens);
      for (const std::string &isa : runnableIsas())
        for (uint32_t threads : {1u, 2u, 7u}) {
          gate->run(arrays, tokens, threads, isa);
          expectAgreement(*gate, arrays, expected, tolerance,
                          std::string(dataNames[static_cast<int>(data)]) + ", T = " + std::to_string(tokens) + ", " + isa + ", " + std::to_string(threads) + " threads");
        }
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
