// The C interface: null checks and dispatch to the executable.
#include "Error.h"
#include "Executable.h"

#include <cstdlib>
#include <exception>

using namespace moe::rt;

extern "C" moe_status moe_prepare_cpu(const moe_gate *gate, uint32_t threads, const char *isa, moe_executable **out) {
  return guarded([&] {
    if (!out)
      return fail(MOE_INVALID_ARGUMENT, "moe_prepare_cpu: `out` is null");
    *out = nullptr;
    moe_status status = moe_check_gate(gate);
    return status ? status : prepareCpu(*gate, threads, isa, out);
  });
}

extern "C" moe_status moe_prepare_cuda(const moe_gate *gate, uint32_t ordinal, const char *cache_dir,
                                       moe_executable **out) {
  return guarded([&] {
    if (!out)
      return fail(MOE_INVALID_ARGUMENT, "moe_prepare_cuda: `out` is null");
    *out = nullptr;
    moe_status status = moe_check_gate(gate);
    return status ? status : prepareCuda(*gate, ordinal, cache_dir, out);
  });
}

extern "C" void moe_release(moe_executable *executable) { delete executable; }

extern "C" moe_status moe_workspace_bytes(const moe_executable *executable, int64_t token_count, uint64_t *bytes) {
  if (!executable || !bytes)
    return fail(MOE_INVALID_ARGUMENT, "moe_workspace_bytes: `executable` or `bytes` is null");
  if (token_count < 0 || token_count > INT32_MAX)
    return fail(MOE_INVALID_ARGUMENT, "token_count is %lld, expected 0 to %d", static_cast<long long>(token_count),
                INT32_MAX);
  *bytes = executable->workspaceBytes(token_count);
  return MOE_OK;
}

extern "C" moe_status moe_accumulator_bytes(const moe_executable *executable, uint64_t *bytes) {
  if (!executable || !bytes)
    return fail(MOE_INVALID_ARGUMENT, "moe_accumulator_bytes: `executable` or `bytes` is null");
  *bytes = executable->gate.accumulator_bytes;
  return MOE_OK;
}

extern "C" moe_status moe_init_workspace(const moe_executable *executable, void *workspace, uint64_t bytes,
                                         void *stream) {
  return guarded([&] {
    if (!executable || !workspace)
      return fail(MOE_INVALID_ARGUMENT, "moe_init_workspace: `executable` or `workspace` is null");
    if (reinterpret_cast<uintptr_t>(workspace) % MOE_ALIGNMENT)
      return fail(MOE_INVALID_ARGUMENT, "the workspace at %p is misaligned: a multiple of %u bytes is expected",
                  workspace, MOE_ALIGNMENT);
    uint64_t least = executable->workspaceBytes(0);
    if (bytes < least)
      return fail(MOE_INVALID_ARGUMENT, "the workspace has %llu bytes, even a call without tokens needs %llu",
                  static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(least));
    return executable->initWorkspace(workspace, bytes, stream);
  });
}

extern "C" moe_status moe_run(const moe_executable *executable, const moe_call *call) {
  return guarded([&] {
    if (!executable || !call)
      return fail(MOE_INVALID_ARGUMENT, "moe_run: `executable` or `call` is null");
    moe_status status = checkCall(*executable, *call);
    return status ? status : executable->run(*call);
  });
}

extern "C" void moe_free(void *memory) { std::free(memory); }
