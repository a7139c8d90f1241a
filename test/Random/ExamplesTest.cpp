// Every example in every dtype, forward and backward, through the checks of the random programs: compiled code on each
// instruction set and thread count and the CUDA source in the emulator against the interpreter, and the derived
// gradient against finite differences. Nothing that a gate saves for its backward has a row per token but a selection.
#include "compiler/API/Compiler.h"
#include "moe/runtime.h"
#include "test/Random/Check.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <fstream>
#include <sstream>

namespace moe::test::random {
namespace {

struct Example {
  const char *spec, *dtype;
};

class Examples : public testing::TestWithParam<Example> {
protected:
  static std::string text() {
    auto [spec, dtype] = GetParam();
    std::ifstream file(std::string(MOE_SOURCE_DIR "/examples/") + spec + ".moe");
    std::stringstream content;
    content << file.rdbuf();
    std::string text = content.str();
    for (size_t at; (at = text.find(": float[")) != std::string::npos;)
      text.replace(at + 2, 5, dtype);
    return text;
  }
};

TEST_P(Examples, ForwardAndBackwardAgreeWithTheInterpreterOnEveryTarget) {
  Subject subject{text(), {}};
  ASSERT_NE(subject.text.find(GetParam().dtype), std::string::npos);
  uint64_t seed = 1;
  for (Kind kind : allKinds)
    for (int64_t tokens : {0, 1, 37})
      subject.cases.push_back({kind, tokens, seed++, 1e30});
  Report report = check(subject, {targetNames()});
  for (const Finding &finding : report.findings)
    ADD_FAILURE() << finding.what << ": " << finding.text;
  EXPECT_GT(report.backwards, 0);
  EXPECT_GT(report.emulated, 0);
  EXPECT_GT(report.directions, 3); // the others are kinks: ties, and selections on the edge
}

/// A loss that saved one score per token and expert would show here.
TEST_P(Examples, SaveSelectionsAndRowsOnly) {
  std::string messages;
  llvm::raw_string_ostream diagnostics(messages);
  CompileOptions options;
  options.cuda = false;
  auto compiled = CompiledGate::fromSpecText(text(), "gate.moe", {}, options, diagnostics);
  ASSERT_TRUE(static_cast<bool>(compiled)) << messages << llvm::toString(compiled.takeError());
  const moe_gate &gate = *(*compiled)->gate();
  ASSERT_NE(gate.backward, nullptr);
  unsigned saved = 0;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    if (array.role != MOE_SAVED)
      continue;
    ++saved;
    if (array.rank > 0 && array.sizes[0] < 0) {
      EXPECT_EQ(array.dtype, static_cast<uint32_t>(MOE_I32)) << array.name;
    } else {
      EXPECT_LE(array.rank, 1u) << array.name;
    }
  }
  EXPECT_GT(saved, 0u);
}

std::vector<Example> examples() {
  std::vector<Example> all;
  for (const char *spec : {"switch", "deepseek_moe", "deepseek_v2", "deepseek_v3"})
    for (const char *dtype : {"f32", "bf16", "f16"})
      all.push_back({spec, dtype});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(examples()),
                         [](const auto &info) { return std::string(info.param.spec) + "_" + info.param.dtype; });

} // namespace
} // namespace moe::test::random
