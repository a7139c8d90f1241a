// From a seed to a trial: see Campaign.h.
#include "test/Random/Campaign.h"
#include "test/Random/Generator.h"
#include <algorithm>
#include <cmath>

using namespace moe::test::random;

/// Data for a program: ordinary first, then nasty kinds that make sense for it.
static std::vector<Case> makeCases(const Program &program, Rng &rng, bool small) {
  static const int64_t sizes[] = {0, 1, 2, 3, 7, 16, 17, 33, 100, 300};
  int64_t widest = 1, layers = 1;
  for (const AxisDecl &axis : program.axes)
    (axis.layer ? layers : widest) = std::max(axis.layer ? layers : widest, axis.size);
  widest *= layers;
  int64_t most = std::max<int64_t>(2, (small ? 600 : 12000) / widest);
  auto tokens = [&] { return std::min(rng.pick(sizes), most); };
  double greatest = std::pow(10, std::floor(30.0 / program.degree()));
  bool narrow = false;
  for (const Value &value : program.values)
    narrow |= value.form == Form::Input && (value.name == "bf16" || value.name == "f16");
  // Inputs of few digits tie by themselves.
  auto hasGradient = [&](Kind kind) {
    bool ties = kind == Kind::Ties || kind == Kind::AllEqual;
    return (kind == Kind::Ordinary && !narrow) || ((ties || kind == Kind::Ordinary) && program.tiesAreExact());
  };
  std::vector<Case> cases = {
      {Kind::Ordinary, std::max<int64_t>(tokens(), 2), rng.below(1000), greatest, hasGradient(Kind::Ordinary)}};
  for (int64_t i = rng.between(2, 4); i > 0; --i) {
    Kind kind = rng.pick(allKinds);
    bool extreme = kind == Kind::Saturated || kind == Kind::Huge || kind == Kind::Denormal;
    if (extreme && program.mild())
      kind = Kind::Ties;
    cases.push_back({kind, tokens(), rng.below(1000), greatest, hasGradient(kind)});
  }
  return cases;
}

Trial moe::test::random::makeTrial(uint64_t seed, const std::vector<std::string> &targets) {
  Rng rng(seed * 0x100000001B3u + 12345);
  Trial trial;
  bool small = rng.chance(30);
  GeneratorOptions options;
  if (small) {
    options.mostExperts = 16;
    options.differences = true;
  }
  trial.program = generate(rng, options);
  trial.cases = makeCases(trial.program, rng, small);
  bool emulated = rng.chance(5); // it takes a C++ compiler seconds
  for (const std::string &target : targets)
    if (target == "gradient" ? small : target == "emulator" ? emulated || targets.size() == 1 : true)
      trial.options.targets.push_back(target);
  return trial;
}

std::string moe::test::random::shrinkToRegression(const Trial &trial, uint64_t seed, const Finding &finding) {
  Finding last = finding;
  auto fails = [&](const Failing &candidate) {
    Report report = checkIsolated({candidate.program.text(), candidate.cases}, trial.options, 20);
    for (const Finding &found : report.findings)
      if (found.what == finding.what) {
        last = found;
        return true;
      }
    return false;
  };
  Failing small = shrink({trial.program, trial.cases}, fails);
  std::string remark = "Found by moe-random, seed " + std::to_string(seed) + ": " + last.what + "\n";
  return writeRegression({small.program.text(), small.cases}, remark + last.text);
}
