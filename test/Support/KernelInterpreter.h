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

/// What a call has beside its arrays.
struct CallContext {
  uint64_t seed = 0;
  int64_t firstToken = 0;
  uint32_t offset = 0;
  /// What the accumulators hold at the end; a step program reads what its gate's call has left here.
  std::map<std::string, Elements> accumulators;
};

/// Runs all passes of `program` on `tokens` tokens, as one call from neutral accumulators (a step program: from those
/// of `context`): reads inputs, params, states and the saved arrays that the program loads from `arrays`, and writes
/// what it stores there, rounded to the type of the buffer. `adds`: as MOE_ADD; `arrays` then holds what stands in the
/// buffers that the call adds to.
void interpret(kernel::ProgramOp program, int64_t tokens, Arrays &arrays, bool adds = false,
               CallContext *context = nullptr);

} // namespace moe::test
