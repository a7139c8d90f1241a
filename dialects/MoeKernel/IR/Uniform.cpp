// Which operations of a rows region give the same for every token of the call, or of its piece where there are pieces.
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace moe::kernel;

static bool isUniformLoad(Operation *op) {
  auto load = dyn_cast<LoadOp>(op);
  return load && !isPerRow(lookupBuffer(load, load.getBuffer()), op);
}

/// A position that differs from token to token.
static bool isTokenPosition(Operation *op) {
  auto index = dyn_cast<IndexOp>(op);
  return index && (index.getWhat() == Position::Token || index.getWhat() == Position::TokenLow ||
                   index.getWhat() == Position::TokenHigh);
}

bool moe::kernel::isUniform(Operation *op, const llvm::SetVector<Operation *> &uniform) {
  if (isTokenPosition(op))
    return false;
  if (!isUniformLoad(op) && !isMemoryEffectFree(op))
    return false;
  llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  return llvm::all_of(used, [&](Value value) { return uniform.contains(value.getDefiningOp()); });
}

llvm::SetVector<Operation *> moe::kernel::uniformOperations(Block &rows) {
  llvm::SetVector<Operation *> uniform;
  for (Operation &op : rows)
    if (isUniform(&op, uniform))
      uniform.insert(&op);
  return uniform;
}
