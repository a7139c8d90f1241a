// What the devices have in common: a checked gate with its backward and its step, and the checks of a call that need no
// device.
#pragma once
#include "Saved.h"

#include <optional>
#include <vector>

namespace moe::rt {

enum class ProgramKind { Forward, Backward, Step };

/// One program of an executable: the gate that it was prepared for, or that gate's backward or step.
struct Program {
  Program(const moe_gate &gate, const moe_gate &forward, ProgramKind kind);

  /// The tokens and pieces of a call. Of a call that only finishes, none.
  Extent extentOf(const moe_call &call) const;
  /// The greatest that a call of `tokens` tokens (of each layer) can have with `byOffsets` pieces of the finest level
  /// that offsets divide. (Levels above it have at most as many pieces as the one that they divide.)
  Extent extentOf(int64_t tokens, int64_t byOffsets) const;
  /// Bytes of the coefficients with tokens or pieces, each aligned to MOE_ALIGNMENT. They are the last part of a
  /// workspace.
  uint64_t carriedBytes(const Extent &extent) const;

  const moe_gate &gate;
  const ProgramKind kind;
  const bool isBackward;
  /// How the elements of a level are divided: by what axis, and the index of the array of its offsets, or -1.
  struct Division {
    const moe_axis *axis;
    int32_t offsets;
  };
  std::vector<Division> divisions; ///< [0]: of the tokens
  /// Default value per array; what an unbound param points to.
  std::vector<float> defaults;
  /// Offset in the workspace per array; only coefficients without tokens or pieces have one.
  std::vector<uint64_t> coefficientOffsets;
  /// Places of the saved arrays, the same in both programs, and the index there per array; only saved ones have one.
  SavedLayout saved;
  std::vector<uint32_t> savedIndices;
  /// How many arrays generated code gets by layer.
  uint32_t arraysByLayer = 0;

private:
  template <typename Count> Extent extentWith(int64_t tokens, Count &&byOffsets) const;
};

} // namespace moe::rt

/// A prepared gate. Immutable after preparation but for bookkeeping of workspaces.
struct moe_executable {
  explicit moe_executable(const moe_gate &gate);
  virtual ~moe_executable() = default;

  /// Bytes of workspace for calls of one program of up to that extent; those of a backward hold its accumulators.
  virtual uint64_t programBytes(const moe::rt::Program &program, const moe::rt::Extent &extent) const = 0;
  /// Where the accumulators of a backward call stand in its workspace.
  virtual uint64_t accumulatorOffset(const moe::rt::Program &backward) const = 0;
  /// Ties a workspace of `bytes` bytes, already checked for null and alignment, to this executable.
  virtual moe_status initWorkspace(void *workspace, uint64_t bytes, void *stream) const = 0;
  /// Runs or enqueues a call of one of the programs that checkCall, checkBackwardCall or checkStepCall has accepted,
  /// after checks that need the device. It comes with the phase and the accumulators that generated code gets.
  virtual moe_status run(const moe::rt::Program &program, const moe_call &call) const = 0;

  /// Bytes of workspace for calls of up to `tokens` tokens, of any program, in up to `pieces` pieces where offsets say
  /// where they are.
  uint64_t workspaceBytes(int64_t tokens, int64_t pieces) const;

  const moe_gate &gate;
  const moe::rt::Program forward;
  const std::optional<moe::rt::Program> backward, step;
};

namespace moe::rt {

/// Everything about a call that the host can see: phase, token count, every binding against its array, the blocks.
moe_status checkCall(const moe_executable &executable, const moe_call &call);

/// The same for a backward call. `prepared` becomes the call that generated code sees: its phase, and the accumulators,
/// which stand in the workspace.
moe_status checkBackwardCall(const moe_executable &executable, const moe_call &call, moe_call &prepared);

/// The same for a step, whose generated code sees MOE_FINISH.
moe_status checkStepCall(const moe_executable &executable, const moe_call &call, moe_call &prepared);

/// Whether a call of the gate may have so many tokens (in each layer).
moe_status checkTokenCount(const moe_gate &gate, int64_t tokens);

/// Whether the phase reads or writes the array, so that it has to be bound.
bool isNeeded(const moe_array &array, uint32_t phase);

/// The array pointer that generated code gets: the binding's, a param's default, or the place of a coefficient or of a
/// saved array. `carriedOffset`: where Program::carriedBytes begin in the workspace.
void *arrayPointer(const Program &program, const moe_call &call, uint32_t index, uint64_t carriedOffset);

/// Of an array that comes by layer: where the rows of one layer are; null where the caller binds nothing.
void *layerPointer(const Program &program, const moe_call &call, uint32_t index, int64_t layer);

/// Makes the CPU executable of a checked gate. See moe_prepare_cpu.
moe_status prepareCpu(const moe_gate &gate, uint32_t threads, const char *isa, moe_executable **out);
/// Makes the CUDA executable of a checked gate. See moe_prepare_cuda.
moe_status prepareCuda(const moe_gate &gate, uint32_t ordinal, const char *cacheDir, moe_executable **out);

} // namespace moe::rt
