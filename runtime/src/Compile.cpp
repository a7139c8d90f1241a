// NVRTC calls. Options are few and fixed: no include folder (the device prelude is part of the source), no contraction
// (the compiler wrote every fma that it wants), and ptxas' resource report, which NVRTC 12 and 13 give as part of the
// log.
#include "Compile.h"
#include "Error.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace moe::rt {
namespace {

constexpr int invalidOption = 5; // NVRTC_ERROR_INVALID_OPTION

/// A program object that is destroyed with its scope.
class Program {
public:
  Program(const Nvrtc &nvrtc, const char *source, const char *name) : nvrtc(nvrtc) {
    created = nvrtc.createProgram(&handle, source, name, 0, nullptr, nullptr) == 0;
  }
  ~Program() {
    if (created)
      nvrtc.destroyProgram(&handle);
  }
  Program(const Program &) = delete;

  bool created;
  int compile(const std::vector<std::string> &options) {
    std::vector<const char *> pointers;
    pointers.reserve(options.size());
    for (const std::string &option : options)
      pointers.push_back(option.c_str());
    return nvrtc.compileProgram(handle, static_cast<int>(pointers.size()), pointers.data());
  }
  /// A text of the program through a pair of NVRTC functions.
  std::string read(int (*size)(void *, size_t *), int (*get)(void *, char *)) {
    size_t bytes = 0;
    if (size(handle, &bytes) != 0 || bytes == 0)
      return "";
    std::string text(bytes, '\0');
    return get(handle, text.data()) == 0 ? text : "";
  }
  std::string log() {
    std::string text = read(nvrtc.getLogSize, nvrtc.getLog);
    text.resize(std::strlen(text.c_str())); // NVRTC counts the final zero.
    return text;
  }

private:
  const Nvrtc &nvrtc;
  void *handle = nullptr;
};

std::vector<std::string> compileOptions(std::string_view number, bool ptx) {
  std::vector<std::string> options = {std::string("--gpu-architecture=") + (ptx ? "compute_" : "sm_") +
                                          std::string(number),
                                      "--fmad=false", "-std=c++17"};
  if (!ptx)
    options.push_back("--ptxas-options=-v");
  return options;
}

std::vector<int> supportedArchs(const Nvrtc &nvrtc) {
  int count = 0;
  if (nvrtc.getNumSupportedArchs(&count) != 0 || count <= 0)
    return {};
  std::vector<int> archs(static_cast<size_t>(count));
  if (nvrtc.getSupportedArchs(archs.data()) != 0)
    return {};
  std::sort(archs.begin(), archs.end());
  return archs;
}

std::string archList(const std::vector<int> &archs) {
  std::string text;
  for (int arch : archs)
    text += (text.empty() ? "sm_" : ", sm_") + std::to_string(arch);
  return text;
}

std::string versionText(const Nvrtc &nvrtc) {
  int major = 0, minor = 0;
  nvrtc.version(&major, &minor);
  return std::to_string(major) + "." + std::to_string(minor);
}

/// The digits of "sm_90a" and its suffix; empty when that is not what `arch` looks like.
std::string_view archNumber(std::string_view arch) {
  if (arch.substr(0, 3) != "sm_")
    return {};
  std::string_view number = arch.substr(3);
  std::string_view digits = number.substr(0, number.find_first_not_of("0123456789"));
  std::string_view suffix = number.substr(digits.size());
  bool good = digits.size() >= 2 && digits.size() <= 4 && (suffix.empty() || suffix == "a" || suffix == "f");
  return good ? number : std::string_view();
}

moe_status checkArch(const Nvrtc &nvrtc, std::string_view arch, std::string_view &number) {
  number = archNumber(arch);
  if (number.empty())
    return fail(MOE_INVALID_ARGUMENT, "'%.*s' is not an architecture; expected sm_80, sm_90, sm_100 or the like",
                static_cast<int>(arch.size()), arch.data());
  std::vector<int> archs = supportedArchs(nvrtc);
  int value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value); // archNumber has looked at the digits
  if (!archs.empty() && std::find(archs.begin(), archs.end(), value) == archs.end())
    return fail(MOE_UNSUPPORTED, "NVRTC %s does not know sm_%d; it knows %s", versionText(nvrtc).c_str(), value,
                archList(archs).c_str());
  return MOE_OK;
}

} // namespace

moe_status compileCuda(const Nvrtc &nvrtc, const char *source, const char *name, std::string_view arch, bool ptx,
                       Compiled &out) {
  std::string_view number;
  if (moe_status status = checkArch(nvrtc, arch, number))
    return status;
  std::vector<std::string> options = compileOptions(number, ptx);
  Program program(nvrtc, source, name);
  if (!program.created)
    return fail(MOE_COMPILE_FAILED, "NVRTC could not create a program for '%s'", name);
  int result = program.compile(options);
  if (result == invalidOption && !ptx) { // An NVRTC without a way to ptxas' report: the code is the same.
    options.pop_back();
    result = program.compile(options);
  }
  out.log = program.log();
  if (result != 0)
    return fail(MOE_COMPILE_FAILED, "NVRTC %s refused '%s' for %.*s:\n%s", versionText(nvrtc).c_str(), name,
                static_cast<int>(arch.size()), arch.data(), out.log.c_str());
  out.code = ptx ? program.read(nvrtc.getPtxSize, nvrtc.getPtx) : program.read(nvrtc.getCubinSize, nvrtc.getCubin);
  if (out.code.empty())
    return fail(MOE_COMPILE_FAILED, "NVRTC %s gave no code for '%s'", versionText(nvrtc).c_str(), name);
  return MOE_OK;
}

std::string compileKey(const Nvrtc &nvrtc, std::string_view arch, bool ptx) {
  std::string key = "nvrtc " + versionText(nvrtc) + "\n";
  for (const std::string &option : compileOptions(archNumber(arch), ptx))
    key += option + "\n";
  return key;
}

moe_status chooseArch(const Nvrtc &nvrtc, int major, int minor, std::string &arch, bool &ptx) {
  int device = major * 10 + minor;
  int cubin = 0, older = 0;
  for (int known : supportedArchs(nvrtc)) {
    if (known > device)
      continue;
    older = known;
    if (known / 10 == major)
      cubin = known;
  }
  if (!older)
    return fail(MOE_UNSUPPORTED, "the device is sm_%d; NVRTC %s knows %s", device, versionText(nvrtc).c_str(),
                archList(supportedArchs(nvrtc)).c_str());
  ptx = cubin == 0;
  arch = "sm_" + std::to_string(ptx ? older : cubin);
  return MOE_OK;
}

/// Copies `text` for the caller of the C interface, who frees it with moe_free.
static char *copyForCaller(const std::string &text) {
  char *copy = static_cast<char *>(std::malloc(text.size() + 1));
  if (copy)
    std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

static moe_status compileForCaller(const char *source, const char *name, const char *arch, bool ptx, char **code,
                                   size_t *codeBytes, char **log) {
  const Nvrtc *nvrtc = nullptr;
  if (moe_status status = openNvrtc(nvrtc))
    return status;
  Compiled compiled;
  moe_status status = compileCuda(*nvrtc, source, name, arch, ptx, compiled);
  if (log)
    *log = copyForCaller(compiled.log);
  if (status)
    return status;
  *code = copyForCaller(compiled.code);
  if (!*code)
    return fail(MOE_INVALID_ARGUMENT, "no memory for %zu bytes of code", compiled.code.size());
  *codeBytes = compiled.code.size();
  return MOE_OK;
}

} // namespace moe::rt

extern "C" moe_status moe_compile_cuda(const char *source, const char *name, const char *arch, int ptx, char **code,
                                       size_t *code_bytes, char **log) {
  using namespace moe::rt;
  return guarded([&] {
    if (log)
      *log = nullptr;
    if (!source || !name || !arch || !code || !code_bytes)
      return fail(MOE_INVALID_ARGUMENT, "moe_compile_cuda: an argument other than `log` is null");
    *code = nullptr;
    *code_bytes = 0;
    return compileForCaller(source, name, arch, ptx != 0, code, code_bytes, log);
  });
}
