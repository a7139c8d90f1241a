// moe-random: random programs until the time is over, a summary at the end.
//
// usage: moe-random [--seed FIRST] [--count N] [--time SECONDS] [--target NAME]... [--output FOLDER] [--print]
//        moe-random FILE.moe... [--target NAME]...      checks regression files
//
// Each program is checked in a child process on the targets (all of them unless some are named). One that fails is
// shrunk and written to FOLDER as seed-N.moe, which stands among the regressions once its defect is repaired.
#include "test/Random/Campaign.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <map>

using namespace llvm;
using namespace moe::test::random;

static cl::list<std::string> files(cl::Positional, cl::desc("regression files"));
static cl::opt<uint64_t> firstSeed("seed", cl::desc("first seed"), cl::init(1));
static cl::opt<uint64_t> programCount("count", cl::desc("number of programs (0: until the time is over)"), cl::init(0));
static cl::opt<double> timeLimit("time", cl::desc("seconds (0: no limit)"), cl::init(0));
static cl::list<std::string> targets("target", cl::desc("cpu, emulator or gradient; cpu and gradient when left out"));
static cl::opt<std::string> outputFolder("output", cl::desc("where failing programs are written"), cl::init("."));
static cl::opt<bool> printOnly("print", cl::desc("print the programs instead of checking them"));
static cl::opt<bool> keepWhole("no-shrink", cl::desc("write failing programs as they are"));

static void writeFile(uint64_t seed, const std::string &text) {
  std::string path = outputFolder + "/seed-" + std::to_string(seed) + ".moe";
  std::error_code error;
  raw_fd_ostream file(path, error);
  if (error)
    errs() << path << ": " << error.message() << "\n";
  else
    file << text;
}

static void checkSeed(uint64_t seed, const std::vector<std::string> &names, Report &total,
                      std::map<std::string, int> &kinds) {
  Trial trial = makeTrial(seed, names);
  if (printOnly) {
    outs() << writeRegression(trial.subject(), "seed " + std::to_string(seed));
    return;
  }
  Report report = checkIsolated(trial.subject(), trial.options);
  total.merge(report);
  if (report.findings.empty())
    return;
  const Finding &first = report.findings.front();
  outs() << "seed " << seed << ": " << first.what << ": " << first.text << "\n";
  outs().flush();
  ++kinds[first.what];
  writeFile(seed, keepWhole ? writeRegression(trial.subject(), first.what + "\n" + first.text)
                            : shrinkToRegression(trial, seed, first));
}

/// Checks files instead of seeds; the exit status.
static int checkFiles(const std::vector<std::string> &names) {
  int status = 0;
  for (const std::string &path : files) {
    ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path);
    if (!file) {
      errs() << "moe-random: cannot read '" << path << "': " << file.getError().message() << "\n";
      return 1;
    }
    Report report = checkIsolated(readRegression((*file)->getBuffer().str()), {names});
    for (const Finding &finding : report.findings)
      outs() << path << ": " << finding.what << ": " << finding.text << "\n";
    status |= !report.findings.empty();
  }
  return status;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "random gate specs, on every target against the interpreter\n");
  if (programCount == 0 && timeLimit == 0 && files.empty()) {
    errs() << "moe-random: how long? give --count N or --time SECONDS\n";
    return 1;
  }
  std::vector<std::string> names(targets.begin(), targets.end());
  for (const std::string &name : names)
    if (std::vector<std::string> all = targetNames(); !is_contained(all, name)) {
      errs() << "moe-random: there is no target '" << name << "', only " << join(all, ", ") << "\n";
      return 1;
    }
  if (names.empty())
    names = files.empty() ? std::vector<std::string>{"cpu", "gradient"} : targetNames();
  if (!files.empty())
    return checkFiles(names);
  auto start = std::chrono::steady_clock::now();
  auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  Report total;
  std::map<std::string, int> kinds;
  uint64_t done = 0;
  while ((programCount == 0 || done < programCount) && (timeLimit == 0 || elapsed() < timeLimit))
    checkSeed(firstSeed + done++, names, total, kinds);
  if (printOnly)
    return 0;
  outs() << done << " programs in " << static_cast<int>(elapsed()) << " s, " << total.runs << " calls on the CPU and "
         << total.emulated << " in the emulator, " << total.backwards << " backward calls compared, "
         << total.directions << " directional derivatives (" << total.kinks << " at kinks), " << total.findings.size()
         << " findings\n";
  for (auto &[what, n] : kinds)
    outs() << "  " << n << " programs: " << what << "\n";
  return total.findings.empty() ? 0 : 1;
}
