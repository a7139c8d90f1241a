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

llvm::DenseSet<Operation *> moe::uniformOperations(Block &rows) {
  llvm::DenseSet<Operation *> loaded, constant;
  for (Operation &op : rows) {
    if (auto load = dyn_cast<LoadOp>(op)) {
      if (!lookupBuffer(load, load.getBuffer()).isPerToken())
        loaded.insert(&op);
      continue;
    }
    SmallVector<Operation *> sources = sourcesOf(&op);
    bool known = llvm::all_of(sources, [&](Operation *s) { return loaded.contains(s) || constant.contains(s); });
    if (!isMemoryEffectFree(&op) || !known)
      continue;
    bool depends = llvm::any_of(sources, [&](Operation *s) { return loaded.contains(s); });
    (depends || isa<SizeOp>(op) ? loaded : constant).insert(&op);
  }
  for (Operation &op : llvm::reverse(rows))
    if (loaded.contains(&op))
      for (Operation *source : sourcesOf(&op))
        loaded.insert(source);
  return loaded;
}
