// The arrays of one call: inputs from files or made up, params, and room for everything the gate writes.
#ifndef MOE_TOOLS_MOE_RUN_ARRAYS_H
#define MOE_TOOLS_MOE_RUN_ARRAYS_H
#include "moe/runtime.h"
#include "tools/moe-run/Npy.h"
#include "tools/moe-run/Seeded.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moe::run {

/// Where a call's inputs come from, as on the command line.
struct InputOptions {
  /// `--input NAME=FILE.npy` and `--param NAME=VALUE`, split at the first '='. Of a backward call: `--grad` and
  /// `--scale`.
  std::vector<std::pair<std::string, std::string>> files, params;
  /// `--state NAME=FILE.npy`; the others start from their `init`.
  std::vector<std::pair<std::string, std::string>> states;
  /// `-T`; without it the files decide, and without files it is `defaultTokens`, or the next multiple that pieces of
  /// one length ask for.
  std::optional<int64_t> tokens;
  /// Inputs without a file are made up if there is no file at all or if `makeMissing` is set (an explicit --seed).
  SeededOptions seeded;
  bool makeMissing = false;
};

constexpr int64_t defaultTokens = 4096;
/// Tokens for each piece that made-up offsets have on average.
constexpr int64_t seededPieceTokens = 512;

/// One array of the descriptor with the memory it is bound to; `storage.sizes` has the call's numbers filled in. For a
/// param, one f32; for what the caller does not bind, and for what a backward call takes from its forward call,
/// nothing.
struct CallArray {
  const moe_array *description = nullptr;
  NpyArray storage;
  /// File name, "seeded", "zero" or "forward call"; empty for what the gate writes and for params at their default.
  std::string source;
};

/// All arrays of a call, in descriptor order.
struct CallArrays {
  int64_t tokens = 0;               ///< of each layer, where there are layers
  std::vector<int64_t> pieces = {}; ///< of level 1, 2, …; as many in each layer
  int64_t piecesByOffsets = 0; ///< those of the finest level that offsets divide, as moe_workspace_bytes wants them
  std::vector<CallArray> arrays;
};

/// Where a backward call reads an array of its forward call.
inline constexpr llvm::StringLiteral fromForward = "forward call";

/// "f32 [T, 64] (token, expert)"; run-time sizes are "T" tokens, "P" pieces, "P2" pieces of pieces, ….
std::string arrayText(const moe_array &array);

/// Reads, makes and allocates everything. The error names each wrong, missing or unknown input or param on a line of
/// its own: which, what was expected, what came.
llvm::Expected<CallArrays> makeCallArrays(const moe_gate &gate, const InputOptions &options);

/// The arrays of the backward of a forward call, whose gate must have one. `options.files` are gradients by the names
/// of outputs, `options.params` scales by the names of losses, and nothing else of the options counts. A gradient
/// without a file is zero, a scale 1. Errors as above; where nothing is given and there is no loss, there is nothing to
/// differentiate, and that is one.
llvm::Expected<CallArrays> makeBackwardArrays(const moe_gate &gate, const CallArrays &forward,
                                              const InputOptions &options);

/// Makes up anew, with another seed, the inputs that are made up.
void reseed(CallArrays &call, const SeededOptions &options);

/// Writes every output, loss, metric and state to DIRECTORY/NAME.npy and every status word to
/// DIRECTORY/status.NAME.npy; makes the directory. The number of files, or which one could not be written and why.
llvm::Expected<unsigned> saveResults(const CallArrays &call, llvm::StringRef directory);

/// Writes every input to DIRECTORY/NAME.npy.
llvm::Expected<unsigned> saveInputs(const CallArrays &call, llvm::StringRef directory);

} // namespace moe::run
#endif
