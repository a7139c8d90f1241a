// A call of generated CUDA in the executor, with the memory that the runtime would bind: typed arrays, accumulators,
// workspace; everything that the call should write is poisoned before.
#pragma once
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include "test/Emulator/Executor.h"
#include "test/Support/KernelInterpreter.h"

namespace moe::emulator {

using test::Arrays;
using test::Elements;

/// Nearest value that an element of `type` in memory can hold.
double representable(double value, mlir::Type type);

class Call {
public:
  /// Compiles the CUDA of `program`; on failure `error` is set.
  explicit Call(kernel::ProgramOp program, const std::string &folder);

  /// Runs all passes. `grid` 0: as the runtime chooses it. Gives "" or the executor's finding. Reads inputs (their
  /// first `tokens` rows) and params of `arrays` and writes all else there, unless the phase leaves it out.
  std::string run(int64_t tokens, unsigned grid, int phase, Arrays &arrays, bool collect = true);

  std::string error;
  CudaCode code;

private:
  kernel::ProgramOp program;
  std::unique_ptr<Program> compiled;
  std::vector<char> accumulators, workspace;
};

} // namespace moe::emulator
