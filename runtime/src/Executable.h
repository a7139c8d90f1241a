// What the two devices have in common: a checked gate, and the checks of a call that need no device.
#pragma once
#include "moe/runtime.h"

#include <vector>

/// A prepared gate. Immutable after preparation but for bookkeeping of workspaces.
struct moe_executable {
  explicit moe_executable(const moe_gate &gate);
  virtual ~moe_executable() = default;

  /// Bytes of workspace for calls of up to `tokens` tokens.
  virtual uint64_t workspaceBytes(int64_t tokens) const = 0;
  /// Ties a workspace of `bytes` bytes, already checked for null and alignment, to this executable.
  virtual moe_status initWorkspace(void *workspace, uint64_t bytes, void *stream) const = 0;
  /// Runs or enqueues a call that checkCall has accepted, after checks that need the device.
  virtual moe_status run(const moe_call &call) const = 0;

  const moe_gate &gate;
  /// Default value per array; what an unbound param points to.
  std::vector<float> defaults;
  /// Offset in the workspace per array; only coefficients have one.
  std::vector<uint64_t> coefficientOffsets;
};

namespace moe::rt {

/// Everything about a call that the host can see: phase, token count, every binding against its array, the blocks.
moe_status checkCall(const moe_executable &executable, const moe_call &call);

/// The array pointer that generated code gets: the binding's, a param's default, or the coefficient's place.
void *arrayPointer(const moe_executable &executable, const moe_call &call, uint32_t index);

/// Makes the CPU executable of a checked gate. See moe_prepare_cpu.
moe_status prepareCpu(const moe_gate &gate, uint32_t threads, const char *isa, moe_executable **out);
/// Makes the CUDA executable of a checked gate. See moe_prepare_cuda.
moe_status prepareCuda(const moe_gate &gate, uint32_t ordinal, const char *cacheDir, moe_executable **out);

} // namespace moe::rt
