// What a moe_kernel program means, element by element: each operation is its sentence in MoeKernelOps.td and nothing
// else. The tests of both targets compare with it.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include <map>
#include <string>
#include <vector>

namespace moe::test {

/// A scalar (one element) or a row. f32 values are kept rounded to f32; sums are made in f64 and rounded once.
using Elements = std::vector<double>;

/// The arrays of one call by buffer name: elements of all rows, one after the other; params one element.
using Arrays = std::map<std::string, Elements>;

/// What a call has beside its arrays, and what it does.
struct CallContext {
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;
  /// As MOE_RESET, MOE_ACCUMULATE and MOE_FINISH: the accumulators are made neutral first, the passes run, the last one
  /// finishes.
  bool resets = true, accumulates = true, finishes = true;
  /// What the accumulators hold of all calls, and of how many tokens (rows, where there are layers); a step program
  /// reads what its gate's calls have left here.
  std::map<std::string, Elements> accumulators;
  int64_t accumulatedTokens = 0;
};

/// Runs `program` on `tokens` tokens (of each layer, where it has layers), without `context` as one call of its own:
/// reads inputs, params, states and the saved arrays that the program loads from `arrays`, and writes what it stores
/// there, rounded to the type of the buffer. Of offsets that are out of place, each is taken as the nearest number that
/// is not, and an accumulator `bad_offsets_seen` counts the call. `adds`: as MOE_ADD; `arrays` then holds what stands
/// in the buffers that the call adds to.
void interpret(kernel::ProgramOp program, int64_t tokens, Arrays &arrays, bool adds = false,
               CallContext *context = nullptr);

} // namespace moe::test
