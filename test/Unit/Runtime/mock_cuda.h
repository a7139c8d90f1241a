// A stand-in for libcuda.so.1 that records what is asked of it. Device memory is host memory that it has given out, so
// it knows a device pointer from a host pointer; kernels do nothing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mock_cuda {

struct Launch {
  std::string kernel;
  unsigned grid[3], block[3], sharedBytes;
  void *stream;
  std::vector<std::vector<unsigned char>> parameters; ///< bytes of each, by the sizes that setParameters gave

  /// A parameter's value; its size must be that of T.
  template <typename T> T parameter(size_t index) const {
    T value = {};
    if (index < parameters.size() && parameters[index].size() == sizeof(T))
      __builtin_memcpy(&value, parameters[index].data(), sizeof(T));
    return value;
  }
};

/// Names of all driver functions called since reset(), in order.
std::vector<std::string> &calls();
/// How often `name` was called.
int callCount(const std::string &name);
std::vector<Launch> &launches();
/// Images given to cuModuleLoadData, up to their first zero byte.
std::vector<std::string> &modules();
/// Sizes in bytes of a kernel's parameters: a driver reads them from the module, the mock is told.
void setParameters(const std::string &kernel, std::vector<size_t> sizes);
/// Compute capability, number of devices, and a function that is to fail with error 719 ("" for none).
void setDevice(int major, int minor, int count = 1);
void failNext(const std::string &function);
/// Forgets calls, launches, modules and failures. Memory and parameters stay.
void reset();
/// Contexts pushed and not popped, contexts retained and not released, modules loaded and not unloaded.
int openContexts();
int retainedContexts();
int loadedModules();
/// "Device" memory, 256-byte aligned, and managed memory.
void *allocate(size_t bytes, bool managed = false);

} // namespace mock_cuda
