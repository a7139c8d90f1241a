// The example gates, compiled ahead of time and linked, through the shared library's C interface: on the CPU the same
// bits for every instruction set, thread count and split of the work, and the gradients of micro-batches that share
// their losses; on CUDA (mock driver, code from the real NVRTC) one launch per forward and one per backward for three
// architectures.
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
      bindings[i] = {data, array.dtype, array.rank, sizes[i].data(), nullptr, nullptr};
      if (!onDevice && array.role == MOE_INPUT)
        fill(static_cast<float *>(data), bytes / sizeof(float));
      if (array.role != MOE_INPUT)
        written.push_back({data, bytes});
    }
  }

  /// What a backward call reads of its forward call: bound to the same memory.
  void takeFrom(const Arrays &forward) {
    for (uint32_t i = 0; i < gate.array_count; ++i) {
      if (gate.arrays[i].role != MOE_INPUT)
        continue;
      int32_t same = std::max(moe_find_array(&forward.gate, gate.arrays[i].name, 1),
                              moe_find_array(&forward.gate, gate.arrays[i].name, 0));
      if (same >= 0)
        bindings[i] = forward.bindings[static_cast<size_t>(same)];
    }
  }

  /// Everything that a call has written, as bytes.
  std::string snapshot() const {
    std::string all;
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

  /// Runs the phases one after the other on fresh arrays, then the backward, and gives all that was written.
  std::string run(int64_t tokens, uint32_t threads, const char *isa, std::initializer_list<uint32_t> phases) {
    rt::Executable executable = rt::Executable::cpu(gate, threads, isa);
    Arrays arrays(gate, tokens);
    rt::Block workspace(executable.workspaceBytes(tokens)), accumulators(executable.accumulatorBytes());
    rt::Block saved(executable.savedBytes(tokens)), coefficients(executable.coefficientBytes());
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
      call.saved = saved.data();
      call.saved_bytes = saved.bytes();
      call.coefficients = coefficients.data();
      call.coefficient_bytes = coefficients.bytes();
      rt::check(moe_run(executable.get(), &call));
    }
    Arrays gradients(*gate.backward, tokens);
    gradients.takeFrom(arrays);
    moe_call call = {};
    call.struct_size = sizeof(moe_call);
    call.token_count = tokens;
    call.bindings = gradients.bindings.data();
    call.workspace = workspace.data();
    call.workspace_bytes = workspace.bytes();
    call.saved = saved.data();
    call.saved_bytes = saved.bytes();
    call.coefficients = coefficients.data();
    call.coefficient_bytes = coefficients.bytes();
    rt::check(moe_run_backward(executable.get(), &call));
    return std::string(static_cast<char *>(accumulators.data()), gate.accumulator_bytes) + arrays.snapshot() +
           gradients.snapshot();
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

/// Inputs and gradients of a gate through the C++ wrapper, cut into micro-batches.
class MicroBatches {
public:
  MicroBatches(const moe_gate &gate, float ofOutputs)
      : gate(gate), executable(rt::Executable::cpu(gate, 2)), forward(gate, tokens), gradients(*gate.backward, tokens) {
    for (uint32_t i = 0; i < gate.array_count; ++i)
      if (gate.arrays[i].role == MOE_INPUT)
        for (float &value : floats(forward, i))
          value = std::isfinite(value) ? value : 1.0f;
    for (uint32_t i = 0; i < gate.backward->array_count; ++i)
      if (gate.backward->arrays[i].role == MOE_INPUT && !isForwards(i))
        for (float &value : floats(gradients, i))
          value = std::isfinite(value) ? value * ofOutputs : 0;
  }

  /// The gradients, one after the other, of `parts` micro-batches that share their losses.
  std::vector<float> run(std::initializer_list<int64_t> parts) {
    rt::Call call(executable, tokens);
    rt::Backward backward(call);
    rt::Block coefficients(executable.coefficientBytes());
    std::vector<rt::Block> saved;
    for (int64_t part : parts)
      saved.emplace_back(executable.savedBytes(part));
    size_t index = 0;
    bind(call, forward, 0, tokens);
    call.reset();
    auto each = [&](auto &&body) {
      int64_t first = 0;
      index = 0;
      for (int64_t part : parts) {
        bind(call, forward, first, part);
        call.keep(saved[index].data(), saved[index].bytes(), coefficients.data(), coefficients.bytes());
        body(first, part);
        first += part;
        ++index;
      }
    };
    each([&](int64_t, int64_t part) { call.accumulate(part); });
    call.finish();
    std::vector<float> all;
    for (uint32_t i = 0; i < gate.backward->array_count; ++i)
      if (gate.backward->arrays[i].role == MOE_OUTPUT)
        std::fill(floats(gradients, i).begin(), floats(gradients, i).end(), 0.0f);
    each([&](int64_t first, int64_t part) {
      bind(backward, gradients, first, part);
      backward.add(part);
    });
    for (uint32_t i = 0; i < gate.backward->array_count; ++i)
      if (gate.backward->arrays[i].role == MOE_OUTPUT)
        all.insert(all.end(), floats(gradients, i).begin(), floats(gradients, i).end());
    return all;
  }

  static constexpr int64_t tokens = 3000;

private:
  struct Range {
    float *first, *last;
    float *begin() const { return first; }
    float *end() const { return last; }
  };
  static Range floats(const Arrays &arrays, uint32_t index) {
    const moe_binding &binding = arrays.bindings[index];
    int64_t count = 1;
    for (uint32_t axis = 0; axis < binding.rank; ++axis)
      count *= binding.sizes[axis];
    return {static_cast<float *>(binding.data), static_cast<float *>(binding.data) + count};
  }
  bool isForwards(uint32_t index) const {
    const char *name = gate.backward->arrays[index].name;
    return moe_find_array(&gate, name, 1) >= 0 || moe_find_array(&gate, name, 0) >= 0;
  }
  /// Binds tokens [first, first + count); what is the forward call's, a backward call finds there.
  template <typename Call> void bind(Call &call, const Arrays &arrays, int64_t first, int64_t count) {
    bool isBackward = &arrays == &gradients;
    for (uint32_t i = 0; i < arrays.gate.array_count; ++i) {
      const moe_array &array = arrays.gate.arrays[i];
      const moe_binding &all = arrays.bindings[i];
      bool in = array.role == MOE_INPUT;
      if (!all.data || (isBackward && in && isForwards(i)))
        continue;
      std::vector<int64_t> sizes(all.sizes, all.sizes + all.rank);
      size_t offset = 0;
      if (array.rank && array.sizes[0] == -1) {
        sizes[0] = count;
        offset = moe_dtype_bytes(static_cast<moe_dtype>(array.dtype)) * static_cast<size_t>(first);
        for (uint32_t axis = 1; axis < array.rank; ++axis)
          offset *= static_cast<size_t>(array.sizes[axis]);
      }
      call.bind(array.name, in, static_cast<char *>(all.data) + offset, static_cast<moe_dtype>(array.dtype),
                sizes.data(), sizes.size());
    }
  }

  const moe_gate &gate;
  rt::Executable executable;
  Arrays forward, gradients;
};

TEST_P(ExampleGate, GradientsOfMicroBatchesAreThoseOfTheWholeBatch) {
  ASSERT_NE(gate.backward, nullptr);
  for (float ofOutputs : {0.0f, 1.0f}) { // those of the losses alone are tiny beside the others
    MicroBatches batches(gate, ofOutputs);
    std::vector<float> whole = batches.run({3000}), parts = batches.run({1000, 1, 1999});
    ASSERT_EQ(whole.size(), parts.size());
    float greatest = 0;
    for (float value : whole)
      greatest = std::max(greatest, std::abs(value));
    EXPECT_GT(greatest, 0);
    for (size_t i = 0; i < whole.size(); ++i)
      ASSERT_NEAR(whole[i], parts[i], 1e-5f * greatest) << i << " of " << whole.size();
    if (ofOutputs != 0)
      continue;
    std::vector<float> alone = batches.run({1500}); // with losses of its own
    EXPECT_FALSE(std::equal(alone.begin(), alone.begin() + 1000, whole.begin()));
  }
}

/// Tells the mock the parameters of a gate's kernel.
void setParameters(const moe_gate &gate) {
  std::vector<size_t> parameters;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    parameters.push_back(gate.arrays[i].role == MOE_PARAM ? sizeof(float) : sizeof(void *));
  for (size_t bytes : {sizeof(void *), sizeof(void *), sizeof(long long), sizeof(int)})
    parameters.push_back(bytes);
  mock_cuda::setParameters(gate.cuda_kernels[0].name, parameters);
}

void checkLaunch(const moe_gate &gate, const mock_cuda::Launch &launch, int64_t tokens) {
  const moe_cuda_kernel &kernel = gate.cuda_kernels[0];
  int64_t blocks = std::max<int64_t>(1, (tokens + kernel.rows_per_block - 1) / kernel.rows_per_block);
  EXPECT_EQ(launch.kernel, kernel.name);
  EXPECT_EQ(launch.grid[0], std::min<int64_t>(blocks, kernel.max_blocks));
  EXPECT_EQ(launch.block[0], kernel.threads);
  EXPECT_EQ(launch.parameter<long long>(gate.array_count + 2), tokens);
  EXPECT_EQ(launch.parameter<int>(gate.array_count + 3), MOE_FORWARD);
}

TEST_P(ExampleGate, ForwardAndBackwardAreOneLaunchEachOnEachArchitecture) {
  setenv("MOE_CUDA_DRIVER_PATH", MOE_MOCK_CUDA, 1);
  ASSERT_EQ(gate.pass_count, 1u);
  ASSERT_EQ(gate.backward->pass_count, 1u);
  setParameters(gate);
  setParameters(*gate.backward);
  for (auto [major, minor] : {std::pair(8, 0), std::pair(9, 0), std::pair(10, 0)}) {
    mock_cuda::setDevice(major, minor);
    moe_executable *made = nullptr;
    moe_status status = moe_prepare_cuda(&gate, 0, "", &made);
    if (status == MOE_NO_DRIVER)
      GTEST_SKIP() << "needs NVRTC: " << moe_last_error();
    ASSERT_EQ(status, MOE_OK) << moe_last_error();
    std::unique_ptr<moe_executable, void (*)(moe_executable *)> executable(made, moe_release);
    uint64_t workspaceBytes = 0;
    rt::check(moe_workspace_bytes(made, 0, 0, &workspaceBytes));
    void *workspace = mock_cuda::allocate(workspaceBytes);
    void *accumulators = mock_cuda::allocate(gate.accumulator_bytes);
    rt::check(moe_init_workspace(made, workspace, workspaceBytes, nullptr));
    for (int64_t tokens : {0, 1, 4096, 1000000}) {
      Arrays arrays(gate, tokens == 1000000 ? 1 : tokens, true);
      Arrays gradients(*gate.backward, tokens == 1000000 ? 1 : tokens, true);
      gradients.takeFrom(arrays);
      if (tokens == 1000000) // more rows than any grid holds; the mock reads none
        for (Arrays *all : {&arrays, &gradients})
          for (moe_binding &binding : all->bindings)
            if (binding.rank == 2)
              const_cast<int64_t *>(binding.sizes)[0] = tokens;
      uint64_t savedBytes = 0, coefficientBytes = 0;
      rt::check(moe_saved_bytes(made, tokens, 0, &savedBytes));
      rt::check(moe_coefficient_bytes(made, &coefficientBytes));
      moe_call call = {};
      call.struct_size = sizeof(moe_call);
      call.phase = MOE_FORWARD;
      call.token_count = tokens;
      call.bindings = arrays.bindings.data();
      call.accumulators = accumulators;
      call.workspace = workspace;
      call.workspace_bytes = workspaceBytes;
      call.saved = mock_cuda::allocate(savedBytes + 1);
      call.saved_bytes = savedBytes;
      call.coefficients = mock_cuda::allocate(coefficientBytes + 1);
      call.coefficient_bytes = coefficientBytes;
      mock_cuda::reset();
      ASSERT_EQ(moe_run(made, &call), MOE_OK) << moe_last_error();
      call.phase = 0;
      call.bindings = gradients.bindings.data();
      ASSERT_EQ(moe_run_backward(made, &call), MOE_OK) << moe_last_error();
      ASSERT_EQ(mock_cuda::launches().size(), 2u) << tokens;
      for (const std::string &name : mock_cuda::calls())
        EXPECT_TRUE(name == "cuLaunchKernel" || name == "cuPointerGetAttribute" || name == "cuCtxPushCurrent" ||
                    name == "cuCtxPopCurrent")
            << name << " in a call";
      checkLaunch(gate, mock_cuda::launches()[0], tokens);
      checkLaunch(*gate.backward, mock_cuda::launches()[1], tokens);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Gates, ExampleGate,
                         testing::Values(&moe_gate_switch, &moe_gate_deepseek_moe, &moe_gate_deepseek_v2,
                                         &moe_gate_deepseek_v3),
                         [](const auto &info) { return std::string(info.param->name); });

} // namespace
} // namespace moe::test
