// Calls of a compiled gate on a device that takes host memory: the CPU, or the emulator.
#pragma once
#include "moe/runtime.hpp"
#include "test/Support/Gate.h"

namespace moe::test {

/// A buffer for every array of a gate, zero, sized for so many tokens (of each layer), pieces of level 1, of level 2,
/// ….
std::vector<Buffer> makeBuffers(const moe_gate &gate, const std::vector<int64_t> &counts);
/// The same for `tokens` in `pieces` pieces.
std::vector<Buffer> makeBuffers(const moe_gate &gate, int64_t tokens, int64_t pieces = 0);

/// The buffer of that name: of an input or param, or of what the gate writes.
Buffer &bufferOf(const moe_gate &gate, std::vector<Buffer> &arrays, const char *name, bool in);

/// Calls that follow one another, with a workspace and accumulators of their own.
class GateCall {
public:
  GateCall(const rt::Executable &executable, int64_t maxTokens, int64_t maxPieces = 0);

  /// One call on copies of `arrays` that are exactly as large and aligned as a GPU would have them. Inputs and states
  /// are read; all others are filled with a poison pattern, and hold what the call wrote afterwards. Params whose
  /// buffer is empty have their defaults. Throws rt::Error.
  void run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase = MOE_FORWARD);
  /// The step of what calls have accumulated: `arrays` are those of gate().step, and the states in it change.
  void step(std::vector<Buffer> &arrays);

  /// Whether calls with MOE_ACCUMULATE alone collect anything.
  bool collects = true;
  /// Whether layers of arrays with tokens are bound apart from one another.
  bool layersApart = false;
  /// Whether a forward call keeps what its backward would read.
  bool keeps = false;
  /// Of the random numbers.
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;

private:
  enum class Kind { Forward, Step };
  void call(const moe_gate &gate, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase, Kind kind);
  const rt::Executable &executable;
  rt::Block workspace, accumulators;
};

/// What is wrong with a call in the emulator: the report of its findings; "" when there are none. Any other failure is
/// a test failure.
std::string findingsOf(GateCall &call, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase = MOE_FORWARD);

} // namespace moe::test
