// The example gates, compiled ahead of time and linked, through the shared library's C interface: on the CPU the same
// bits for every instruction set, thread count and split of the work; on CUDA (mock driver, code from the real NVRTC)
// one launch per forward for three architectures.
#include "mock_cuda.h"
#include "moe/runtime.hpp"

#include "deepseek_moe.h"
#include "deepseek_v2.h"
#include "deepseek_v3.h"
#include "switch.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace moe::test {
namespace {

/// Memory for every array of a gate, made from the descriptor alone.
class Arrays {
public:
  Arrays(const moe_gate &gate, int64_t tokens, bool onDevice = false) : gate(gate), bindings(gate.array_count) {
    sizes.resize(gate.array_count);
    for (uint32_t i = 0; i < gate.array_count; ++i) {
      const moe_array &array = gate.arrays[i];
      if (array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || array.role == MOE_SAVED)
        continue; // defaults, and what is not bound
      size_t bytes = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
      for (uint32_t axis = 0; axis < array.rank; ++axis) {
        sizes[i].push_back(array.sizes[axis] == -1 ? tokens : array.sizes[axis]);
        bytes *= static_cast<size_t>(sizes[i].back());
      }
      blocks.emplace_back(onDevice ? 0 : bytes);
      void *data = onDevice ? mock_cuda::allocate(bytes) : blocks.back().data();
      if (!onDevice)
        std::memset(data, 0x5a, bytes);
      bindings[i] = {data, array.dtype, array.rank, sizes[i].data(), nullptr};
      if (!onDevice && array.role == MOE_INPUT)
        fill(static_cast<float *>(data), bytes / sizeof(float));
      if (array.role != MOE_INPUT)
        written.push_back({data, bytes});
    }
  }

  /// Everything that a call has written, and the accumulators, as bytes.
  std::string snapshot(const void *accumulators) const {
    std::string all(static_cast<const char *>(accumulators), gate.accumulator_bytes);
    for (auto [data, bytes] : written)
      all.append(static_cast<const char *>(data), bytes);
    return all;
  }

  const moe_gate &gate;
  std::vector<moe_binding> bindings;

private:
  /// Mostly ordinary logits; now and then ties, all-equal stretches, infinities and NaN.
  static void fill(float *values, size_t count) {
    std::mt19937 random(1234);
    std::normal_distribution<float> normal(0.0f, 2.0f);
    for (size_t i = 0; i < count; ++i) {
      values[i] = normal(random);
      if (i / 700 % 5 == 1)
        values[i] = std::round(values[i]);
      if (i / 700 % 5 == 2)
        values[i] = 0.25f;
    }
    constexpr float odd[] = {INFINITY, -INFINITY, std::numeric_limits<float>::quiet_NaN(), -0.0f, 1e-42f};
    for (size_t i = 3000; i < count; i += 4093)
      values[i] = odd[i / 4093 % 5];
  }

  std::vector<std::vector<int64_t>> sizes;
  std::vector<rt::Block> blocks;
  std::vector<std::pair<void *, size_t>> written;
};

class ExampleGate : public testing::TestWithParam<const moe_gate *> {
protected:
  const moe_gate &gate = *GetParam();

  /// Runs the phases one after the other on fresh arrays, and gives all that was written.
  std::string run(int64_t tokens, uint32_t threads, const char *isa, std::initializer_list<uint32_t> phases) {
    rt::Executable executable = rt::Executable::cpu(gate, threads, isa);
    Arrays arrays(gate, tokens);
    rt::Block workspace(executable.workspaceBytes(tokens)), accumulators(executable.accumulatorBytes());
    std::memset(workspace.data(), 0xff, workspace.bytes());
    std::memset(accumulators.data(), 0, accumulators.bytes());
    rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
    for (uint32_t phase : phases) {
      moe_call call = {};
      call.struct_size = sizeof(moe_call);
      call.phase = phase;
      call.token_count = tokens;
      call.bindings = arrays.bindings.data();
      call.accumulators = accumulators.data();
      call.workspace = workspace.data();
      call.workspace_bytes = workspace.bytes();
      rt::check(moe_run(executable.get(), &call));
    }
    return arrays.snapshot(accumulators.data());
  }
};

TEST_P(ExampleGate, SameBitsForEveryVariantAndThreadCount) {
  ASSERT_GT(gate.cpu_variant_count, 0u);
  for (int64_t tokens : {0, 1, 7, 4096, 5003}) {
    std::string first;
    for (uint32_t i = 0; i < gate.cpu_variant_count; ++i) {
      const char *isa = gate.cpu_variants[i].isa;
      moe_executable *probe = nullptr;
      if (moe_prepare_cpu(&gate, 1, isa, &probe) == MOE_UNSUPPORTED)
        continue; // not on this machine
      moe_release(probe);
      for (uint32_t threads : {1u, 2u, 7u}) {
        std::string result = run(tokens, threads, isa, {MOE_FORWARD});
        if (first.empty())
          first = result;
        EXPECT_TRUE(result == first) << isa << ", " << threads << " threads, " << tokens << " tokens";
      }
    }
    EXPECT_FALSE(first.empty()) << "no variant runs here";
  }
}

TEST_P(ExampleGate, AccumulateThenFinishIsForward) {
  for (int64_t tokens : {0, 7, 4096}) {
    std::string forward = run(tokens, 2, nullptr, {MOE_FORWARD});
    EXPECT_TRUE(run(tokens, 2, nullptr, {MOE_ACCUMULATE | MOE_RESET, MOE_FINISH}) == forward) << tokens;
    EXPECT_TRUE(run(tokens, 2, nullptr, {MOE_FORWARD, MOE_FORWARD}) == forward) << tokens;
    if (tokens > 0)
      EXPECT_FALSE(run(tokens, 2, nullptr, {MOE_FORWARD, MOE_ACCUMULATE | MOE_FINISH}) == forward)
          << "the second call's tokens were not added";
  }
}

TEST_P(ExampleGate, ForwardIsOneLaunchOnEachArchitecture) {
  setenv("MOE_CUDA_DRIVER_PATH", MOE_MOCK_CUDA, 1);
  ASSERT_EQ(gate.pass_count, 1u);
  std::vector<size_t> parameters;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    parameters.push_back(gate.arrays[i].role == MOE_PARAM ? sizeof(float) : sizeof(void *));
  for (size_t bytes : {sizeof(void *), sizeof(void *), sizeof(long long), sizeof(int)})
    parameters.push_back(bytes);
  const moe_cuda_kernel &kernel = gate.cuda_kernels[0];
  mock_cuda::setParameters(kernel.name, parameters);
  for (auto [major, minor] : {std::pair(8, 0), std::pair(9, 0), std::pair(10, 0)}) {
    mock_cuda::setDevice(major, minor);
    moe_executable *made = nullptr;
    moe_status status = moe_prepare_cuda(&gate, 0, "", &made);
    if (status == MOE_NO_DRIVER)
      GTEST_SKIP() << "needs NVRTC: " << moe_last_error();
    ASSERT_EQ(status, MOE_OK) << moe_last_error();
    std::unique_ptr<moe_executable, void (*)(moe_executable *)> executable(made, moe_release);
    uint64_t workspaceBytes = 0;
    rt::check(moe_workspace_bytes(made, 0, &workspaceBytes));
    void *workspace = mock_cuda::allocate(workspaceBytes);
    void *accumulators = mock_cuda::allocate(gate.accumulator_bytes);
    rt::check(moe_init_workspace(made, workspace, workspaceBytes, nullptr));
    for (int64_t tokens : {0, 1, 4096, 1000000}) {
      Arrays arrays(gate, tokens == 1000000 ? 1 : tokens, true);
      if (tokens == 1000000) // more rows than any grid holds; the mock reads none
        for (moe_binding &binding : arrays.bindings)
          if (binding.rank == 2)
            const_cast<int64_t *>(binding.sizes)[0] = tokens;
      moe_call call = {};
      call.struct_size = sizeof(moe_call);
      call.phase = MOE_FORWARD;
      call.token_count = tokens;
      call.bindings = arrays.bindings.data();
      call.accumulators = accumulators;
      call.workspace = workspace;
      call.workspace_bytes = workspaceBytes;
      mock_cuda::reset();
      ASSERT_EQ(moe_run(made, &call), MOE_OK) << moe_last_error();
      ASSERT_EQ(mock_cuda::launches().size(), 1u) << tokens;
      for (const std::string &name : mock_cuda::calls())
        EXPECT_TRUE(name == "cuLaunchKernel" || name == "cuPointerGetAttribute" || name == "cuCtxPushCurrent" ||
                    name == "cuCtxPopCurrent")
            << name << " in a call";
      const mock_cuda::Launch &launch = mock_cuda::launches()[0];
      int64_t blocks = std::max<int64_t>(1, (tokens + kernel.rows_per_block - 1) / kernel.rows_per_block);
      EXPECT_EQ(launch.kernel, kernel.name);
      EXPECT_EQ(launch.grid[0], std::min<int64_t>(blocks, kernel.max_blocks));
      EXPECT_EQ(launch.block[0], kernel.threads);
      EXPECT_EQ(launch.parameter<long long>(gate.array_count + 2), tokens);
      EXPECT_EQ(launch.parameter<int>(gate.array_count + 3), MOE_FORWARD);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Gates, ExampleGate,
                         testing::Values(&moe_gate_switch, &moe_gate_deepseek_moe, &moe_gate_deepseek_v2,
                                         &moe_gate_deepseek_v3),
                         [](const auto &info) { return std::string(info.param->name); });

} // namespace
} // namespace moe::test
