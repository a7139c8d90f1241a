// libmock_cuda.so: the driver functions of runtime/src/CudaSymbols.def, and two that would allocate or wait, so that a
// test would see them called. See mock_cuda.h.
#include "mock_cuda.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace {

struct Allocation {
  size_t bytes;
  bool managed;
};

struct State {
  State() = default;
  State(const State &) = delete;
  ~State() {
    for (auto &[address, allocation] : memory)
      std::free(reinterpret_cast<void *>(address));
  }
  std::vector<std::string> calls, modules;
  std::vector<mock_cuda::Launch> launches;
  std::map<std::string, std::vector<size_t>> parameters;
  std::map<uint64_t, Allocation> memory;
  std::map<void *, std::string> functions;
  std::string failing;
  int major = 8, minor = 0, devices = 1, pushed = 0, retained = 0, loaded = 0;
};

State &state() {
  static State instance;
  return instance;
}

constexpr int launchFailed = 719, invalidValue = 1;
int contextTag, moduleTag;

int record(const char *name) {
  state().calls.push_back(name);
  if (state().failing != name)
    return 0;
  state().failing.clear();
  return launchFailed;
}

const Allocation *find(uint64_t pointer) {
  auto after = state().memory.upper_bound(pointer);
  if (after == state().memory.begin())
    return nullptr;
  --after;
  return pointer < after->first + after->second.bytes ? &after->second : nullptr;
}

} // namespace

namespace mock_cuda {

std::vector<std::string> &calls() { return state().calls; }
std::vector<Launch> &launches() { return state().launches; }
std::vector<std::string> &modules() { return state().modules; }
int callCount(const std::string &name) {
  int count = 0;
  for (const std::string &call : state().calls)
    count += call == name;
  return count;
}
void setParameters(const std::string &kernel, std::vector<size_t> sizes) { state().parameters[kernel] = sizes; }
void setDevice(int major, int minor, int count) {
  state().major = major;
  state().minor = minor;
  state().devices = count;
}
void failNext(const std::string &function) { state().failing = function; }
void reset() {
  state().calls.clear();
  state().launches.clear();
  state().modules.clear();
  state().failing.clear();
}
int openContexts() { return state().pushed; }
int retainedContexts() { return state().retained; }
int loadedModules() { return state().loaded; }
void *allocate(size_t bytes, bool managed) {
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(memory, 0xcd, bytes);
  state().memory[reinterpret_cast<uint64_t>(memory)] = {bytes, managed};
  return memory;
}

} // namespace mock_cuda

extern "C" {

int cuInit(unsigned) { return record("cuInit"); }
int cuGetErrorString(int result, const char **text) {
  *text = result == launchFailed ? "mock failure" : "other failure";
  return 0;
}
int cuDeviceGetCount(int *count) {
  *count = state().devices;
  return record("cuDeviceGetCount");
}
int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return record("cuDeviceGet");
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? state().major : attribute == 76 ? state().minor : 0;
  return record("cuDeviceGetAttribute");
}
int cuDevicePrimaryCtxRetain(void **context, int) {
  int result = record("cuDevicePrimaryCtxRetain");
  *context = result ? nullptr : &contextTag;
  state().retained += result == 0;
  return result;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  --state().retained;
  return record("cuDevicePrimaryCtxRelease");
}
int cuModuleLoadData(void **module, const void *image) {
  int result = record("cuModuleLoadData");
  // As text: PTX is, and of a cubin the first bytes tell enough.
  state().modules.push_back(static_cast<const char *>(image));
  *module = result ? nullptr : &moduleTag;
  state().loaded += result == 0;
  return result;
}
int cuModuleUnload(void *) {
  --state().loaded;
  return record("cuModuleUnload");
}
int cuModuleGetFunction(void **function, void *, const char *name) {
  if (!state().parameters.count(name))
    return 500; // CUDA_ERROR_NOT_FOUND
  *function = &state().parameters[name];
  state().functions[*function] = name;
  return record("cuModuleGetFunction");
}
int cuFuncSetAttribute(void *, int attribute, int) {
  return attribute == 8 ? record("cuFuncSetAttribute") : invalidValue;
}
int cuMemsetD8Async(uint64_t pointer, unsigned char value, size_t bytes, void *) {
  if (!find(pointer) || !find(pointer + bytes - 1))
    return invalidValue;
  std::memset(reinterpret_cast<void *>(pointer), value, bytes);
  return record("cuMemsetD8Async");
}
int cuCtxPushCurrent_v2(void *context) {
  int result = context == &contextTag ? record("cuCtxPushCurrent") : invalidValue;
  state().pushed += result == 0;
  return result;
}
int cuCtxPopCurrent_v2(void **context) {
  *context = &contextTag;
  --state().pushed;
  return record("cuCtxPopCurrent");
}
int cuPointerGetAttribute(void *value, int attribute, uint64_t pointer) {
  record("cuPointerGetAttribute");
  const Allocation *allocation = find(pointer);
  if (!allocation)
    return invalidValue;
  if (attribute == 2)
    *static_cast<unsigned *>(value) = allocation->managed ? 1 : 2;
  else if (attribute == 8)
    *static_cast<unsigned *>(value) = allocation->managed;
  else
    return invalidValue;
  return 0;
}
int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, void *stream, void **parameters, void **extra) {
  int result = record("cuLaunchKernel");
  if (result || extra || !state().functions.count(function))
    return result ? result : invalidValue;
  mock_cuda::Launch launch = {
      state().functions[function], {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, stream, {}};
  const std::vector<size_t> &sizes = *static_cast<std::vector<size_t> *>(function);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const unsigned char *bytes = static_cast<const unsigned char *>(parameters[i]);
    launch.parameters.emplace_back(bytes, bytes + sizes[i]);
  }
  state().launches.push_back(launch);
  return 0;
}
int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
  *pointer = reinterpret_cast<uint64_t>(mock_cuda::allocate(bytes));
  return record("cuMemAlloc");
}
int cuStreamSynchronize(void *) { return record("cuStreamSynchronize"); }
int cuCtxSynchronize(void) { return record("cuCtxSynchronize"); }

} // extern "C"
