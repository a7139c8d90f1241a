// Runs generated CUDA on the CPU: the source as NVRTC gets it, with HostPrelude.h in place of the device prelude,
// compiled by the host compiler; one fiber per CUDA thread, warps and blocks one after the other, barriers and shuffles
// as rendezvous. Finds accesses outside of the bound buffers, misaligned ones, and barriers that not all threads reach.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moe::emulator {

/// Memory that a kernel may touch.
struct Buffer {
  std::string name;
  void *data;
  size_t bytes;
  bool writable;
};

/// A compiled source.
class Program {
public:
  /// Compiles `source`, whose kernels are `kernels`. On failure `error` has the compiler's messages and the result is
  /// null.
  static std::unique_ptr<Program> compile(const std::string &source, const std::vector<std::string> &kernels,
                                          const std::string &folder, std::string &error);
  ~Program();

  /// Runs one kernel over a grid. `arguments` as for cuLaunchKernel: a pointer to each argument. Gives "" or what went
  /// wrong first: the buffer, the thread and the block.
  std::string launch(const std::string &kernel, unsigned blocks, unsigned threads, void **arguments,
                     const std::vector<Buffer> &buffers);

private:
  Program() = default;
  void *library = nullptr;
};

} // namespace moe::emulator
