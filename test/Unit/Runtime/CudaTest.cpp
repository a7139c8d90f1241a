// CUDA executables on a mock driver, with code from the real NVRTC: one launch per pass with the right grid and
// parameters, nothing that allocates or waits in a call, and every invalid pointer refused.
#include "Compile.h"
#include "CubinCache.h"
#include "OnePassCall.h"
#include "mock_cuda.h"

#include <cstdlib>
#include <dirent.h>
#include <elf.h>

namespace moe::test {
namespace {

/// Device arrays and blocks for one_pass_gate, through the C interface.
class Cuda : public testing::Test {
protected:
  void SetUp() override {
    setenv("MOE_CUDA_DRIVER_PATH", MOE_MOCK_CUDA, 1);
    const rt::Nvrtc *nvrtc = nullptr;
    if (rt::openNvrtc(nvrtc) != MOE_OK)
      GTEST_SKIP() << "needs NVRTC: " << lastError();
    mock_cuda::reset();
    mock_cuda::setDevice(8, 0);
    mock_cuda::setParameters("one_pass", {4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4});
    mock_cuda::setParameters("center", {8, 8, 8, 8, 8, 8, 8, 8, 4});
    mock_cuda::setParameters("spread", {8, 8, 8, 8, 8, 8, 8, 8, 4});
  }
  void TearDown() override {
    executable.reset();
    EXPECT_EQ(mock_cuda::openContexts(), 0) << "a context stayed pushed";
    EXPECT_EQ(mock_cuda::retainedContexts(), 0) << "a context stayed retained";
    EXPECT_EQ(mock_cuda::loadedModules(), 0) << "a module stayed loaded";
    unsetenv("MOE_CUDA_DRIVER_PATH");
  }
  moe_status prepare(const moe_gate &gate, const char *cacheDir = "", uint32_t ordinal = 0) {
    moe_executable *made = nullptr;
    moe_status status = moe_prepare_cuda(&gate, ordinal, cacheDir, &made);
    executable.reset(made);
    return status;
  }
  void prepareCall(int64_t tokens) {
    ASSERT_EQ(prepare(one_pass_gate), MOE_OK) << lastError();
    uint64_t bytes = 0;
    ASSERT_EQ(moe_workspace_bytes(executable.get(), tokens, 0, &bytes), MOE_OK);
    EXPECT_EQ(bytes, one_pass_gate.cuda_workspace_bytes);
    call = {};
    call.struct_size = sizeof(moe_call);
    call.phase = MOE_FORWARD;
    call.bindings = bindings;
    call.accumulators = mock_cuda::allocate(sizeof(OnePassAccumulators));
    call.workspace = mock_cuda::allocate(bytes);
    call.workspace_bytes = bytes;
    call.stream = reinterpret_cast<void *>(0x5742);
    bind(tokens);
    ASSERT_EQ(moe_init_workspace(executable.get(), call.workspace, bytes, call.stream), MOE_OK) << lastError();
    mock_cuda::reset();
  }
  void bind(int64_t tokens) {
    call.token_count = tokens;
    wide[0] = narrow[0] = tokens;
    auto device = [](int64_t bytes) { return mock_cuda::allocate(static_cast<size_t>(bytes)); };
    bindings[SCALE] = {&scale, MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[X] = {device(tokens * 12), MOE_F32, 2, wide, nullptr, nullptr};
    bindings[BIAS] = {device(12), MOE_F32, 1, channels, nullptr, nullptr};
    bindings[Y] = {device(tokens * 12), MOE_F32, 2, wide, nullptr, nullptr};
    bindings[SIGN] = {device(tokens * 4), MOE_I32, 1, narrow, nullptr, nullptr};
    bindings[MEAN] = {device(4), MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[LARGEST] = {device(4), MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[EMPTY] = {device(4), MOE_I32, 0, nullptr, nullptr, nullptr};
  }
  moe_status run() { return moe_run(executable.get(), &call); }
  void expectRefused(std::initializer_list<const char *> parts) {
    mock_cuda::reset();
    expectFailure(run(), MOE_INVALID_ARGUMENT, parts);
    EXPECT_EQ(mock_cuda::launches().size(), 0u);
  }

  ExecutablePtr executable;
  float scale = 1.5f;
  int64_t wide[2] = {0, CHANNELS}, narrow[1] = {0}, channels[1] = {CHANNELS};
  moe_binding bindings[ONE_PASS_ARRAYS] = {};
  moe_call call = {};
};

TEST_F(Cuda, PreparesFromACubinForTheDevice) {
  mock_cuda::setDevice(9, 0);
  ASSERT_EQ(prepare(one_pass_gate), MOE_OK) << lastError();
  ASSERT_EQ(mock_cuda::modules().size(), 1u);
  EXPECT_EQ(mock_cuda::modules()[0].substr(0, SELFMAG), ELFMAG);
  EXPECT_EQ(mock_cuda::openContexts(), 0);
}

TEST_F(Cuda, PreparesFromPtxForADeviceNewerThanNvrtc) {
  mock_cuda::setDevice(99, 0);
  ASSERT_EQ(prepare(one_pass_gate), MOE_OK) << lastError();
  ASSERT_EQ(mock_cuda::modules().size(), 1u);
  EXPECT_NE(mock_cuda::modules()[0].find(".visible .entry one_pass"), std::string::npos);
}

TEST_F(Cuda, ForwardIsOneLaunchAndNothingThatAllocatesOrWaits) {
  prepareCall(1000);
  for (int repeat = 0; repeat < 3; ++repeat) {
    mock_cuda::reset();
    ASSERT_EQ(run(), MOE_OK) << lastError();
    EXPECT_EQ(mock_cuda::launches().size(), 1u);
    for (const std::string &name : mock_cuda::calls())
      EXPECT_TRUE(name == "cuLaunchKernel" || name == "cuPointerGetAttribute" || name == "cuCtxPushCurrent" ||
                  name == "cuCtxPopCurrent")
          << name;
  }
}

TEST_F(Cuda, RuntimeAndTestSeeTheSameMock) {
  const rt::CudaDriver *driver = nullptr;
  ASSERT_EQ(rt::openDriver(driver), MOE_OK);
  void *device = mock_cuda::allocate(16);
  mock_cuda::reset();
  ASSERT_EQ(driver->memsetAsync(reinterpret_cast<uint64_t>(device), 0, 16, nullptr), 0);
  EXPECT_EQ(mock_cuda::callCount("cuMemsetD8Async"), 1);
}

TEST_F(Cuda, LaunchHasGridStreamAndParametersOfTheContract) {
  prepareCall(100);
  ASSERT_EQ(run(), MOE_OK) << lastError();
  const mock_cuda::Launch &launch = mock_cuda::launches().at(0);
  EXPECT_EQ(launch.kernel, "one_pass");
  EXPECT_EQ(launch.grid[0], 4u) << "min(max_blocks, ceil(100 / 32))";
  EXPECT_EQ(launch.grid[1] * launch.grid[2], 1u);
  EXPECT_EQ(launch.block[0], 128u);
  EXPECT_EQ(launch.block[1] * launch.block[2], 1u);
  EXPECT_EQ(launch.sharedBytes, 0u);
  EXPECT_EQ(launch.stream, call.stream);
  EXPECT_EQ(launch.parameter<float>(SCALE), 1.5f);
  for (int index : {X, BIAS, Y, SIGN, MEAN, LARGEST, EMPTY})
    EXPECT_EQ(launch.parameter<void *>(index), bindings[index].data) << index;
  EXPECT_EQ(launch.parameter<void *>(ONE_PASS_ARRAYS), call.accumulators);
  EXPECT_EQ(launch.parameter<void *>(ONE_PASS_ARRAYS + 1), call.workspace);
  EXPECT_EQ(launch.parameter<long long>(ONE_PASS_ARRAYS + 2), 100);
  EXPECT_EQ(launch.parameter<int>(ONE_PASS_ARRAYS + 3), MOE_FORWARD);
}

TEST_F(Cuda, GridFollowsTheTokens) {
  const std::pair<int64_t, unsigned> cases[] = {{0, 1}, {1, 1}, {32, 1}, {33, 2}, {96, 3}, {97, 4}, {100000, 4}};
  prepareCall(0);
  for (auto [tokens, blocks] : cases) {
    mock_cuda::reset();
    bind(tokens);
    ASSERT_EQ(run(), MOE_OK) << lastError();
    EXPECT_EQ(mock_cuda::launches().at(0).grid[0], blocks) << tokens;
    EXPECT_EQ(mock_cuda::launches().at(0).parameter<long long>(ONE_PASS_ARRAYS + 2), tokens);
  }
}

TEST_F(Cuda, PhasesReachTheKernel) {
  prepareCall(100);
  for (int phase : {MOE_ACCUMULATE | MOE_RESET, +MOE_ACCUMULATE, MOE_ACCUMULATE | MOE_FINISH, +MOE_FINISH}) {
    mock_cuda::reset();
    call.phase = static_cast<uint32_t>(phase);
    ASSERT_EQ(run(), MOE_OK) << lastError();
    const mock_cuda::Launch &launch = mock_cuda::launches().at(0);
    EXPECT_EQ(launch.parameter<int>(ONE_PASS_ARRAYS + 3), phase);
    EXPECT_EQ(launch.parameter<long long>(ONE_PASS_ARRAYS + 2), phase == MOE_FINISH ? 0 : 100);
    EXPECT_EQ(launch.grid[0], phase == MOE_FINISH ? 1u : 4u);
  }
  call.accumulators = nullptr;
  call.phase = MOE_ACCUMULATE;
  mock_cuda::reset();
  ASSERT_EQ(run(), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::launches().at(0).parameter<void *>(ONE_PASS_ARRAYS), nullptr);
}

TEST_F(Cuda, UnboundParamIsItsDefault) {
  prepareCall(100);
  bindings[SCALE] = {};
  ASSERT_EQ(run(), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::launches().at(0).parameter<float>(SCALE), 2.0f);
}

TEST_F(Cuda, SeveralPassesAreOneLaunchEachWithCoefficientsInTheWorkspace) {
  ASSERT_EQ(prepare(two_pass_gate), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::callCount("cuFuncSetAttribute"), 1) << "100000 bytes of shared memory have to be asked for";
  char *workspace = static_cast<char *>(mock_cuda::allocate(8192));
  ASSERT_EQ(moe_init_workspace(executable.get(), workspace, 8192, nullptr), MOE_OK) << lastError();
  EXPECT_EQ(workspace[0] | workspace[8191], 0) << "the workspace is not zeroed";
  rt::Executable gate = rt::Executable::cuda(two_pass_gate, 0, "");
  float *x = static_cast<float *>(mock_cuda::allocate(1200)), *y = static_cast<float *>(mock_cuda::allocate(1200));
  float *variance = static_cast<float *>(mock_cuda::allocate(4, true)); // managed memory is fine
  rt::Call forward(gate, workspace, 8192, mock_cuda::allocate(64));
  forward.input("x", x, {100, CHANNELS}).output("x", y, {100, CHANNELS}).output("variance", variance, {});
  mock_cuda::reset();
  forward.forward(100);
  ASSERT_EQ(mock_cuda::launches().size(), 2u);
  const mock_cuda::Launch &first = mock_cuda::launches()[0], &second = mock_cuda::launches()[1];
  EXPECT_EQ(first.kernel, "center");
  EXPECT_EQ(first.grid[0], 13u);
  EXPECT_EQ(first.block[0], 64u);
  EXPECT_EQ(second.kernel, "spread");
  EXPECT_EQ(second.grid[0], 2u);
  EXPECT_EQ(second.sharedBytes, 100000u);
  for (const mock_cuda::Launch *launch : {&first, &second}) {
    EXPECT_EQ(launch->parameter<char *>(CENTER2), workspace + MOE_WORKSPACE_HEADER_BYTES);
    EXPECT_EQ(launch->parameter<char *>(DEVIATION2), workspace + MOE_WORKSPACE_HEADER_BYTES + 64);
    EXPECT_EQ(launch->parameter<int>(TWO_PASS_ARRAYS + 3), MOE_FORWARD);
  }
}

TEST_F(Cuda, HostPointersAreRefused) {
  prepareCall(100);
  std::vector<float> host(300);
  for (int index : {X, BIAS, Y, SIGN, MEAN, LARGEST, EMPTY}) {
    bind(100);
    bindings[index].data = host.data();
    expectRefused({one_pass_gate.arrays[index].name, "host pointer", "CUDA device"});
  }
  bind(100);
  rt::Block block(4096);
  void *accumulators = call.accumulators;
  call.accumulators = block.data();
  expectRefused({"accumulators", "host pointer"});
  call.accumulators = accumulators;
  expectFailure(moe_init_workspace(executable.get(), block.data(), 4096, nullptr), MOE_INVALID_ARGUMENT,
                {"workspace", "host pointer"});
}

TEST_F(Cuda, RowsOfSixteenBytesNeedSixteenByteAlignment) {
  // one_pass_gate with 4 channels instead of 3.
  const int64_t four[] = {-1, 4};
  std::vector<moe_array> arrays(one_pass_gate.arrays, one_pass_gate.arrays + ONE_PASS_ARRAYS);
  arrays[X].sizes = four;
  moe_gate gate = one_pass_gate;
  gate.arrays = arrays.data();
  prepareCall(100);
  ASSERT_EQ(prepare(gate), MOE_OK) << lastError();
  ASSERT_EQ(moe_init_workspace(executable.get(), call.workspace, call.workspace_bytes, nullptr), MOE_OK);
  const int64_t sizes[] = {100, 4};
  char *memory = static_cast<char *>(mock_cuda::allocate(2000));
  bindings[X].sizes = sizes;
  for (int offset : {4, 8, 12}) {
    bindings[X].data = memory + offset;
    expectRefused({"input 'x'", "misaligned", "multiple of 16 bytes"});
  }
  bindings[X].data = memory + 16; // the same array from its second token on
  EXPECT_EQ(run(), MOE_OK) << lastError();
  bindings[Y].data = static_cast<char *>(bindings[Y].data) + 4; // rows of 12 bytes start anywhere
  EXPECT_EQ(run(), MOE_OK) << lastError();
}

TEST_F(Cuda, WorkspaceMustBeInitialisedAndLargeEnough) {
  prepareCall(100);
  void *workspace = call.workspace;
  call.workspace = mock_cuda::allocate(4096);
  expectRefused({"not initialised", "moe_init_workspace"});
  call.workspace = workspace;
  call.workspace_bytes = 4095;
  expectRefused({"the workspace has 4095 bytes", "4096"});
  call.workspace_bytes = 8192;
  expectRefused({"initialised with 4096 bytes"});
}

TEST_F(Cuda, ShapesAreCheckedAsOnTheCpu) {
  prepareCall(100);
  const int64_t other[] = {100, 4};
  bindings[X].sizes = other;
  expectRefused({"input 'x'", "[100, 4]", "expected [100, 3]"});
}

TEST_F(Cuda, MissingDeviceIsSaid) {
  expectFailure(prepare(one_pass_gate, "", 3), MOE_INVALID_ARGUMENT, {"device 3", "has 1"});
  mock_cuda::setDevice(3, 5);
  expectFailure(prepare(one_pass_gate), MOE_UNSUPPORTED, {"sm_35"});
}

TEST_F(Cuda, DriverFailuresAreStatuses) {
  for (const char *function : {"cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDevicePrimaryCtxRetain",
                               "cuCtxPushCurrent", "cuDeviceGetAttribute", "cuModuleLoadData", "cuModuleGetFunction"}) {
    mock_cuda::failNext(function);
    expectFailure(prepare(one_pass_gate), MOE_DRIVER_FAILED, {function, "719", "mock failure"});
    EXPECT_EQ(mock_cuda::openContexts(), 0) << function;
  }
  mock_cuda::failNext("cuFuncSetAttribute");
  expectFailure(prepare(two_pass_gate), MOE_DRIVER_FAILED, {"100000 bytes of shared memory for 'spread'"});
  prepareCall(100);
  mock_cuda::failNext("cuLaunchKernel");
  expectFailure(run(), MOE_DRIVER_FAILED, {"cuLaunchKernel of 'one_pass'", "719"});
  mock_cuda::failNext("cuMemsetD8Async");
  expectFailure(moe_init_workspace(executable.get(), call.workspace, 4096, nullptr), MOE_DRIVER_FAILED,
                {"cuMemsetD8Async"});
  EXPECT_EQ(run(), MOE_OK) << lastError();
}

TEST_F(Cuda, KernelMissingFromTheModule) {
  moe_cuda_kernel kernel = one_pass_gate.cuda_kernels[0];
  moe_gate gate = one_pass_gate;
  kernel.name = "absent";
  gate.cuda_kernels = &kernel;
  expectFailure(prepare(gate), MOE_DRIVER_FAILED, {"'absent'"});
}

TEST_F(Cuda, RefusedSourceIsACompileFailure) {
  moe_gate gate = one_pass_gate;
  gate.cuda_source = "this is not CUDA";
  expectFailure(prepare(gate), MOE_COMPILE_FAILED, {"one_pass.cu", "error"});
}

/// Files in a folder.
int countFiles(const std::string &directory) {
  int count = 0;
  DIR *folder = opendir(directory.c_str());
  for (dirent *entry; folder && (entry = readdir(folder));)
    count += entry->d_name[0] != '.';
  if (folder)
    closedir(folder);
  return count;
}

/// Writes other code under the key of one_pass_gate's file for sm_80.
void replaceCachedCode(const std::string &directory, const std::string &code) {
  const rt::Nvrtc *nvrtc = nullptr;
  ASSERT_EQ(rt::openNvrtc(nvrtc), MOE_OK);
  std::string key = rt::compileKey(*nvrtc, "sm_80", false) + one_pass_gate.cuda_source, found;
  ASSERT_TRUE(rt::readCached(directory, key, found));
  ASSERT_TRUE(rt::writeCached(directory, key, code));
}

TEST_F(Cuda, CacheIsUsedReplacedWhenDamagedAndNeverFatal) {
  std::string directory = std::string(MOE_TEST_OUTPUT_DIR) + "/cubins.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ASSERT_EQ(prepare(one_pass_gate, directory.c_str()), MOE_OK) << lastError();
  ASSERT_EQ(countFiles(directory), 1);

  // The second time it comes from the cache: the driver gets what stands in the file.
  replaceCachedCode(directory, "\x7f"
                               "ELF from the cache");
  ASSERT_EQ(prepare(one_pass_gate, directory.c_str()), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::modules().back().substr(4), " from the cache");
  EXPECT_EQ(countFiles(directory), 1);
  EXPECT_EQ(mock_cuda::modules().size(), 2u);

  // A cached cubin that the driver refuses is compiled anew.
  mock_cuda::failNext("cuModuleLoadData");
  ASSERT_EQ(prepare(one_pass_gate, directory.c_str()), MOE_OK) << lastError();
  EXPECT_EQ(mock_cuda::modules().size(), 4u);

  // Another architecture is another file.
  mock_cuda::setDevice(9, 0);
  ASSERT_EQ(prepare(one_pass_gate, directory.c_str()), MOE_OK) << lastError();
  EXPECT_EQ(countFiles(directory), 2);

  // A cache that cannot be written.
  EXPECT_EQ(prepare(one_pass_gate, "/proc/moe-cache"), MOE_OK) << lastError();
  EXPECT_EQ(std::system(("rm -r '" + directory + "'").c_str()), 0);
}

} // namespace
} // namespace moe::test
