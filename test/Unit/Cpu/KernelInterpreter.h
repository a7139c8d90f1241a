// A scalar interpreter of moe_kernel programs: each operation is its definition, one element at a time. The oracle of
// the tests of both targets' lowerings.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include <map>
#include <string>
#include <vector>

namespace moe::test {

/// The elements of a value. Every f32, f64, i32 and i1 is exact in a double.
using Elements = std::vector<double>;
/// The arrays of a call by name: per-token arrays row after row.
using Arrays = std::map<std::string, Elements>;

/// Runs all passes over `tokens` tokens: reads the inputs and params of `arrays`, adds everything that is written.
/// Sums of floats are in f64; elementwise f32 arithmetic is rounded like f32.
void interpret(kernel::ProgramOp program, int64_t tokens, Arrays &arrays);

} // namespace moe::test
