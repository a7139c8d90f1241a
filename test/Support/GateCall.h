// Calls of a compiled gate on a device that takes host memory: the CPU, or the emulator.
#pragma once
#include "moe/runtime.hpp"
#include "test/Support/Gate.h"

namespace moe::test {

/// A buffer for every array of a gate, sized for `tokens`, zero.
std::vector<Buffer> makeBuffers(const moe_gate &gate, int64_t tokens);

/// The buffer of that name: of an input or param, or of what the gate writes.
Buffer &bufferOf(const moe_gate &gate, std::vector<Buffer> &arrays, const char *name, bool in);

/// Calls that follow one another, with a workspace and accumulators of their own.
class GateCall {
public:
  GateCall(const rt::Executable &executable, int64_t maxTokens);

  /// One call on copies of `arrays` that are exactly as large and aligned as a GPU would have them. Inputs are read;
  /// all others are filled with a poison pattern, and hold what the call wrote afterwards. Params whose buffer is empty
  /// have their defaults. Throws rt::Error.
  void run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase = MOE_FORWARD);

  /// Whether calls with MOE_ACCUMULATE alone collect anything.
  bool collects = true;

private:
  const rt::Executable &executable;
  rt::Block workspace, accumulators;
};

/// What is wrong with a call in the emulator: the report of its findings; "" when there are none. Any other failure is
/// a test failure.
std::string findingsOf(GateCall &call, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase = MOE_FORWARD);

} // namespace moe::test
