// Hand-written kernels in the emulator's engine, through its C interface: memory of a call, a launch, what came of it.
#pragma once
#include "runtime/emulator/emulator.h"
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace moe::emulator::test {

const moe_emulator_functions &engine();

/// The text that stands behind the device prelude of generated CUDA: runtime/device/rows.cuh.
const std::string &rowsText();

/// A compiled source of hand-written kernels. Helpers of rows.cuh come before them.
class Kernels {
public:
  explicit Kernels(const std::string &text, bool withRows = false);
  ~Kernels();
  Kernels(const Kernels &) = delete;
  /// Why it was refused; "" if it was not.
  std::string message;
  moe_emulator_program *program = nullptr;
};

/// What one launch left behind.
struct Outcome {
  struct Finding {
    moe_emulator_finding_kind kind;
    uint64_t times;
    std::string text;
  };
  std::vector<Finding> findings;
  std::vector<moe_emulator_counts> buffers;
  moe_emulator_kernel_report kernel = {};

  /// The texts of all findings.
  std::string text() const;
  bool has(moe_emulator_finding_kind kind) const;
};

/// The memory of a call, and its arguments in the order in which they are added.
class CallMemory {
public:
  /// A buffer of `bytes`, `offset` bytes behind a multiple of 256, of which the first `defined` hold zeros or what the
  /// caller puts there.
  void *add(const char *name, moe_emulator_use use, size_t bytes, size_t defined, size_t elementBytes = 4,
            size_t rowBytes = 0, size_t offset = 0);
  template <typename T>
  T *input(const char *name, const std::vector<T> &values, size_t rowBytes = 0, size_t offset = 0) {
    size_t bytes = values.size() * sizeof(T);
    void *data = add(name, MOE_EMULATOR_READ, bytes, bytes, sizeof(T), rowBytes, offset);
    std::memcpy(data, values.data(), bytes);
    return static_cast<T *>(data);
  }
  template <typename T> T *output(const char *name, size_t count, size_t rowBytes = 0, size_t offset = 0) {
    return static_cast<T *>(add(name, MOE_EMULATOR_WRITE_ONCE, count * sizeof(T), 0, sizeof(T), rowBytes, offset));
  }
  /// Its first `header` words are zero and have to be so again at the end.
  unsigned *workspace(size_t words, size_t header);
  void value(int number);
  void null() { pointers.push_back(std::make_unique<void *>(nullptr)), arguments.push_back(pointers.back().get()); }

  Outcome run(const Kernels &kernels, const char *kernel, unsigned blocks, unsigned threads, uint64_t seed = 0,
              uint32_t sharedBytes = 0);

private:
  std::vector<std::unique_ptr<char[]>> memory;
  std::vector<std::unique_ptr<void *>> pointers;
  std::vector<std::unique_ptr<int>> numbers;
  std::vector<moe_emulator_buffer> buffers;
  std::vector<void *> arguments;
};

} // namespace moe::emulator::test
