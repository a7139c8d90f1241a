// Arrays, blocks and bindings of one_pass_gate through the C interface, all valid; a test changes what it is about.
#pragma once
#include "Gates.h"
#include "moe/runtime.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace moe::test {

/// Allocations of the whole program, the runtime included (CpuTest.cpp counts them).
extern std::atomic<long> allocations;

/// The last message, for EXPECT_THAT-free checks of its parts.
inline std::string lastError() { return moe_last_error(); }

/// Expects `status`, and that the message holds every one of `parts`.
inline void expectFailure(moe_status got, moe_status expected, std::initializer_list<const char *> parts) {
  EXPECT_STREQ(moe_status_name(got), moe_status_name(expected)) << lastError();
  for (const char *part : parts)
    EXPECT_NE(lastError().find(part), std::string::npos) << "'" << part << "' is not in: " << lastError();
}

struct Release {
  void operator()(moe_executable *executable) const { moe_release(executable); }
};
using ExecutablePtr = std::unique_ptr<moe_executable, Release>;

inline ExecutablePtr prepareCpu(const moe_gate &gate, uint32_t threads, const char *isa = nullptr) {
  moe_executable *executable = nullptr;
  EXPECT_EQ(moe_prepare_cpu(&gate, threads, isa, &executable), MOE_OK) << lastError();
  return ExecutablePtr(executable);
}

struct OnePassCall {
  OnePassCall(int64_t tokens, uint32_t threads) : OnePassCall(tokens, prepareCpu(one_pass_gate, threads, "generic")) {}
  OnePassCall(int64_t tokens, ExecutablePtr prepared)
      : executable(std::move(prepared)), x(tokens * CHANNELS), bias{0.5f, -0.25f, 1.0f}, y(tokens * CHANNELS, 777.0f),
        sign(tokens, 777) {
    std::mt19937 random(42);
    std::normal_distribution<float> normal;
    for (float &value : x)
      value = normal(random);
    uint64_t bytes = 0;
    EXPECT_EQ(moe_workspace_bytes(executable.get(), tokens, 0, &bytes), MOE_OK);
    workspace = rt::Block(bytes);
    EXPECT_EQ(moe_accumulator_bytes(executable.get(), &bytes), MOE_OK);
    accumulators = rt::Block(bytes);
    EXPECT_EQ(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr), MOE_OK);
    bind(tokens);
    call.struct_size = sizeof(moe_call);
    call.phase = MOE_FORWARD;
    call.bindings = bindings;
    call.accumulators = accumulators.data();
    call.workspace = workspace.data();
    call.workspace_bytes = workspace.bytes();
  }
  OnePassCall(const OnePassCall &) = delete;

  /// Token axes have `tokens` elements from now on; the arrays must be large enough.
  void bind(int64_t tokens, int64_t first = 0) {
    call.token_count = tokens;
    wide[0] = narrow[0] = tokens;
    bindings[SCALE] = {&scale, MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[X] = {x.data() + first * CHANNELS, MOE_F32, 2, wide, nullptr, nullptr};
    bindings[BIAS] = {bias, MOE_F32, 1, channels, nullptr, nullptr};
    bindings[Y] = {y.data() + first * CHANNELS, MOE_F32, 2, wide, nullptr, nullptr};
    bindings[SIGN] = {sign.data() + first, MOE_I32, 1, narrow, nullptr, nullptr};
    bindings[MEAN] = {&mean, MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[LARGEST] = {&largest, MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[EMPTY] = {&empty, MOE_I32, 0, nullptr, nullptr, nullptr};
  }
  moe_status run() { return moe_run(executable.get(), &call); }
  moe_status run(uint32_t phase) {
    call.phase = phase;
    return run();
  }
  OnePassAccumulators &block() { return *static_cast<OnePassAccumulators *>(accumulators.data()); }

  ExecutablePtr executable;
  std::vector<float> x;
  float bias[CHANNELS];
  std::vector<float> y;
  std::vector<int32_t> sign;
  float scale = 1.5f, mean = 777, largest = 777;
  int32_t empty = 777;
  rt::Block workspace, accumulators;
  int64_t wide[2] = {0, CHANNELS}, narrow[1] = {0}, channels[1] = {CHANNELS};
  moe_binding bindings[ONE_PASS_ARRAYS];
  moe_call call = {};
};

} // namespace moe::test
