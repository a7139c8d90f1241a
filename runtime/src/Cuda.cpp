// A call on a CUDA device: one cuLaunchKernel per pass, but for calls that only finish. All work that may allocate or
// wait, compiling and loading the module, happens when the executable is prepared.
#include "Compile.h"
#include "CubinCache.h"
#include "CudaLibraries.h"
#include "Descriptor.h"
#include "Error.h"
#include "KernelCall.h"

#include <algorithm>
#include <memory>

namespace moe::rt {
namespace {

// Values of cuda.h.
constexpr int computeCapabilityMajor = 75, computeCapabilityMinor = 76;
constexpr int pointerMemoryType = 2, pointerIsManaged = 8;
constexpr unsigned memoryTypeDevice = 2;
constexpr int functionMaxDynamicShared = 8;
constexpr uint32_t sharedWithoutAsking = 48 * 1024;

moe_status driverFailed(const CudaDriver &driver, int result, const char *what) {
  const char *text = nullptr;
  driver.getErrorString(result, &text);
  return fail(MOE_DRIVER_FAILED, "%s failed: CUDA error %d, %s", what, result, text ? text : "unknown");
}

/// Makes a context current within a scope.
class ContextScope {
public:
  ContextScope(const CudaDriver &driver, void *context) : driver(driver), result(driver.contextPush(context)) {}
  ~ContextScope() {
    void *context;
    if (result == 0)
      driver.contextPop(&context);
  }
  ContextScope(const ContextScope &) = delete;

private:
  const CudaDriver &driver;

public:
  const int result;
};

class CudaExecutable final : public moe_executable {
public:
  CudaExecutable(const moe_gate &gate, const CudaDriver &driver) : moe_executable(gate), driver(driver) {}
  ~CudaExecutable() override;

  moe_status prepare(uint32_t ordinal, const char *cacheDir);

  uint64_t programBytes(const Program &program, const Extent &extent) const override {
    return kernelWorkspaceBytes(program, extent);
  }
  uint64_t accumulatorOffset(const Program &program) const override { return kernelAccumulatorOffset(program); }
  moe_status initWorkspace(void *workspace, uint64_t bytes, void *stream) const override;
  moe_status run(const Program &program, const moe_call &call) const override;

private:
  moe_status openDevice(uint32_t ordinal);
  moe_status loadModule(const char *cacheDir);
  moe_status findKernels(const moe_gate &program);
  moe_status checkDevicePointer(const void *pointer, const char *role, const char *name) const;
  moe_status checkPointers(const Program &program, const moe_call &call) const;
  moe_status launch(const Program &program, const moe_call &call) const;

  const CudaDriver &driver;
  int device = 0;
  void *context = nullptr;
  void *module = nullptr;
  std::vector<void *> kernels; ///< of the passes of forward, then of those of backward, then of the step
  mutable WorkspaceTable workspaces;
};

CudaExecutable::~CudaExecutable() {
  if (module) {
    ContextScope scope(driver, context);
    driver.moduleUnload(module);
  }
  if (context)
    driver.primaryContextRelease(device);
}

moe_status CudaExecutable::openDevice(uint32_t ordinal) {
  int count = 0;
  if (int result = driver.init(0))
    return driverFailed(driver, result, "cuInit");
  if (int result = driver.deviceGetCount(&count))
    return driverFailed(driver, result, "cuDeviceGetCount");
  if (ordinal >= static_cast<uint32_t>(std::max(count, 0)))
    return fail(MOE_INVALID_ARGUMENT, "CUDA device %u was asked for, this machine has %d (0 is the first)", ordinal,
                count);
  if (int result = driver.deviceGet(&device, static_cast<int>(ordinal)))
    return driverFailed(driver, result, "cuDeviceGet");
  if (int result = driver.primaryContextRetain(&context, device)) {
    context = nullptr;
    return driverFailed(driver, result, "cuDevicePrimaryCtxRetain");
  }
  return MOE_OK;
}

/// Code from the cache if the driver takes it, else from NVRTC.
moe_status CudaExecutable::loadModule(const char *cacheDir) {
  const Nvrtc *nvrtc = nullptr;
  if (moe_status status = openNvrtc(nvrtc))
    return status;
  int major = 0, minor = 0;
  int result = driver.deviceGetAttribute(&major, computeCapabilityMajor, device);
  if (result == 0)
    result = driver.deviceGetAttribute(&minor, computeCapabilityMinor, device);
  if (result)
    return driverFailed(driver, result, "cuDeviceGetAttribute");
  std::string arch;
  bool ptx = false;
  if (moe_status status = chooseArch(*nvrtc, major, minor, arch, ptx))
    return status;
  std::string directory = cacheDirectory(cacheDir);
  std::string key = compileKey(*nvrtc, arch, ptx) + gate.cuda_source;
  std::string cached;
  if (readCached(directory, key, cached) && driver.moduleLoadData(&module, cached.c_str()) == 0)
    return MOE_OK;
  module = nullptr;
  Compiled compiled;
  std::string name = std::string(gate.name) + ".cu";
  if (moe_status status = compileCuda(*nvrtc, gate.cuda_source, name.c_str(), arch, ptx, compiled))
    return status;
  writeCached(directory, key, compiled.code);
  if (int failed = driver.moduleLoadData(&module, compiled.code.c_str())) {
    module = nullptr;
    return driverFailed(driver, failed, "cuModuleLoadData");
  }
  return MOE_OK;
}

moe_status CudaExecutable::findKernels(const moe_gate &program) {
  for (uint32_t i = 0; i < program.cuda_kernel_count; ++i) {
    const moe_cuda_kernel &kernel = program.cuda_kernels[i];
    void *function = nullptr;
    if (int result = driver.moduleGetFunction(&function, module, kernel.name))
      return driverFailed(driver, result, print("cuModuleGetFunction of '%s'", kernel.name).c_str());
    if (kernel.shared_bytes > sharedWithoutAsking)
      if (int result =
              driver.functionSetAttribute(function, functionMaxDynamicShared, static_cast<int>(kernel.shared_bytes)))
        return driverFailed(
            driver, result,
            print("asking for %u bytes of shared memory for '%s'", kernel.shared_bytes, kernel.name).c_str());
    kernels.push_back(function);
  }
  return MOE_OK;
}

moe_status CudaExecutable::prepare(uint32_t ordinal, const char *cacheDir) {
  if (moe_status status = openDevice(ordinal))
    return status;
  ContextScope scope(driver, context);
  if (scope.result)
    return driverFailed(driver, scope.result, "cuCtxPushCurrent");
  if (moe_status status = loadModule(cacheDir))
    return status;
  if (moe_status status = findKernels(gate))
    return status;
  if (gate.backward)
    if (moe_status status = findKernels(*gate.backward))
      return status;
  return gate.step ? findKernels(*gate.step) : MOE_OK;
}

/// A plain host pointer is one that the driver does not know.
moe_status CudaExecutable::checkDevicePointer(const void *pointer, const char *role, const char *name) const {
  unsigned type = 0, managed = 0;
  uint64_t address = reinterpret_cast<uint64_t>(pointer);
  if (driver.pointerGetAttribute(&type, pointerMemoryType, address) == 0) {
    if (type == memoryTypeDevice)
      return MOE_OK;
    if (driver.pointerGetAttribute(&managed, pointerIsManaged, address) == 0 && managed)
      return MOE_OK;
  }
  return fail(MOE_INVALID_ARGUMENT, "%s '%s' at %p is a host pointer, expected memory of the CUDA device", role, name,
              pointer);
}

moe_status CudaExecutable::checkPointers(const Program &program, const moe_call &call) const {
  Extent extent = program.extentOf(call);
  moe_status refused = forEachPointer(program, call, [&](const moe_array &array, const void *data) {
    moe_status status = checkDevicePointer(data, roleName(array.role), array.name);
    return status ? status : checkKernelAlignment(array, data, "CUDA");
  });
  if (refused)
    return refused;
  // A backward call's accumulators are part of its workspace, which has been looked at when it was initialised.
  struct Block {
    const char *name;
    const void *data;
    bool isUsed;
  } blocks[] = {{"accumulators", call.accumulators, !program.isBackward},
                {"saved", call.saved, (call.phase & MOE_ACCUMULATE) && program.saved.savedBytes(extent)},
                {"coefficients", call.coefficients, program.saved.coefficientBytes() != 0}};
  for (const Block &block : blocks)
    if (block.data && block.isUsed)
      if (moe_status status = checkDevicePointer(block.data, "block", block.name))
        return status;
  return MOE_OK;
}

moe_status CudaExecutable::initWorkspace(void *workspace, uint64_t bytes, void *stream) const {
  ContextScope scope(driver, context);
  if (scope.result)
    return driverFailed(driver, scope.result, "cuCtxPushCurrent");
  if (moe_status status = checkDevicePointer(workspace, "block", "workspace"))
    return status;
  if (int result = driver.memsetAsync(reinterpret_cast<uint64_t>(workspace), 0, workspaceBytes(0, 0), stream))
    return driverFailed(driver, result, "cuMemsetD8Async of the workspace");
  workspaces.add(workspace, bytes);
  return MOE_OK;
}

moe_status CudaExecutable::launch(const Program &program, const moe_call &call) const {
  KernelParameters parameters(program, call);
  void *const *functions = kernels.data();
  if (program.kind != ProgramKind::Forward)
    functions += gate.cuda_kernel_count;
  if (program.kind == ProgramKind::Step && gate.backward)
    functions += gate.backward->cuda_kernel_count;
  for (uint32_t pass = firstPass(program.gate, call.phase); pass < program.gate.pass_count; ++pass) {
    const moe_cuda_kernel &kernel = program.gate.cuda_kernels[pass];
    if (int result = driver.launchKernel(functions[pass], parameters.blocks(kernel), 1, 1, kernel.threads, 1, 1,
                                         kernel.shared_bytes, call.stream, parameters.data(kernel), nullptr))
      return driverFailed(driver, result, print("cuLaunchKernel of '%s'", kernel.name).c_str());
  }
  return MOE_OK;
}

moe_status CudaExecutable::run(const Program &program, const moe_call &call) const {
  if (moe_status status = workspaces.check(call))
    return status;
  ContextScope scope(driver, context);
  if (scope.result)
    return driverFailed(driver, scope.result, "cuCtxPushCurrent");
  if (moe_status status = checkPointers(program, call))
    return status;
  return launch(program, call);
}

} // namespace

moe_status prepareCuda(const moe_gate &gate, uint32_t ordinal, const char *cacheDir, moe_executable **out) {
  if (gate.cuda_kernel_count == 0)
    return fail(MOE_UNSUPPORTED, "gate '%s' has no CUDA source: it was compiled for the CPU only", gate.name);
  const CudaDriver *driver = nullptr;
  if (moe_status status = openDriver(driver))
    return status;
  auto executable = std::make_unique<CudaExecutable>(gate, *driver);
  if (moe_status status = checkLayerPointers(*executable))
    return status;
  if (moe_status status = executable->prepare(ordinal, cacheDir))
    return status;
  *out = executable.release();
  return MOE_OK;
}

} // namespace moe::rt
