// Uniform operations: forwards from the loads of arrays without tokens, then backwards to the constants that they need.
// What is made of constants alone and of nothing that is loaded stays where it is used: it costs no register there.
#include "compiler/Conversion/MoeKernelToCUDA/Uniform.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

/// The operations of the block of `op` that make the operands of `op` and of what stands inside it.
static SmallVector<Operation *> sourcesOf(Operation *op) {
  SmallVector<Operation *> sources;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (Operation *source = operand.getDefiningOp(); source && source->getBlock() == op->getBlock())
        sources.push_back(source);
  });
  return sources;
}

llvm::DenseSet<Operation *> moe::hoistedOperations(Block &rows) {
  llvm::SetVector<Operation *> uniform = uniformOperations(rows);
  llvm::DenseSet<Operation *> hoisted;
  for (Operation *op : uniform)
    if (isa<LoadOp, SizeOp>(op) || llvm::any_of(sourcesOf(op), [&](Operation *s) { return hoisted.contains(s); }))
      hoisted.insert(op);
  for (Operation *op : llvm::reverse(uniform))
    if (hoisted.contains(op))
      hoisted.insert_range(sourcesOf(op));
  return hoisted;
}
