// CUDA C++ to a cubin or to PTX, by NVRTC.
#pragma once
#include "CudaLibraries.h"

#include <string>
#include <string_view>

namespace moe::rt {

struct Compiled {
  std::string code; ///< a cubin (ELF), or PTX with its final zero byte
  std::string log;  ///< what NVRTC and ptxas said, also on failure
};

/// Compiles for `arch`: "sm_80", "sm_90a". A cubin for just that architecture, or PTX for it and all later ones.
/// MOE_INVALID_ARGUMENT for an arch that is none, MOE_UNSUPPORTED for one that this NVRTC lacks, MOE_COMPILE_FAILED
/// with the log in the message.
moe_status compileCuda(const Nvrtc &nvrtc, const char *source, const char *name, std::string_view arch, bool ptx,
                       Compiled &out);

/// Everything but the source that decides what code compileCuda makes: NVRTC's version, architecture, options.
std::string compileKey(const Nvrtc &nvrtc, std::string_view arch, bool ptx);

/// The architecture to compile for on a device of this compute capability: its own, or the nearest older one of the
/// same generation as a cubin; without one, PTX of the newest that NVRTC has. MOE_UNSUPPORTED where the device is too
/// old.
moe_status chooseArch(const Nvrtc &nvrtc, int major, int minor, std::string &arch, bool &ptx);

} // namespace moe::rt
