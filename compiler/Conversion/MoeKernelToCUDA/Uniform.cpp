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

/// Whether an operation asks something of the piece that its token is in.
static bool asksForPiece(Operation *op) {
  if (auto load = dyn_cast<LoadOp>(op))
    return isPerPiece(lookupBuffer(load, load.getBuffer()), op);
  auto index = dyn_cast<IndexOp>(op);
  return index && (index.getWhat() == Position::Piece || index.getWhat() == Position::PieceBegin ||
                   index.getWhat() == Position::PieceSize);
}

/// What others are hoisted for. Words of random numbers are not: their rounds would all stay in registers.
static bool isRoot(Operation *op) {
  auto index = dyn_cast<IndexOp>(op);
  return isa<LoadOp, SizeOp>(op) || (index && index.getWhat() == Position::PieceCount);
}

llvm::DenseMap<Operation *, Rate> moe::hoistedOperations(Block &rows) {
  llvm::SetVector<Operation *> uniform = uniformOperations(rows);
  llvm::DenseMap<Operation *, Rate> hoisted;
  llvm::DenseSet<Operation *> ofPiece;
  for (Operation *op : uniform) {
    SmallVector<Operation *> sources = sourcesOf(op);
    if (asksForPiece(op) || llvm::any_of(sources, [&](Operation *s) { return ofPiece.contains(s); })) {
      ofPiece.insert(op);
      hoisted[op] = Rate::Piece;
    } else if (isRoot(op) || llvm::any_of(sources, [&](Operation *s) { return hoisted.contains(s); })) {
      hoisted[op] = Rate::Call;
    }
  }
  for (Operation *op : llvm::reverse(uniform))
    if (hoisted.contains(op))
      for (Operation *source : sourcesOf(op))
        hoisted.try_emplace(source, Rate::Call);
  return hoisted;
}
