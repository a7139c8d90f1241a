// The CUDA driver, NVRTC and the emulator, opened at run time. Their absence is a status with a message, never a link
// error.
#pragma once
#include "moe/runtime.h"

#include <cstddef>
#include <cstdint>

struct moe_emulator_functions; // emulator.h

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

/// The emulator: $MOE_EMULATOR_LIBRARY (a file), else libmoe_emulator.so beside the library or program that holds the
/// runtime, in lib beside its folder, and where the dynamic linker finds it. As openDriver.
moe_status openEmulator(const moe_emulator_functions *&emulator);

} // namespace moe::rt
