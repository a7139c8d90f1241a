// dlopen and dlsym for the three tables. A table is kept per value of the environment variable that names the library,
// so that a program (or a test) that sets it later gets what it asked for, and failures are tried again.
#include "CudaLibraries.h"
#include "../emulator/emulator.h"
#include "Error.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace moe::rt {
namespace {

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

struct Symbol {
  const char *name;
  void **function;
};

/// Opens the first of `candidates` that the dynamic linker accepts; otherwise adds each failure to `tried`.
void *openFirst(const std::vector<std::string> &candidates, std::string &opened, std::string &tried) {
  for (const std::string &candidate : candidates) {
    if (void *handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      opened = candidate;
      return handle;
    }
    const char *reason = dlerror();
    tried += "\n  " + candidate + ": " + (reason ? reason : "unknown reason");
  }
  return nullptr;
}

/// Fills a table from the first library that opens. `what` and `advice` are for the message.
moe_status openTable(const char *what, const char *advice, const std::vector<std::string> &candidates,
                     const std::vector<Symbol> &symbols) {
  std::string opened, tried;
  void *handle = openFirst(candidates, opened, tried);
  if (!handle)
    return fail(MOE_NO_DRIVER, "%s could not be opened; tried:%s\n%s", what, tried.c_str(), advice);
  for (const Symbol &symbol : symbols) {
    *symbol.function = dlsym(handle, symbol.name);
    if (!*symbol.function)
      return fail(MOE_NO_DRIVER, "%s, opened as %s, has no function %s: it is too old, or another library\n%s", what,
                  opened.c_str(), symbol.name, advice);
  }
  return MOE_OK;
}

template <typename Table> struct Cache {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Table>> tables;
};

/// What dlsym gives for the emulator.
struct EmulatorLibrary {
  decltype(&moe_emulator_interface) interface = nullptr;
};

std::vector<std::string> emulatorCandidates() {
  const std::string name = "libmoe_emulator.so";
  std::vector<std::string> candidates;
  Dl_info own;
  if (dladdr(reinterpret_cast<const void *>(&moe_prepare_emulator), &own) && own.dli_fname) {
    std::string file = own.dli_fname;
    size_t slash = file.rfind('/');
    std::string folder = slash == std::string::npos ? "." : file.substr(0, slash);
    candidates = {folder + "/" + name, folder + "/../lib/" + name};
  }
  candidates.push_back(name);
  return candidates;
}

std::vector<std::string> nvrtcCandidates(const std::string &chosen) {
  const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
  std::vector<std::string> candidates;
  struct stat info;
  if (!chosen.empty() && !(stat(chosen.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))
    return {chosen};
  if (!chosen.empty()) {
    for (const char *name : names)
      candidates.push_back(chosen + "/" + name);
    return candidates;
  }
  candidates.assign(std::begin(names), std::end(names));
  for (const std::string &root : {environment("CUDA_HOME"), environment("CUDA_PATH"), std::string("/usr/local/cuda")})
    for (const char *name : names)
      if (!root.empty())
        candidates.push_back(root + "/lib64/" + name);
  return candidates;
}

} // namespace

moe_status openDriver(const CudaDriver *&driver) {
  static Cache<CudaDriver> cache;
  std::string chosen = environment("MOE_CUDA_DRIVER_PATH");
  std::lock_guard lock(cache.mutex);
  std::unique_ptr<CudaDriver> &table = cache.tables[chosen];
  if (!table) {
    auto made = std::make_unique<CudaDriver>();
    std::vector<Symbol> symbols = {
#define MOE_CUDA_SYMBOL(member, symbol, parameters) {symbol, reinterpret_cast<void **>(&made->member)},
#include "CudaSymbols.def"
    };
    std::vector<std::string> candidates = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};
    if (!chosen.empty())
      candidates = {chosen};
    if (moe_status status =
            openTable("the CUDA driver (libcuda.so.1)",
                      "It comes with NVIDIA's display driver: install that, or set MOE_CUDA_DRIVER_PATH "
                      "to the library. MOE_CPU needs neither.",
                      candidates, symbols))
      return status;
    table = std::move(made);
  }
  driver = table.get();
  return MOE_OK;
}

moe_status openNvrtc(const Nvrtc *&nvrtc) {
  static Cache<Nvrtc> cache;
  std::string chosen = environment("MOE_NVRTC_PATH");
  std::lock_guard lock(cache.mutex);
  std::unique_ptr<Nvrtc> &table = cache.tables[chosen];
  if (!table) {
    auto made = std::make_unique<Nvrtc>();
    std::vector<Symbol> symbols = {
#define MOE_NVRTC_SYMBOL(member, symbol, parameters) {symbol, reinterpret_cast<void **>(&made->member)},
#include "CudaSymbols.def"
    };
    if (moe_status status =
            openTable("NVRTC (libnvrtc.so.13), the run-time compiler of CUDA C++,",
                      "Install the CUDA Toolkit, or the Python wheel nvidia-cuda-nvrtc, and set MOE_NVRTC_PATH to the "
                      "library or its folder. No GPU is needed to compile.",
                      nvrtcCandidates(chosen), symbols))
      return status;
    table = std::move(made);
  }
  nvrtc = table.get();
  return MOE_OK;
}

moe_status openEmulator(const moe_emulator_functions *&emulator) {
  static Cache<EmulatorLibrary> cache;
  std::string chosen = environment("MOE_EMULATOR_LIBRARY");
  std::lock_guard lock(cache.mutex);
  std::unique_ptr<EmulatorLibrary> &library = cache.tables[chosen];
  if (!library) {
    auto made = std::make_unique<EmulatorLibrary>();
    if (moe_status status = openTable("the emulator (libmoe_emulator.so)",
                                      "It is built and installed with moe_runtime where Boost.Context is found; or set "
                                      "MOE_EMULATOR_LIBRARY to the library.",
                                      chosen.empty() ? emulatorCandidates() : std::vector<std::string>{chosen},
                                      {{MOE_EMULATOR_SYMBOL, reinterpret_cast<void **>(&made->interface)}}))
      return status;
    library = std::move(made);
  }
  emulator = library->interface(MOE_EMULATOR_VERSION);
  if (!emulator)
    return fail(MOE_VERSION_MISMATCH,
                "libmoe_emulator.so does not have version %d of its interface, which this runtime speaks: install both "
                "from one build",
                MOE_EMULATOR_VERSION);
  return MOE_OK;
}

} // namespace moe::rt
