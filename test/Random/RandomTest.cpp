// Programs that nobody wrote, with fixed seeds: every target agrees with the interpreter, and broken input is refused
// with a diagnostic. `moe-random` does the same for other seeds, for as long as wanted; what it finds and what has been
// repaired stands in Regressions/.
#include "compiler/Frontend/Frontend.h"
#include "test/Random/Campaign.h"
#include "test/Random/Mutation.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace moe::test::random {
namespace {

//===-- The generator and the data
//---------------------------------------------------------------------------------===//

TEST(RandomGenerator, TheSameSeedMakesTheSameProgramAndData) {
  for (uint64_t seed : {1, 17, 400}) {
    Trial a = makeTrial(seed, targetNames()), b = makeTrial(seed, targetNames());
    EXPECT_EQ(a.program.text(), b.program.text());
    ASSERT_EQ(a.cases.size(), b.cases.size());
    for (size_t i = 0; i < a.cases.size(); ++i)
      EXPECT_EQ(a.cases[i].text(), b.cases[i].text());
  }
  EXPECT_NE(makeTrial(1, {}).program.text(), makeTrial(2, {}).program.text());
  Rng rng(42);
  EXPECT_EQ(rng.next(), 13679457532755275413u); // SplitMix64's published sequence for this seed
}

TEST(RandomGenerator, ProgramsUseTheWholeLanguage) {
  std::string all;
  for (uint64_t seed = 1; seed <= 500; ++seed)
    all += makeTrial(seed, {}).program.text();
  // clang-format off
  static const char *const words[] = {
      "exp(", "log(", "sqrt(", "rsqrt(", "abs(", "sign(", "relu(", "sigmoid(", "softplus(", "tanh(", "erf(",
      "normal_cdf(", "floor(", "ceil(", "clamp(", "min(", "max(", "where(", "mod(", "sum(", "mean(", "var(",
      "std(", "cv2(", "logsumexp(", "argmax(", "softmax(", "normalize(", "standardize(", "topk(", "among =",
      "sum_top(", "kth(", "chosen(", "count(", "first(", "detach(", "size(", "expand(", ".slot", " ** ", " and ",
      " or ", "not ", " == ", " < ", "->", "of expert = [", "of device", "inf", ": bf16", ": f16", ": i32",
      ": bool", "param", "expert[1]", "expert[1000]", "filter(", "append(", "forced(", "limit(", "order = slot",
      "priority =", "exempt =", "overflow = next", "per = sequence", "dropped(", "scatter(", "permute(", ".order",
      ".offset", ".position", "shift(", "index(", "uniform(", "normal(", "by sequence_offsets",
      "of token by ", "token -> sequence", "token -> document", "of sequence by ", "by document_offsets",
      "mask token by", "state ", "update ", "quantile(", "of expert by device_of", "layer[3]", "[layer, token, expert]",
      ": bitmap", ": i16", ": i64", "[layer, sequence", "[document"};
  // clang-format on
  for (const char *word : words)
    EXPECT_NE(all.find(word), std::string::npos) << word;
}

TEST(RandomData, EveryKindHasWhatItsNameSays) {
  auto data = [](Kind kind) { return makeData({kind, 40, 3, 1e20}, 0, Storage::Float, 400, 10); };
  auto any = [&](Kind kind, auto holds) {
    std::vector<double> values = data(kind);
    return std::any_of(values.begin(), values.end(), holds);
  };
  EXPECT_TRUE(any(Kind::NaNs, [](double x) { return std::isnan(x); }));
  EXPECT_TRUE(any(Kind::Infinities, [](double x) { return x == INFINITY; }));
  EXPECT_TRUE(any(Kind::Infinities, [](double x) { return x == -INFINITY; }));
  EXPECT_TRUE(any(Kind::Denormal, [](double x) { return x != 0 && std::fabs(x) < 1e-38; }));
  EXPECT_TRUE(any(Kind::Huge, [](double x) { return std::fabs(x) > 1e18; }));
  EXPECT_FALSE(any(Kind::Huge, [](double x) { return std::fabs(x) > 1e20; }));
  EXPECT_TRUE(any(Kind::Saturated, [](double x) { return x > 90; }));
  EXPECT_FALSE(any(Kind::Zeros, [](double x) { return x != 0; }));
  EXPECT_TRUE(any(Kind::Ties, [](double x) { return x == 0 && std::signbit(x); }));
  std::vector<double> equal = data(Kind::AllEqual), masked = data(Kind::Masked);
  EXPECT_TRUE(std::all_of(equal.begin() + 10, equal.begin() + 20, [&](double x) { return x == equal[10]; }));
  EXPECT_TRUE(std::all_of(masked.begin() + 10, masked.begin() + 20, [](double x) { return x == -INFINITY; }));
}

TEST(RandomData, SomeOffsetsAreBadAndMeanTheNearestInPlace) {
  int bad = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Extents extents = makeExtents({Kind::Ordinary, 12, seed, 1}, {0, 3, 0});
    for (size_t level : {0, 2}) {
      const std::vector<double> &said = extents.said[level], &meant = extents.offsets[level];
      auto count = static_cast<double>(level ? extents.pieces[level - 1] : extents.tokens);
      ASSERT_EQ(said.size(), meant.size());
      EXPECT_EQ(meant.front(), 0);
      EXPECT_EQ(meant.back(), count);
      EXPECT_TRUE(std::is_sorted(meant.begin(), meant.end()));
      for (size_t i = 1; i + 1 < said.size(); ++i)
        EXPECT_TRUE(meant[i] == said[i] || (said[i] > count && meant[i] == count) ||
                    (said[i] < meant[i - 1] && meant[i] == meant[i - 1]));
      bad += extents.isBad(level);
    }
    EXPECT_FALSE(extents.isBad(1));
  }
  EXPECT_GT(bad, 20);
  EXPECT_LT(bad, 100);
}

TEST(RandomData, CasesSurviveARegressionFile) {
  Subject subject{"gate g {\n}\n", {{Kind::Huge, 3, 17, 1e10, false}, {Kind::NaNs, 0, 2, 1e30}}};
  Subject read = readRegression(writeRegression(subject, "two\nlines"));
  ASSERT_EQ(read.cases.size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(read.cases[i].text(), subject.cases[i].text());
  EXPECT_NE(read.text.find("gate g"), std::string::npos);
}

//===-- Programs
//---------------------------------------------------------------------------------------------------===//

constexpr uint64_t kSeedsPerTest = 25, kTests = 20;

class RandomPrograms : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomPrograms, AgreeWithTheInterpreterOnEveryTarget) {
  Report total;
  for (uint64_t seed = GetParam(); seed < GetParam() + kSeedsPerTest; ++seed) {
    Trial trial = makeTrial(seed, targetNames());
    Report report = checkIsolated(trial.subject(), trial.options);
    for (const Finding &finding : report.findings)
      ADD_FAILURE() << "seed " << seed << ": " << finding.what << ": " << finding.text << "\nmoe-random --seed " << seed
                    << " --count 1 shrinks it";
    total.merge(report);
  }
  EXPECT_GT(total.runs, static_cast<int64_t>(10 * kSeedsPerTest));
  EXPECT_GT(total.directions, 3);
  EXPECT_LE(total.kinks, total.directions / 4);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, testing::Range<uint64_t>(1, 1 + kTests * kSeedsPerTest, kSeedsPerTest));

std::vector<std::string> regressions() {
  std::vector<std::string> paths;
  for (auto &entry : std::filesystem::directory_iterator(MOE_TEST_DIR "/Random/Regressions"))
    if (entry.path().extension() == ".moe")
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(RandomRegressions, StayRepaired) {
  for (const std::string &path : regressions()) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    Subject subject = readRegression(text.str());
    EXPECT_FALSE(subject.cases.empty()) << path << " has no line '# data: ...'";
    for (const Finding &finding : checkIsolated(subject, {targetNames()}).findings)
      ADD_FAILURE() << path << ": " << finding.what << ": " << finding.text;
  }
}

// The harness sees a wrong result, a crash and a hang, and the shrinker leaves little of the program.
TEST(RandomHarness, AProgramThatDoesNotCompileIsAFinding) {
  Report report = checkIsolated({"gate g {\n  axis token\n  output y = z\n}\n", {{}}}, {{"cpu"}});
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].what, "does not compile");
}

TEST(RandomHarness, ShrinkingKeepsWhatFailsAndLittleElse) {
  auto hasSigmoid = [](const Failing &candidate) {
    return candidate.program.text().find("sigmoid(") != std::string::npos;
  };
  size_t lines = 0, programs = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Trial trial = makeTrial(seed, {});
    Failing start{trial.program, trial.cases};
    if (!hasSigmoid(start))
      continue;
    Failing small = shrink(start, hasSigmoid);
    EXPECT_TRUE(hasSigmoid(small));
    std::string text = small.program.text();
    lines += std::count(text.begin(), text.end(), '\n');
    ++programs;
  }
  ASSERT_GT(programs, 5u);
  EXPECT_LE(lines, programs * 8);
}

//===-- Mutants
//----------------------------------------------------------------------------------------------------===//

void checkMutants(std::vector<Source> sources, int64_t count, uint64_t seed) {
  ASSERT_FALSE(sources.empty());
  MutationReport report = runMutants(sources, count, seed);
  for (const std::string &complaint : report.complaints)
    ADD_FAILURE() << complaint;
  EXPECT_EQ(report.mutants, count);
  EXPECT_GT(report.compiled, count / 50); // some mutants are valid: the later stages see them too
  EXPECT_GT(report.refused, count / 10);
}

TEST(Mutants, OfHandWrittenSpecsAreRefusedOrCompiled) {
  std::vector<Source> sources = readSources(MOE_SOURCE_DIR "/examples");
  for (Source &source : readSources(MOE_TEST_DIR "/Frontend"))
    sources.push_back(source);
  checkMutants(sources, 3000, 1);
}

TEST(Mutants, OfRandomSpecsAreRefusedOrCompiled) {
  std::vector<Source> sources;
  for (uint64_t seed = 1; seed <= 200; ++seed)
    sources.push_back({"seed", makeTrial(seed, {}).program.text()});
  checkMutants(sources, 2000, 2);
}

TEST(Mutants, OfDialectTextsAreRefusedOrCompiled) {
  std::vector<Source> sources = readSources(MOE_TEST_DIR "/Dialect");
  for (Source &source : readSources(MOE_TEST_DIR "/Conversion"))
    sources.push_back(source);
  std::erase_if(sources, [](const Source &source) { return !source.isMlir; });
  checkMutants(sources, 4000, 3);
}

} // namespace
} // namespace moe::test::random
