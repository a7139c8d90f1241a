// One gate, compiled for the CPU and ready for the interpreter, from the same moe module.
#pragma once
#include "compiler/API/Compiler.h"
#include "compiler/Reference/Interpreter.h"
#include "mlir/IR/OwningOpRef.h"
#include "moe/runtime.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace moe::test {

/// Raw bytes of one array, with what they mean.
struct Buffer {
  moe_dtype dtype = MOE_F32;
  std::vector<int64_t> sizes;
  std::vector<uint8_t> bytes;
  int64_t count() const;
  double get(int64_t i) const;
  /// Rounds `value` to the dtype (nearest even).
  void set(int64_t i, double value);
};

/// A gate both ways.
class Gate {
public:
  /// Compiles the spec at `path`; ends the test with the diagnostics when that fails.
  static std::unique_ptr<Gate> load(const std::string &path, const FrontendOptions &options);

  /// The same for text.
  static std::unique_ptr<Gate> loadText(const std::string &text, const FrontendOptions &options = {});

  /// The same, for programs that are no GoogleTest: diagnostics go to `diagnostics`, and null means that there were
  /// some.
  static std::unique_ptr<Gate> compile(std::unique_ptr<llvm::MemoryBuffer> source, const FrontendOptions &options,
                                       llvm::raw_ostream &diagnostics);

  const moe_gate &descriptor() const { return *compiled->gate(); }

  /// An array of the descriptor, sized for `tokens`, zero.
  Buffer makeBuffer(uint32_t index, int64_t tokens) const;

  /// One forward call on the CPU. `arrays` has a buffer per array of the descriptor; those that are written are filled
  /// with a poison pattern first. ("" as `isa`: the best one.)
  void run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t threads, const std::string &isa) const;

  /// The interpreter, with selections as targets compute them. Inputs are taken from `arrays`.
  reference::Arrays interpret(const std::vector<Buffer> &arrays, int64_t tokens) const;
  /// The random numbers of the interpreter.
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;
  /// The same; an error is the caller's.
  llvm::Expected<reference::Arrays> evaluate(const std::vector<Buffer> &arrays, int64_t tokens) const;

private:
  static std::unique_ptr<Gate> load(std::unique_ptr<llvm::MemoryBuffer> source, const FrontendOptions &options);
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< moe, after the moe pipeline
  std::unique_ptr<CompiledGate> compiled;
};

/// Kinds of logits. Every kind keeps some ordinary rows.
enum class Data { Ordinary, Ties, AllEqual, Infinities, NaNs, Saturated };
inline constexpr Data allData[] = {Data::Ordinary,   Data::Ties, Data::AllEqual,
                                   Data::Infinities, Data::NaNs, Data::Saturated};

/// Fills an input; one without tokens stays ordinary.
void fill(Buffer &buffer, Data data, uint32_t seed);

/// Runs the gate on `data` for `tokens` tokens, on every instruction set of this machine and each of `threads`, and
/// compares each run with the interpreter.
void checkOnAllVariants(const Gate &gate, Data data, int64_t tokens, std::initializer_list<uint32_t> threads,
                        uint32_t seed);

/// Compares what a call of `gate` (or of its backward) wrote with what `interpret` says: integers exactly, floats
/// within `tolerance` of the sum of the absolute values of their terms, plus one rounding where they are stored as bf16
/// or f16. A line per array that differs, with the first place; nothing when all agree.
std::vector<std::string> disagreements(const moe_gate &gate, const std::vector<Buffer> &arrays,
                                       const reference::Arrays &expected, double tolerance);

/// Adds a test failure for each of them.
void expectAgreement(const Gate &gate, const std::vector<Buffer> &arrays, const reference::Arrays &expected,
                     double tolerance, const std::string &what);

} // namespace moe::test
