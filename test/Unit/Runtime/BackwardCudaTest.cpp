// Forward and backward of gates with hand-written descriptors on a mock driver: one launch per pass, whatever the
// number of losses, each with its arguments in the right order.
#include "CudaLibraries.h"
#include "TenLossCall.h"
#include "mock_cuda.h"

#include <cstdlib>

namespace moe::test {
namespace {

class BackwardCuda : public testing::Test {
protected:
  void SetUp() override {
    setenv("MOE_CUDA_DRIVER_PATH", MOE_MOCK_CUDA, 1);
    const rt::Nvrtc *nvrtc = nullptr;
    if (rt::openNvrtc(nvrtc) != MOE_OK)
      GTEST_SKIP() << "needs NVRTC: " << lastError();
    mock_cuda::reset();
    mock_cuda::setDevice(8, 0);
    setParameters(ten_loss_gate, "ten_loss");
    setParameters(*ten_loss_gate.backward, "ten_loss_backward");
    moe_executable *made = nullptr;
    ASSERT_EQ(moe_prepare_cuda(&ten_loss_gate, 0, "", &made), MOE_OK) << lastError();
    executable.reset(made);
    uint64_t bytes = 0;
    ASSERT_EQ(moe_workspace_bytes(made, 100, 0, &bytes), MOE_OK);
    EXPECT_EQ(bytes, 2048u + 64) << "the kernels' workspace, and the accumulators of a backward call behind it";
    for (moe_call *call : {&forward, &backward}) {
      call->struct_size = sizeof(moe_call);
      call->token_count = 100;
      call->workspace_bytes = bytes;
      call->stream = reinterpret_cast<void *>(0x5742);
      call->saved_bytes = 448 + 1216;
      call->coefficient_bytes = 128;
    }
    forward.workspace = backward.workspace = mock_cuda::allocate(bytes);
    forward.saved = backward.saved = mock_cuda::allocate(forward.saved_bytes);
    forward.coefficients = backward.coefficients = mock_cuda::allocate(forward.coefficient_bytes);
    forward.accumulators = mock_cuda::allocate(64);
    forward.phase = MOE_FORWARD;
    forward.bindings = forwardArrays;
    backward.bindings = backwardArrays;
    bind();
    ASSERT_EQ(moe_init_workspace(made, forward.workspace, bytes, forward.stream), MOE_OK) << lastError();
    mock_cuda::reset();
  }
  void TearDown() override {
    executable.reset();
    EXPECT_EQ(mock_cuda::openContexts(), 0) << "a context stayed pushed";
    EXPECT_EQ(mock_cuda::loadedModules(), 0) << "a module stayed loaded";
    unsetenv("MOE_CUDA_DRIVER_PATH");
  }
  static void setParameters(const moe_gate &gate, const char *kernel) {
    std::vector<size_t> sizes;
    for (uint32_t i = 0; i < gate.array_count; ++i)
      sizes.push_back(gate.arrays[i].role == MOE_PARAM ? sizeof(float) : sizeof(void *));
    for (size_t bytes : {sizeof(void *), sizeof(void *), sizeof(long long), sizeof(int)})
      sizes.push_back(bytes);
    mock_cuda::setParameters(kernel, sizes);
  }
  void bind() {
    auto rows = [&] { return moe_binding{mock_cuda::allocate(1200), MOE_F32, 2, wide, nullptr, nullptr}; };
    auto whole = [&] { return moe_binding{mock_cuda::allocate(12), MOE_F32, 1, channels, nullptr, nullptr}; };
    forwardArrays[TEN_X] = rows();
    forwardArrays[TEN_W] = whole();
    forwardArrays[TEN_Y] = rows();
    for (int k = 0; k < LOSSES; ++k)
      forwardArrays[TEN_LOSS + k] = {mock_cuda::allocate(4), MOE_F32, 0, nullptr, nullptr, nullptr};
    backwardArrays[TEN_B_W] = whole();
    backwardArrays[TEN_B_GRAD_Y] = rows();
    for (int k = 0; k < LOSSES; ++k) {
      scales[k] = static_cast<float>(k) + 0.5f;
      backwardArrays[TEN_B_SCALE + k] = {&scales[k], MOE_F32, 0, nullptr, nullptr, nullptr};
    }
    backwardArrays[TEN_B_SCALE + 9] = {}; // its default
    backwardArrays[TEN_B_GRAD_X] = rows();
    backwardArrays[TEN_B_GRAD_W] = whole();
    backwardArrays[TEN_B_SIGN] = {mock_cuda::allocate(400), MOE_I32, 1, narrow, nullptr, nullptr};
  }
  void expectRefused(std::initializer_list<const char *> parts) {
    mock_cuda::reset();
    expectFailure(moe_run_backward(executable.get(), &backward), MOE_INVALID_ARGUMENT, parts);
    EXPECT_EQ(mock_cuda::launches().size(), 0u);
  }
  char *savedAt(int64_t offset) const { return static_cast<char *>(forward.saved) + offset; }
  char *coefficientsAt(int64_t offset) const { return static_cast<char *>(forward.coefficients) + offset; }

  ExecutablePtr executable;
  int64_t wide[2] = {100, CHANNELS}, narrow[1] = {100}, channels[1] = {CHANNELS};
  float scales[LOSSES];
  moe_binding forwardArrays[TEN_ARRAYS] = {}, backwardArrays[TEN_B_ARRAYS] = {};
  moe_call forward = {}, backward = {};
};

TEST_F(BackwardCuda, ForwardAndBackwardOfTenLossesAreTwoLaunches) {
  for (uint32_t phase : {0u, static_cast<uint32_t>(MOE_ADD)}) {
    mock_cuda::reset();
    backward.phase = phase;
    ASSERT_EQ(moe_run(executable.get(), &forward), MOE_OK) << lastError();
    ASSERT_EQ(moe_run_backward(executable.get(), &backward), MOE_OK) << lastError();
    ASSERT_EQ(mock_cuda::launches().size(), 2u);
    for (const std::string &name : mock_cuda::calls())
      EXPECT_TRUE(name == "cuLaunchKernel" || name == "cuPointerGetAttribute" || name == "cuCtxPushCurrent" ||
                  name == "cuCtxPopCurrent")
          << name;
    const mock_cuda::Launch &first = mock_cuda::launches()[0], &second = mock_cuda::launches()[1];
    EXPECT_EQ(first.kernel, "ten_loss");
    EXPECT_EQ(second.kernel, "ten_loss_backward");
    EXPECT_EQ(second.grid[0], 7u) << "ceil(100 / 16)";
    EXPECT_EQ(second.block[0], 64u);
    EXPECT_EQ(second.sharedBytes, 60000u);
    EXPECT_EQ(second.stream, backward.stream);
    EXPECT_EQ(second.parameter<int>(TEN_B_ARRAYS + 3), static_cast<int>(MOE_FORWARD | phase));
  }
}

TEST_F(BackwardCuda, ArgumentsOfForward) {
  ASSERT_EQ(moe_run(executable.get(), &forward), MOE_OK) << lastError();
  const mock_cuda::Launch &launch = mock_cuda::launches().at(0);
  EXPECT_EQ(launch.parameter<void *>(TEN_X), forwardArrays[TEN_X].data);
  EXPECT_EQ(launch.parameter<char *>(TEN_KEPT_SIGN), savedAt(0));
  EXPECT_EQ(launch.parameter<char *>(TEN_KEPT_X), savedAt(448)) << "behind 100 words, on a multiple of 64";
  EXPECT_EQ(launch.parameter<char *>(TEN_SLOPE), coefficientsAt(0));
  EXPECT_EQ(launch.parameter<char *>(TEN_CURVE), coefficientsAt(64));
  EXPECT_EQ(launch.parameter<void *>(TEN_ARRAYS), forward.accumulators);
  EXPECT_EQ(launch.parameter<void *>(TEN_ARRAYS + 1), forward.workspace);
}

TEST_F(BackwardCuda, ArgumentsOfBackward) {
  ASSERT_EQ(moe_run_backward(executable.get(), &backward), MOE_OK) << lastError();
  const mock_cuda::Launch &launch = mock_cuda::launches().at(0);
  EXPECT_EQ(launch.parameter<char *>(TEN_B_CURVE), coefficientsAt(64));
  EXPECT_EQ(launch.parameter<char *>(TEN_B_KEPT_X), savedAt(448));
  EXPECT_EQ(launch.parameter<char *>(TEN_B_KEPT_SIGN), savedAt(0));
  EXPECT_EQ(launch.parameter<char *>(TEN_B_SLOPE), coefficientsAt(0));
  for (int index : {TEN_B_W, TEN_B_GRAD_Y, TEN_B_GRAD_X, TEN_B_GRAD_W, TEN_B_SIGN})
    EXPECT_EQ(launch.parameter<void *>(static_cast<size_t>(index)), backwardArrays[index].data) << index;
  for (int k = 0; k < 9; ++k)
    EXPECT_EQ(launch.parameter<float>(static_cast<size_t>(TEN_B_SCALE + k)), static_cast<float>(k) + 0.5f);
  EXPECT_EQ(launch.parameter<float>(TEN_B_SCALE + 9), 1.0f) << "the default";
  EXPECT_EQ(launch.parameter<char *>(TEN_B_ARRAYS), static_cast<char *>(backward.workspace) + 2048)
      << "accumulators, behind the kernel's own workspace";
  EXPECT_EQ(launch.parameter<void *>(TEN_B_ARRAYS + 1), backward.workspace);
  EXPECT_EQ(launch.parameter<long long>(TEN_B_ARRAYS + 2), 100);
}

TEST_F(BackwardCuda, NothingKeptIsNullPointers) {
  forward.saved = forward.coefficients = nullptr;
  ASSERT_EQ(moe_run(executable.get(), &forward), MOE_OK) << lastError();
  const mock_cuda::Launch &launch = mock_cuda::launches().at(0);
  for (int index : {TEN_KEPT_SIGN, TEN_KEPT_X, TEN_SLOPE, TEN_CURVE})
    EXPECT_EQ(launch.parameter<void *>(static_cast<size_t>(index)), nullptr) << index;
}

TEST_F(BackwardCuda, ThePhaseDecidesWhichBlockIsGiven) {
  mock_cuda::reset();
  forward.phase = MOE_FINISH;
  ASSERT_EQ(moe_run(executable.get(), &forward), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::launches().at(0).parameter<void *>(TEN_KEPT_X), nullptr);
  EXPECT_EQ(mock_cuda::launches().at(0).parameter<char *>(TEN_SLOPE), coefficientsAt(0));
}

TEST_F(BackwardCuda, HostPointersAreRefused) {
  rt::Block host(4096);
  for (int index : {TEN_B_W, TEN_B_GRAD_Y, TEN_B_GRAD_X, TEN_B_GRAD_W, TEN_B_SIGN}) {
    bind();
    backwardArrays[index].data = host.data();
    expectRefused({ten_loss_gate.backward->arrays[index].name, "host pointer", "CUDA device"});
  }
  bind();
  backward.saved = host.data();
  expectRefused({"block 'saved'", "host pointer"});
  backward.saved = forward.saved;
  backward.coefficients = host.data();
  expectRefused({"block 'coefficients'", "host pointer"});
  forward.coefficients = host.data();
  expectFailure(moe_run(executable.get(), &forward), MOE_INVALID_ARGUMENT, {"block 'coefficients'", "host pointer"});
  backward.coefficients = nullptr;
  expectRefused({"moe_call.coefficients is null"});
}

TEST_F(BackwardCuda, WorkspaceOfForwardAloneIsTooSmall) {
  backward.workspace_bytes = 1024;
  expectRefused({"the workspace has 1024 bytes", "2112"});
}

TEST_F(BackwardCuda, DriverFailuresAreStatuses) {
  mock_cuda::failNext("cuLaunchKernel");
  expectFailure(moe_run_backward(executable.get(), &backward), MOE_DRIVER_FAILED,
                {"cuLaunchKernel of 'ten_loss_backward'", "719"});
}

TEST_F(BackwardCuda, KernelsOfSeveralPassesFollowThoseOfForward) {
  moe_gate gate = two_pass_gate;
  gate.backward = &two_pass_backward_gate;
  gate.cuda_source = "extern \"C\" __global__ void center() {}\nextern \"C\" __global__ void spread() {}\n"
                     "extern \"C\" __global__ void center_backward() {}\n"
                     "extern \"C\" __global__ void spread_backward() {}\n";
  for (const char *kernel : {"center", "spread"})
    setParameters(gate, kernel);
  for (const char *kernel : {"center_backward", "spread_backward"})
    setParameters(*gate.backward, kernel);
  rt::Executable cuda = rt::Executable::cuda(gate, 0, "");
  uint64_t bytes = cuda.workspaceBytes(100);
  char *workspace = static_cast<char *>(mock_cuda::allocate(bytes));
  rt::Call call(cuda, workspace, bytes, mock_cuda::allocate(64), backward.stream);
  void *x = forwardArrays[TEN_X].data, *y = forwardArrays[TEN_Y].data;
  call.bind("x", true, x, MOE_F32, wide, 2).bind("x", false, y, MOE_F32, wide, 2);
  call.bind("variance", false, forwardArrays[TEN_LOSS].data, MOE_F32, nullptr, 0);
  rt::Backward gradient(call);
  void *given = backwardArrays[TEN_B_GRAD_Y].data, *made = backwardArrays[TEN_B_GRAD_X].data;
  gradient.bind("grad_x", true, given, MOE_F32, wide, 2).bind("grad_x", false, made, MOE_F32, wide, 2);
  mock_cuda::reset();
  call.forward(100);
  gradient.run(100);
  ASSERT_EQ(mock_cuda::launches().size(), 4u);
  const char *names[] = {"center", "spread", "center_backward", "spread_backward"};
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(mock_cuda::launches()[i].kernel, names[i]);
  for (size_t i : {2u, 3u}) {
    const mock_cuda::Launch &launch = mock_cuda::launches()[i];
    EXPECT_EQ(launch.parameter<void *>(TWO_B_X), x) << "the forward call's input";
    EXPECT_EQ(launch.parameter<void *>(TWO_B_GRAD_Y), given);
    EXPECT_EQ(launch.parameter<float>(TWO_B_SCALE), 1.0f);
    EXPECT_EQ(launch.parameter<char *>(TWO_B_MEANS), workspace + MOE_WORKSPACE_HEADER_BYTES);
    EXPECT_EQ(launch.parameter<void *>(TWO_B_GRAD_X), made);
  }
}

TEST_F(BackwardCuda, KernelOfBackwardMissingFromTheModule) {
  moe_gate gate = ten_loss_gate, other = *ten_loss_gate.backward;
  moe_cuda_kernel kernel = other.cuda_kernels[0];
  kernel.name = "absent";
  other.cuda_kernels = &kernel;
  gate.backward = &other;
  moe_executable *made = nullptr;
  expectFailure(moe_prepare_cuda(&gate, 0, "", &made), MOE_DRIVER_FAILED, {"'absent'"});
  EXPECT_EQ(made, nullptr);
}

} // namespace
} // namespace moe::test
