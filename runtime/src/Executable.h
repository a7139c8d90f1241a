// What the devices have in common: a checked gate with its backward, and the checks of a call that need no device.
#pragma once
#include "Saved.h"

#include <optional>
#include <vector>

namespace moe::rt {

/// One program of an executable: the gate that it was prepared for, or that gate's backward.
struct Program {
  Program(const moe_gate &gate, const moe_gate &forward);

  const moe_gate &gate;
  const bool isBackward;
  /// Default value per array; what an unbound param points to.
  std::vector<float> defaults;
  /// Offset in the workspace per array; only coefficients have one.
  std::vector<uint64_t> coefficientOffsets;
  /// Places of the saved arrays, the same in both programs, and the index there per array; only saved ones have one.
  SavedLayout saved;
  std::vector<uint32_t> savedIndices;
};

} // namespace moe::rt

/// A prepared gate. Immutable after preparation but for bookkeeping of workspaces.
struct moe_executable {
  explicit moe_executable(const moe_gate &gate);
  virtual ~moe_executable() = default;

  /// Bytes of workspace for calls of one program of up to `tokens` tokens; those of a backward hold its accumulators.
  virtual uint64_t programBytes(const moe::rt::Program &program, int64_t tokens) const = 0;
  /// Where the accumulators of a backward call stand in its workspace.
  virtual uint64_t accumulatorOffset(const moe::rt::Program &backward) const = 0;
  /// Ties a workspace of `bytes` bytes, already checked for null and alignment, to this executable.
  virtual moe_status initWorkspace(void *workspace, uint64_t bytes, void *stream) const = 0;
  /// Runs or enqueues a call of one of the programs that checkCall or checkBackwardCall has accepted, after checks that
  /// need the device. A backward call comes with the phase and the accumulators that its generated code gets.
  virtual moe_status run(const moe::rt::Program &program, const moe_call &call) const = 0;

  /// Bytes of workspace for calls of up to `tokens` tokens, forward or backward.
  uint64_t workspaceBytes(int64_t tokens) const;

  const moe_gate &gate;
  const moe::rt::Program forward;
  const std::optional<moe::rt::Program> backward;
};

namespace moe::rt {

/// Everything about a call that the host can see: phase, token count, every binding against its array, the blocks.
moe_status checkCall(const moe_executable &executable, const moe_call &call);

/// The same for a backward call. `prepared` becomes the call that generated code sees: its phase, and the accumulators,
/// which stand in the workspace.
moe_status checkBackwardCall(const moe_executable &executable, const moe_call &call, moe_call &prepared);

/// Whether the phase reads or writes the array, so that it has to be bound.
bool isNeeded(const moe_array &array, uint32_t phase);

/// The array pointer that generated code gets: the binding's, a param's default, or the place of a coefficient or of a
/// saved array.
void *arrayPointer(const Program &program, const moe_call &call, uint32_t index);

/// Makes the CPU executable of a checked gate. See moe_prepare_cpu.
moe_status prepareCpu(const moe_gate &gate, uint32_t threads, const char *isa, moe_executable **out);
/// Makes the CUDA executable of a checked gate. See moe_prepare_cuda.
moe_status prepareCuda(const moe_gate &gate, uint32_t ordinal, const char *cacheDir, moe_executable **out);

} // namespace moe::rt
