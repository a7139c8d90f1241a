// What the AVX-512 variant of CPU code does in other instructions than the code that all variants share.
#pragma once
#include "llvm/IR/Function.h"

namespace moe {

/// Rewrites p 2^n in two factors, as the polynomials of ExpandMath.cpp end, to one vscalefps of 16 lanes. Same bits:
/// the first of the two products is exact, so both forms round once, gradual underflow and overflow included.
void useAvx512Scaling(llvm::Function &function);

} // namespace moe
