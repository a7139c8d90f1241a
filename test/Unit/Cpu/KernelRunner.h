// Runs compiled moe_kernel text through the descriptor, without the runtime beside the interpreter, or with it.
#pragma once
#include "compiler/API/Compiler.h"
#include "mlir/IR/MLIRContext.h"
#include "moe/runtime.h"
#include "test/Support/KernelInterpreter.h"
#include <gtest/gtest.h>
#include <set>

namespace moe::test {

/// How a program is called.
struct CallOptions {
  uint32_t phase = MOE_FORWARD;
  std::set<std::string> dropped; ///< saved arrays that are not kept: null pointers
};

/// A forward call through the runtime, and what follows on it.
struct RuntimeCall {
  int64_t tokens = 0, pieces = 0; ///< of each layer
  uint32_t threads = 1;
  unsigned variant = 0;
  uint32_t phase = MOE_FORWARD;
  bool runsBackward = false, runsStep = false;
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;
  std::vector<int64_t> outerPieces = {}; ///< of level 2, 3, …
  bool bindsByLayer = false;             ///< layered arrays with tokens come as one array per layer

  /// Pieces of a level from 1 on.
  int64_t piecesOf(size_t level) const { return level < 2 ? pieces : outerPieces.at(level - 2); }
};

/// A program, or a gate and its backward, compiled for every variant that this machine runs.
class KernelRunner {
public:
  /// Parses and compiles; a failure is a test failure.
  explicit KernelRunner(const std::string &text);
  bool isReady() const { return gate != nullptr; }
  const moe_gate &descriptor() const { return backward ? *gate->gate()->backward : *gate->gate(); }
  kernel::ProgramOp program();
  /// What follows is about the backward of the gate; a gate without one is a test failure.
  void useBackward();

  /// Runs variant `variant` in chunks of 40 tokens. `arrays` is what stands in the arrays of the call, before and
  /// after; the others start from nonsense. Dropped arrays are not among them.
  void run(unsigned variant, int64_t tokens, Arrays &arrays, const CallOptions &options = {});

  /// Calls the gate through the runtime; states start from `inputs` too. Gives what the programs wrote, states among
  /// it. Memory around the arrays and blocks is watched; a failure of the runtime is a test failure, and gives nothing.
  Arrays call(const Arrays &inputs, const RuntimeCall &options) const;

  /// Runs every variant and the interpreter, and expects the same: exactly for integers, within `tolerance` of
  /// max(1, |x|) for floats (0: exactly), NaN for NaN; and the same bits from every variant.
  void expectSame(int64_t tokens, const Arrays &inputs, double tolerance, const CallOptions &options = {});

private:
  Arrays rounded(const Arrays &arrays) const;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<CompiledGate> gate;
  bool backward = false;
};

/// The moe_kernel text of a spec, forward and backward; `dtype` is that of the logits. Empty after a test failure.
std::string kernelText(const std::string &path, const std::string &dtype);

/// Numbers of tokens around the edges of tiles (16) and chunks (40).
inline constexpr int64_t tokenCounts[] = {0, 1, 16, 37, 95};

/// Replaces each $name of a program's text; $E, $K and $G by numbers.
std::string fill(std::string text, const std::map<std::string, std::string> &parts);
std::string fill(std::string text, int64_t e, int64_t k = 1, int64_t g = 1);

/// `count` numbers with ties, infinities, zeros of both signs and NaN among them, from a seed.
Elements wildNumbers(size_t count, unsigned seed);
/// Ordinary numbers, exact in f32.
Elements tameNumbers(size_t count, unsigned seed);
/// 0 or 1.
Elements truthValues(size_t count, unsigned seed, double probability);

} // namespace moe::test
