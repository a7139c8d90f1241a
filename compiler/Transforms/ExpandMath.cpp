// Transcendental functions in f32 as polynomials (ExpandMath.h).
#include "compiler/Transforms/ExpandMath.h"
#include "dialects/Moe/IR/Moe.h"

void moe::populateExpandMathPatterns(mlir::RewritePatternSet &) {}
