// The checks that a random program, or any spec, goes through. Each target is compared with the interpreter; one more
// target is one more line in the table in Check.cpp.
#pragma once
#include "test/Random/Data.h"
#include <string>
#include <vector>

namespace moe::test::random {

/// What is checked: a spec and data for it.
struct Subject {
  std::string text;
  std::vector<Case> cases;
};

/// Something that is wrong. `what` says which check found it, in a few words without numbers, so that a smaller program
/// can be recognised as having the same defect.
struct Finding {
  std::string what, text;
};

struct Report {
  std::vector<Finding> findings;
  int64_t runs = 0;       ///< forward calls (with backward, where there is one) on the CPU
  int64_t backwards = 0;  ///< backward calls that were compared with the interpreter
  int64_t emulated = 0;   ///< the same in the emulator
  int64_t directions = 0; ///< directional derivatives that were compared
  int64_t kinks = 0;      ///< directions left out, since the differences themselves disagree there

  void add(const std::string &what, const std::string &text) { findings.push_back({what, text}); }
  /// Adds the numbers and findings of another report.
  void merge(const Report &other);
  std::string serialise() const;
  static Report deserialise(const std::string &text);
};

/// Which targets are checked, by the names in `targetNames()`.
struct CheckOptions {
  std::vector<std::string> targets;
};

/// "cpu": compiled code, forward and backward, of every instruction set and several thread counts against the
/// interpreter, the same bits in all. "emulator": the same for the CUDA source in the emulator. "gradient": the derived
/// backward gate, interpreted, against differences of the interpreter.
std::vector<std::string> targetNames();

/// In this process; a crash is the caller's.
Report check(const Subject &subject, const CheckOptions &options);

/// In a child process: a crash and a run of more than `seconds` are findings too.
Report checkIsolated(const Subject &subject, const CheckOptions &options, unsigned seconds = 60);

/// A regression file: the spec, with the cases and what went wrong in comments.
std::string writeRegression(const Subject &subject, const std::string &remark);
/// Reads one; the cases stand in lines `# data: CASE`.
Subject readRegression(const std::string &text);

} // namespace moe::test::random
