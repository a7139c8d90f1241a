// The real NVRTC, where this machine has one: cubins and PTX without a GPU, the resource report, and refusals. Absence
// is tested everywhere.
#include "Compile.h"
#include "OnePassCall.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>

namespace moe::test {
namespace {

constexpr const char *source = R"(extern "C" __global__ void twice(const float *x, float *y, long long n) {
  long long i = blockIdx.x * 128LL + threadIdx.x;
  if (i < n) y[i] = x[i] * 2.0f + 1.0f;
})";

/// Sets an environment variable within a scope.
class Variable {
public:
  Variable(const char *name, const std::string &value) : name(name) {
    if (const char *old = std::getenv(name))
      previous = old, had = true;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { had ? setenv(name, previous.c_str(), 1) : unsetenv(name); }

private:
  const char *name;
  std::string previous;
  bool had = false;
};

struct Result {
  moe_status status;
  std::string code, log;
};

Result compile(const char *text, const char *arch, bool ptx = false) {
  char *code = nullptr, *log = nullptr;
  size_t bytes = 0;
  Result result = {moe_compile_cuda(text, "test.cu", arch, ptx, &code, &bytes, &log), "", ""};
  if (code)
    result.code.assign(code, bytes);
  if (log)
    result.log = log;
  moe_free(code);
  moe_free(log);
  return result;
}

class Nvrtc : public testing::Test {
protected:
  void SetUp() override {
    const rt::Nvrtc *nvrtc = nullptr;
    if (rt::openNvrtc(nvrtc) != MOE_OK)
      GTEST_SKIP() << "needs NVRTC: " << lastError();
  }
};

TEST_F(Nvrtc, CompilesACubinForEachArchitecture) {
  for (const char *arch : {"sm_80", "sm_90", "sm_100", "sm_90a"}) {
    SCOPED_TRACE(arch);
    Result result = compile(source, arch);
    ASSERT_EQ(result.status, MOE_OK) << lastError();
    EXPECT_EQ(result.code.compare(0, SELFMAG, ELFMAG), 0);
    EXPECT_NE(result.log.find("Compiling entry function 'twice' for '" + std::string(arch) + "'"), std::string::npos)
        << result.log;
    EXPECT_NE(result.log.find("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"), std::string::npos)
        << result.log;
    EXPECT_NE(result.log.find("registers"), std::string::npos);
  }
}

TEST_F(Nvrtc, DoesNotContract) {
  Result result = compile(source, "sm_80", true);
  ASSERT_EQ(result.status, MOE_OK) << lastError();
  EXPECT_NE(result.code.find(".target sm_80"), std::string::npos);
  EXPECT_NE(result.code.find("mul"), std::string::npos);
  EXPECT_EQ(result.code.find("fma"), std::string::npos) << result.code;
}

TEST_F(Nvrtc, RefusedSourceGivesTheLog) {
  Result result = compile("extern \"C\" __global__ void k() { undeclared = 1; }", "sm_80");
  expectFailure(result.status, MOE_COMPILE_FAILED, {"refused 'test.cu' for sm_80", "undeclared", "test.cu(1)"});
  EXPECT_NE(result.log.find("undeclared"), std::string::npos);
  EXPECT_TRUE(result.code.empty());
}

TEST_F(Nvrtc, IncludeFoldersAreNotSearched) {
  expectFailure(compile("#include <cuda_bf16.h>\n", "sm_80").status, MOE_COMPILE_FAILED, {"cuda_bf16.h"});
}

TEST_F(Nvrtc, UnknownArchitectures) {
  for (const char *arch : {"", "80", "sm_", "sm_8", "sm_80x", "compute_80", "sm_80 --fmad=true"})
    expectFailure(compile(source, arch).status, MOE_INVALID_ARGUMENT, {"is not an architecture", "sm_80"});
  expectFailure(compile(source, "sm_20").status, MOE_UNSUPPORTED, {"does not know sm_20", "sm_90"});
}

TEST_F(Nvrtc, NullArguments) {
  char *code;
  size_t bytes;
  expectFailure(moe_compile_cuda(nullptr, "n", "sm_80", 0, &code, &bytes, nullptr), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_compile_cuda(source, "n", "sm_80", 0, nullptr, &bytes, nullptr), MOE_INVALID_ARGUMENT, {"null"});
  ASSERT_EQ(moe_compile_cuda(source, "n", "sm_80", 0, &code, &bytes, nullptr), MOE_OK) << lastError();
  moe_free(code);
}

TEST_F(Nvrtc, ChoosesTheArchitectureOfADevice) {
  const rt::Nvrtc *nvrtc = nullptr;
  ASSERT_EQ(rt::openNvrtc(nvrtc), MOE_OK);
  std::string arch;
  bool ptx = true;
  ASSERT_EQ(rt::chooseArch(*nvrtc, 8, 0, arch, ptx), MOE_OK);
  EXPECT_EQ(arch, "sm_80");
  EXPECT_FALSE(ptx);
  ASSERT_EQ(rt::chooseArch(*nvrtc, 99, 0, arch, ptx), MOE_OK); // newer than any NVRTC
  EXPECT_TRUE(ptx);
  expectFailure(rt::chooseArch(*nvrtc, 3, 5, arch, ptx), MOE_UNSUPPORTED, {"sm_35"});
}

TEST_F(Nvrtc, KeyHoldsVersionArchitectureAndOptions) {
  const rt::Nvrtc *nvrtc = nullptr;
  ASSERT_EQ(rt::openNvrtc(nvrtc), MOE_OK);
  std::string key = rt::compileKey(*nvrtc, "sm_90", false);
  for (const char *part : {"nvrtc 1", "--gpu-architecture=sm_90\n", "--fmad=false\n", "-std=c++17\n"})
    EXPECT_NE(key.find(part), std::string::npos) << key;
  EXPECT_NE(key, rt::compileKey(*nvrtc, "sm_90", true));
  EXPECT_NE(key, rt::compileKey(*nvrtc, "sm_80", false));
}

TEST(MissingLibrary, NvrtcSaysWhereItWasLookedForAndWhatToInstall) {
  Variable variable("MOE_NVRTC_PATH", "/nowhere/libnvrtc.so.13");
  expectFailure(compile(source, "sm_80").status, MOE_NO_DRIVER,
                {"NVRTC (libnvrtc.so.13)", "/nowhere/libnvrtc.so.13", "CUDA Toolkit", "MOE_NVRTC_PATH"});
}

TEST(MissingLibrary, NvrtcFolderIsSearchedByName) {
  Variable variable("MOE_NVRTC_PATH", MOE_TEST_OUTPUT_DIR);
  expectFailure(compile(source, "sm_80").status, MOE_NO_DRIVER, {"/libnvrtc.so.13: ", "/libnvrtc.so.12: "});
}

TEST(MissingLibrary, DriverSaysWhereItWasLookedForAndWhatToInstall) {
  Variable variable("MOE_CUDA_DRIVER_PATH", "/nowhere/libcuda.so.1");
  moe_executable *executable = nullptr;
  expectFailure(moe_prepare_cuda(&one_pass_gate, 0, "", &executable), MOE_NO_DRIVER,
                {"the CUDA driver (libcuda.so.1)", "/nowhere/libcuda.so.1", "display driver", "MOE_CUDA_DRIVER_PATH"});
  EXPECT_EQ(executable, nullptr);
}

TEST(MissingLibrary, AnotherLibraryInItsPlaceIsNamed) {
  Variable driver("MOE_CUDA_DRIVER_PATH", MOE_RUNTIME_LIBRARY);
  moe_executable *executable = nullptr;
  expectFailure(moe_prepare_cuda(&one_pass_gate, 0, "", &executable), MOE_NO_DRIVER, {"has no function cuInit"});
  Variable nvrtc("MOE_NVRTC_PATH", MOE_RUNTIME_LIBRARY);
  expectFailure(compile(source, "sm_80").status, MOE_NO_DRIVER, {"has no function nvrtcVersion"});
}

} // namespace
} // namespace moe::test
