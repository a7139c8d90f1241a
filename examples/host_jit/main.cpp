// Compiles a gate in process for the number of experts given on the command line, and runs it: for programs that learn
// the shape of a gate from a configuration file.
//
//   host_jit examples/switch.moe 48
#include "compiler/API/Compiler.h"
#include "moe/runtime.hpp"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t tokens = 1000;

// Buffers for everything that the descriptor says the gate writes: no name or shape is known to this program.
struct Results {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<std::int32_t>> integers;

  void bind(moe::rt::Call &call, const moe_array &array) {
    std::vector<std::int64_t> sizes(array.sizes, array.sizes + array.rank);
    std::size_t count = 1;
    for (std::int64_t &size : sizes) {
      size = size < 0 ? tokens : size;
      count *= static_cast<std::size_t>(size);
    }
    void *data = array.dtype == MOE_I32 ? static_cast<void *>(integers.emplace_back(count).data())
                                        : static_cast<void *>(floats.emplace_back(count).data());
    call.bind(array.name, false, data, static_cast<moe_dtype>(array.dtype), sizes.data(), sizes.size());
  }
};

void run(const moe_gate &gate, std::int64_t experts) {
  std::vector<float> logits(static_cast<std::size_t>(tokens * experts));
  for (std::size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(3.0 * std::sin(0.37 * static_cast<double>(i)));
  moe::rt::Executable executable = moe::rt::Executable::cpu(gate);
  moe::rt::Call call(executable, tokens);
  call.input("logits", logits.data(), {tokens, experts});
  Results results;
  for (std::uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].role >= MOE_OUTPUT && gate.arrays[i].role <= MOE_STATUS_WORD)
      results.bind(call, gate.arrays[i]);
  call.forward(tokens);
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    bool written = array.role >= MOE_OUTPUT && array.role <= MOE_STATUS_WORD && array.dtype != MOE_I32;
    if (written && array.role == MOE_LOSS)
      std::printf("%s with %lld experts: %s = %.6f\n", gate.name, static_cast<long long>(experts), array.name,
                  static_cast<double>(results.floats[next][0]));
    next += written;
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s SPEC.moe EXPERTS\n", argv[0]);
    return 1;
  }
  moe::FrontendOptions frontend;
  frontend.defines["E"] = argv[2];
  llvm::Expected<std::unique_ptr<moe::CompiledGate>> gate =
      moe::CompiledGate::fromSpecFile(argv[1], frontend, {}, llvm::errs());
  if (!gate) {
    std::fprintf(stderr, "host_jit: %s\n", llvm::toString(gate.takeError()).c_str());
    return 1;
  }
  try {
    run(*(*gate)->gate(), std::stoll(argv[2]));
  } catch (const moe::rt::Error &error) {
    std::fprintf(stderr, "host_jit: %s\n", error.what());
    return 1;
  }
  return 0;
}
