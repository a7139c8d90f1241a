// Runs compiled moe_kernel text through the descriptor, without the runtime, beside the interpreter.
#pragma once
#include "compiler/API/Compiler.h"
#include "mlir/IR/MLIRContext.h"
#include "moe/runtime.h"
#include "test/Support/KernelInterpreter.h"
#include <gtest/gtest.h>

namespace moe::test {

/// A program, compiled for every variant that this machine runs.
class KernelRunner {
public:
  /// Parses and compiles; a failure is a test failure.
  explicit KernelRunner(const std::string &text);
  bool isReady() const { return gate != nullptr; }
  const moe_gate &descriptor() const { return *gate->gate(); }
  kernel::ProgramOp program() { return *module->getOps<kernel::ProgramOp>().begin(); }

  /// Runs variant `variant` in chunks of 40 tokens; adds all outputs to `arrays`. Inputs are rounded to their dtype
  /// there.
  void run(unsigned variant, int64_t tokens, Arrays &arrays);

  /// Runs every variant and the interpreter, and expects the same: exactly for integers, within `tolerance` of
  /// max(1, |x|) for floats (0: exactly), NaN for NaN; and the same bits from every variant.
  void expectSame(int64_t tokens, const Arrays &inputs, double tolerance);

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<CompiledGate> gate;
};

/// `count` numbers with ties, infinities, zeros of both signs and NaN among them, from a seed.
Elements wildNumbers(size_t count, unsigned seed);
/// Ordinary numbers, exact in f32.
Elements tameNumbers(size_t count, unsigned seed);
/// 0 or 1.
Elements truthValues(size_t count, unsigned seed, double probability);

} // namespace moe::test
