// The CUDA driver and NVRTC, opened at run time. Their absence is a status with a message, never a link error.
#pragma once
#include "moe/runtime.h"

#include <cstddef>
#include <cstdint>

namespace moe::rt {

/// Functions of libcuda.
struct CudaDriver {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define MOE_CUDA_SYMBOL(member, symbol, parameters) int(*member) parameters = nullptr;
#include "CudaSymbols.def"
};

/// Functions of libnvrtc.
struct Nvrtc {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define MOE_NVRTC_SYMBOL(member, symbol, parameters) int(*member) parameters = nullptr;
#include "CudaSymbols.def"
};

/// The driver: $MOE_CUDA_DRIVER_PATH (a file), else libcuda.so.1 where the dynamic linker finds it. The table stays
/// valid for the life of the process. MOE_NO_DRIVER with a message where it cannot be opened or lacks a function.
moe_status openDriver(const CudaDriver *&driver);

/// NVRTC: $MOE_NVRTC_PATH (a file or a folder), else libnvrtc.so.13, .12 and libnvrtc.so where the dynamic linker finds
/// them, in $CUDA_HOME, $CUDA_PATH and /usr/local/cuda. As openDriver.
moe_status openNvrtc(const Nvrtc *&nvrtc);

} // namespace moe::rt
