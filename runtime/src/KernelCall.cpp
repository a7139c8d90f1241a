// Parameters, grids and checks of a call of generated CUDA kernels.
#include "KernelCall.h"
#include "Descriptor.h"
#include "Error.h"

#include <algorithm>
#include <mutex>

namespace moe::rt {

KernelParameters::KernelParameters(const Program &program, const moe_call &call)
    : accumulators(call.accumulators), workspace(call.workspace),
      tokens(call.phase == MOE_FINISH ? 0 : call.token_count), pieces(program.extentOf(call).pieces),
      firstToken(call.first_token), seed(call.seed), offset(call.offset), phase(static_cast<int>(call.phase)) {
  const moe_gate &gate = program.gate;
  for (; count < gate.array_count; ++count) {
    pointers[count] = arrayPointer(program, call, count, kernelCarriedOffset(program));
    // The driver copies each parameter's bytes: a param's are the float itself, another array's are its pointer.
    bool isParam = gate.arrays[count].role == MOE_PARAM;
    parameters[count] = isParam ? pointers[count] : static_cast<void *>(&pointers[count]);
  }
  parameters[count++] = static_cast<void *>(&accumulators);
  parameters[count++] = static_cast<void *>(&workspace);
  parameters[count++] = &tokens;
  parameters[count++] = &phase;
}

void **KernelParameters::data(const moe_cuda_kernel &kernel) {
  uint32_t next = count;
  if (kernel.flags & MOE_KERNEL_PIECES)
    parameters[next++] = &pieces;
  if (kernel.flags & MOE_KERNEL_RANDOM)
    for (void *parameter : {static_cast<void *>(&seed), static_cast<void *>(&offset), static_cast<void *>(&firstToken)})
      parameters[next++] = parameter;
  return parameters;
}

uint32_t KernelParameters::blocks(const moe_cuda_kernel &kernel) const {
  int64_t needed = (tokens + kernel.rows_per_block - 1) / kernel.rows_per_block;
  return static_cast<uint32_t>(std::clamp<int64_t>(needed, 1, kernel.max_blocks));
}

uint64_t kernelAccumulatorOffset(const Program &program) { return alignUp(program.gate.cuda_workspace_bytes); }

uint64_t kernelCarriedOffset(const Program &program) {
  return kernelAccumulatorOffset(program) + (program.isBackward ? alignUp(program.gate.accumulator_bytes) : 0);
}

uint64_t kernelWorkspaceBytes(const Program &program, const Extent &extent) {
  return kernelCarriedOffset(program) + program.carriedBytes(extent);
}

bool isPassedByPointer(const moe_array &array, const moe_call &call, const Extent &extent, uint32_t index) {
  return array.role != MOE_PARAM && array.role != MOE_COEFFICIENT && array.role != MOE_SAVED &&
         call.bindings[index].data && elementCount(array, extent) > 0;
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
