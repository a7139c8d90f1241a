// What a call of generated CUDA kernels is, whoever runs them: their parameters and grids, the alignment they rely on,
// and the workspaces that are ready for them. Shared by the CUDA device and the emulator.
#pragma once
#include "Descriptor.h"
#include "Executable.h"

#include <functional>
#include <shared_mutex>
#include <unordered_map>

namespace moe::rt {

/// Pointers to layers that the parameters of a kernel have room for: CUDA takes 4096 bytes of them everywhere.
constexpr uint32_t maxLayerPointers = 512;

/// Whether kernels can have a pointer for each layer of each array of tokens.
moe_status checkLayerPointers(const moe_executable &executable);

/// The parameters of one call in the order of moe_cuda_kernel, as cuLaunchKernel takes them. Points into itself.
class KernelParameters {
public:
  KernelParameters(const Program &program, const moe_call &call);
  KernelParameters(const KernelParameters &) = delete;

  /// A pointer to the value of each parameter of a kernel. Valid until the next call.
  void **data(const moe_cuda_kernel &kernel);
  /// Blocks of the grid that the descriptor asks for.
  uint32_t blocks(const moe_cuda_kernel &kernel) const;

private:
  void *pointers[MOE_MAX_ARRAYS];
  void *layerPointers[maxLayerPointers];
  void *parameters[MOE_MAX_ARRAYS + 9];
  void *accumulators, *workspace;
  const Extent extent;
  long long rows = 0, pieces = 0, layerTokens, firstToken;
  unsigned long long seed;
  unsigned offset;
  int phase;
  uint32_t count = 0;
};

/// The first pass that a call runs: calls that only finish run the last one alone.
uint32_t firstPass(const moe_gate &program, uint32_t phase);

/// Bytes of workspace for calls of a program's kernels: theirs, and behind it the accumulators of a backward call.
uint64_t kernelWorkspaceBytes(const Program &program, const Extent &extent);
/// Where these accumulators stand.
uint64_t kernelAccumulatorOffset(const Program &program);
/// Where the coefficients with tokens or pieces stand.
uint64_t kernelCarriedOffset(const Program &program);

/// Calls `visit` with each pointer of the caller's that a kernel gets and that has elements behind it: one for an
/// array, or one for each layer of it. Stops at the first failure.
moe_status forEachPointer(const Program &program, const moe_call &call,
                          const std::function<moe_status(const moe_array &array, const void *data)> &visit);

/// What generated kernels rely on: a row (the elements of one token, or a whole array without tokens) is read and
/// written in pieces of up to 16 bytes, as far as its size allows. Any array cut off at a token satisfies it if the
/// whole did.
moe_status checkKernelAlignment(const moe_array &array, const void *data, const char *device);

/// Initialised workspaces and their sizes: the host cannot look into device memory without waiting for it.
class WorkspaceTable {
public:
  void add(const void *workspace, uint64_t bytes);
  moe_status check(const moe_call &call) const;

private:
  mutable std::shared_mutex mutex;
  std::unordered_map<const void *, uint64_t> workspaces;
};

} // namespace moe::rt
