// A moe_kernel program, compiled for the emulator, beside its interpreter.
#pragma once
#include "compiler/API/Compiler.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "test/Support/GateCall.h"
#include "test/Support/KernelInterpreter.h"
#include <optional>
#include <ostream>

namespace moe::test {

/// One program: a file of moe_kernel below test/ with its variables ($E …) filled in, or a gate spec as moe-opt lowers
/// it.
struct Shape {
  const char *file;
  int experts, groups, keptGroups, slots, top;
  const char *type;
  int lanes;              ///< that hold a row; 0: the cost model's choice
  int pieces = 0;         ///< tokens of a piece; 0: the program's offsets say where pieces are
  const char *outer = ""; ///< how the pieces come in pieces: "length 3", "count 4", "offsets @cu_documents"
  int layers = 0;
};
std::ostream &operator<<(std::ostream &out, const Shape &shape);

/// The moe_kernel text of a shape; "" where moe-opt failed.
std::string programText(const Shape &shape);

/// What the rows of float inputs are like.
enum class Rows { Plain, Ties, Special };

/// The program of a shape, compiled. A failure is a test failure, and leaves isReady() false.
class KernelProgram {
public:
  explicit KernelProgram(const Shape &shape);
  bool isReady() const { return executable.has_value(); }

  rt::Executable &emulator() { return *executable; }
  const moe_gate &gate() const { return *compiled->gate(); }

  /// Inputs and states, random, exact in their types; params at their defaults; the rest empty. `bounds`: where pieces
  /// begin, and the number of tokens, for a program with offsets; `outer`: the same of the pieces of pieces.
  Arrays inputs(int64_t tokens, Rows rows, unsigned seed, const std::vector<int> &bounds = {},
                const std::vector<int> &outer = {});
  /// What the program means.
  Arrays interpret(const Arrays &inputs, int64_t tokens, CallContext *context = nullptr);
  /// The same for the step of its states, after a call of `tokens` tokens whose context is given.
  Arrays interpretStep(const Arrays &states, int64_t tokens, CallContext &context);
  /// One step: the states in `arrays` change.
  void runStep(GateCall &call, Arrays &arrays, const std::string &what);
  /// Tokens (of each layer), pieces of level 1, of level 2, … of a call on these arrays.
  std::vector<int64_t> countsOf(const Arrays &arrays, int64_t tokens);

  /// One call; adds what it wrote to `arrays`. Findings are a test failure that names `what`.
  void run(GateCall &call, Arrays &arrays, int64_t tokens, uint32_t phase, const std::string &what);
  /// Compares everything that is written: integers exactly, floats within 2e-5 of 1 + |x|.
  void expectSame(const Arrays &expected, const Arrays &actual, const std::string &what);

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  kernel::ProgramOp program;
  std::unique_ptr<CompiledGate> compiled;
  std::optional<rt::Executable> executable;
};

} // namespace moe::test
