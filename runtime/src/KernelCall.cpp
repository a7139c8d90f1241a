// Parameters, grids and checks of a call of generated CUDA kernels.
#include "KernelCall.h"
#include "Error.h"

#include <algorithm>
#include <mutex>

namespace moe::rt {

moe_status checkLayerPointers(const moe_executable &executable) {
  uint32_t arrays = executable.forward.arraysByLayer, layers = executable.gate.layers;
  if (executable.backward)
    arrays = std::max(arrays, executable.backward->arraysByLayer);
  if (arrays * layers <= maxLayerPointers) // a step has no tokens
    return MOE_OK;
  return fail(MOE_UNSUPPORTED,
              "gate '%s' has %u layers of %u inputs and outputs with tokens: more than the %u pointers that fit the "
              "parameters of a CUDA kernel; compile a gate of fewer layers, and call it several times",
              executable.gate.name, layers, arrays, maxLayerPointers);
}

KernelParameters::KernelParameters(const Program &program, const moe_call &call)
    : accumulators(call.accumulators), workspace(call.workspace), extent(program.extentOf(call)),
      layerTokens(extent.inLayer(0)), firstToken(call.first_token), seed(call.seed), offset(call.offset),
      phase(static_cast<int>(call.phase)) {
  const moe_gate &gate = program.gate;
  void **nextLayer = layerPointers;
  for (; count < gate.array_count; ++count) {
    if (isByLayer(gate, gate.arrays[count])) {
      parameters[count] = static_cast<void *>(nextLayer);
      for (uint32_t layer = 0; layer < gate.layers; ++layer)
        *nextLayer++ = layerPointer(program, call, count, layer);
      continue;
    }
    pointers[count] = arrayPointer(program, call, count, kernelCarriedOffset(program));
    // The driver copies each parameter's bytes: a param's are the float itself, another array's are its pointer.
    bool isParam = gate.arrays[count].role == MOE_PARAM;
    parameters[count] = isParam ? pointers[count] : static_cast<void *>(&pointers[count]);
  }
  parameters[count++] = static_cast<void *>(&accumulators);
  parameters[count++] = static_cast<void *>(&workspace);
  parameters[count++] = &rows;
  parameters[count++] = &phase;
}

void **KernelParameters::data(const moe_cuda_kernel &kernel) {
  rows = extent.counts[kernel.level];
  pieces = extent.counts[kernel.level + 1];
  uint32_t next = count;
  if (kernel.flags & MOE_KERNEL_PIECES)
    parameters[next++] = &pieces;
  if (kernel.flags & MOE_KERNEL_LAYERS)
    parameters[next++] = &layerTokens;
  if (kernel.flags & MOE_KERNEL_RANDOM)
    for (void *parameter : {static_cast<void *>(&seed), static_cast<void *>(&offset), static_cast<void *>(&firstToken)})
      parameters[next++] = parameter;
  return parameters;
}

uint32_t KernelParameters::blocks(const moe_cuda_kernel &kernel) const {
  int64_t needed = (extent.counts[kernel.level] + kernel.rows_per_block - 1) / kernel.rows_per_block;
  return static_cast<uint32_t>(std::clamp<int64_t>(needed, 1, kernel.max_blocks));
}

uint32_t firstPass(const moe_gate &program, uint32_t phase) {
  return phase & MOE_ACCUMULATE || program.pass_count == 0 ? 0 : program.pass_count - 1;
}

uint64_t kernelAccumulatorOffset(const Program &program) { return alignUp(program.gate.cuda_workspace_bytes); }

uint64_t kernelCarriedOffset(const Program &program) {
  return kernelAccumulatorOffset(program) + (program.isBackward ? alignUp(program.gate.accumulator_bytes) : 0);
}

uint64_t kernelWorkspaceBytes(const Program &program, const Extent &extent) {
  return kernelCarriedOffset(program) + program.carriedBytes(extent);
}

moe_status forEachPointer(const Program &program, const moe_call &call,
                          const std::function<moe_status(const moe_array &array, const void *data)> &visit) {
  const Extent extent = program.extentOf(call);
  for (uint32_t i = 0; i < program.gate.array_count; ++i) {
    const moe_array &array = program.gate.arrays[i];
    const moe_binding &binding = call.bindings[i];
    if (array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || array.role == MOE_SAVED ||
        elementCount(array, extent) == 0)
      continue;
    for (uint32_t layer = 0; layer < (binding.layers ? program.gate.layers : 1); ++layer)
      if (const void *data = binding.layers ? binding.layers[layer] : binding.data)
        if (moe_status status = visit(array, data))
          return status;
  }
  return MOE_OK;
}

moe_status checkKernelAlignment(const moe_array &array, const void *data, const char *device) {
  uint64_t bytes = rowBytes(array), alignment = std::min<uint64_t>(16, bytes & -bytes);
  if (reinterpret_cast<uint64_t>(data) % alignment == 0)
    return MOE_OK;
  return fail(MOE_INVALID_ARGUMENT, "%s '%s' at %p is misaligned: its rows need a multiple of %llu bytes on %s",
              roleName(array.role), array.name, data, static_cast<unsigned long long>(alignment), device);
}

void WorkspaceTable::add(const void *workspace, uint64_t bytes) {
  std::unique_lock lock(mutex);
  workspaces[workspace] = bytes;
}

moe_status WorkspaceTable::check(const moe_call &call) const {
  std::shared_lock lock(mutex);
  auto found = workspaces.find(call.workspace);
  if (found == workspaces.end())
    return fail(MOE_INVALID_ARGUMENT,
                "the workspace at %p is not initialised: call moe_init_workspace with this executable once before its "
                "first call",
                call.workspace);
  if (found->second < call.workspace_bytes)
    return fail(MOE_INVALID_ARGUMENT, "the workspace was initialised with %llu bytes, the call says it has %llu",
                static_cast<unsigned long long>(found->second), static_cast<unsigned long long>(call.workspace_bytes));
  return MOE_OK;
}

} // namespace moe::rt
