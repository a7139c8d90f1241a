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

/// Answers the query `name` by `size(executable)`, where the arguments are good.
template <typename Size>
static moe_status answer(const char *name, const moe_executable *executable, int64_t tokens, int64_t pieces,
                         uint64_t *bytes, Size &&size) {
  if (!executable || !bytes)
    return fail(MOE_INVALID_ARGUMENT, "%s: `executable` or `bytes` is null", name);
  if (moe_status status = checkTokenCount(executable->gate, tokens))
    return status;
  if (pieces < 0 || pieces >= INT32_MAX)
    return fail(MOE_INVALID_ARGUMENT, "piece_count is %lld, expected 0 to %d", static_cast<long long>(pieces),
                INT32_MAX - 1);
  *bytes = size(*executable);
  return MOE_OK;
}

extern "C" moe_status moe_workspace_bytes(const moe_executable *executable, int64_t token_count, int64_t piece_count,
                                          uint64_t *bytes) {
  return answer("moe_workspace_bytes", executable, token_count, piece_count, bytes,
                [&](const moe_executable &it) { return it.workspaceBytes(token_count, piece_count); });
}

extern "C" moe_status moe_accumulator_bytes(const moe_executable *executable, uint64_t *bytes) {
  return answer("moe_accumulator_bytes", executable, 0, 0, bytes,
                [](const moe_executable &it) { return it.gate.accumulator_bytes; });
}

extern "C" moe_status moe_saved_bytes(const moe_executable *executable, int64_t token_count, int64_t piece_count,
                                      uint64_t *bytes) {
  return answer("moe_saved_bytes", executable, token_count, piece_count, bytes, [&](const moe_executable &it) {
    return it.forward.saved.savedBytes(it.forward.extentOf(token_count, piece_count));
  });
}

extern "C" moe_status moe_coefficient_bytes(const moe_executable *executable, uint64_t *bytes) {
  return answer("moe_coefficient_bytes", executable, 0, 0, bytes,
                [](const moe_executable &it) { return it.forward.saved.coefficientBytes(); });
}

extern "C" moe_status moe_init_workspace(const moe_executable *executable, void *workspace, uint64_t bytes,
                                         void *stream) {
  return guarded([&] {
    if (!executable || !workspace)
      return fail(MOE_INVALID_ARGUMENT, "moe_init_workspace: `executable` or `workspace` is null");
    if (reinterpret_cast<uintptr_t>(workspace) % MOE_ALIGNMENT)
      return fail(MOE_INVALID_ARGUMENT, "the workspace at %p is misaligned: a multiple of %u bytes is expected",
                  workspace, MOE_ALIGNMENT);
    uint64_t least = executable->workspaceBytes(0, 0);
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
    return status ? status : executable->run(executable->forward, *call);
  });
}

extern "C" moe_status moe_run_backward(const moe_executable *executable, const moe_call *call) {
  return guarded([&] {
    if (!executable || !call)
      return fail(MOE_INVALID_ARGUMENT, "moe_run_backward: `executable` or `call` is null");
    moe_call prepared;
    moe_status status = checkBackwardCall(*executable, *call, prepared);
    return status ? status : executable->run(*executable->backward, prepared);
  });
}

extern "C" moe_status moe_run_step(const moe_executable *executable, const moe_call *call) {
  return guarded([&] {
    if (!executable || !call)
      return fail(MOE_INVALID_ARGUMENT, "moe_run_step: `executable` or `call` is null");
    moe_call prepared;
    moe_status status = checkStepCall(*executable, *call, prepared);
    return status ? status : executable->run(*executable->step, prepared);
  });
}

extern "C" void moe_free(void *memory) { std::free(memory); }
