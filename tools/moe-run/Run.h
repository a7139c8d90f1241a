// moe-run as a function: compile a spec in process, bind arrays, run forward calls, steps and a backward, report.
#ifndef MOE_TOOLS_MOE_RUN_RUN_H
#define MOE_TOOLS_MOE_RUN_RUN_H
#include "compiler/Frontend/Frontend.h"
#include "moe/runtime.h"
#include "tools/moe-run/Arrays.h"
#include "tools/moe-run/Chart.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <string>

namespace moe::run {

/// The command line, parsed.
struct RunOptions {
  std::string spec;
  FrontendOptions frontend;
  InputOptions inputs;
  /// Runs the backward of the call as well. `gradients` has the options --grad and --scale of it.
  bool backward = false;
  InputOptions gradients;
  /// Forward calls with a step after each; 0: one forward call without a step. Made-up inputs differ from call to call.
  unsigned steps = 0;
  /// Of the random numbers of the first call; each call takes the next one.
  uint32_t offset = 0;
  /// The number of the call's first token among those of all ranks.
  int64_t firstToken = 0;
  moe_device_kind device = MOE_CPU;
  /// Grid and order of threads in the emulator; 0 in both: as the gate says, in order.
  unsigned blocks = 0;
  uint64_t schedule = 0;
  /// Report what the emulated kernels moved.
  bool traffic = false;
  /// 0: as many as OpenMP offers.
  unsigned threads = 0;
  /// "avx2", "avx512", or empty for the best that the machine can run.
  std::string isa;
  /// Directories for results and inputs; empty: not saved.
  std::string saveDirectory, saveInputsDirectory;
  bool chart = true;
  ChartStyle style;
  /// Repeat the call and report how long it takes.
  bool time = false;
};

/// Does all of it. Reports to `out`, errors and diagnostics to `err`. True on success.
bool run(const RunOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace moe::run
#endif
