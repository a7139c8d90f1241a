// Broken specs and broken IR: whatever is fed in, the compiler ends with a result or with a diagnostic.
#pragma once
#include "test/Random/Rng.h"
#include <string>
#include <vector>

namespace moe::test::random {

/// A text that mutants are made of.
struct Source {
  std::string name;
  std::string text;
  bool isMlir = false; ///< else a spec
};

/// All sources under a folder: .moe files, and .mlir files cut at their `// -----` lines.
std::vector<Source> readSources(const std::string &folder);

/// The source with one to four changes: tokens deleted, doubled, exchanged, replaced by tokens of this or another
/// source, numbers and types changed, lines moved, the end cut off.
std::string mutate(const Source &source, const std::vector<Source> &all, Rng &rng);

struct MutationReport {
  int64_t mutants = 0, compiled = 0, refused = 0;
  std::vector<std::string> complaints; ///< each with its mutant
};

/// What is wrong with how the compiler takes `text`, from the parser to unoptimised LLVM IR, CUDA text and the derived
/// gradient: "" when it compiled (`compiled` is set) or when it was refused with an error.
std::string exercise(const std::string &text, bool isMlir, bool &compiled);

/// `count` mutants, in child processes of many each: a crash and more than `seconds` for one are complaints.
MutationReport runMutants(const std::vector<Source> &sources, int64_t count, uint64_t seed, unsigned seconds = 20);

} // namespace moe::test::random
