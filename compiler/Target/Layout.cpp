// Offsets of accumulators and coefficients.
#include "compiler/Target/Layout.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

uint64_t moe::elementBytes(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

moe::AccumulatorLayout::AccumulatorLayout(kernel::ProgramOp program) {
  bytes = sizeof(int64_t);
  for (auto accumulator : program.getOps<kernel::AccumulatorOp>()) {
    bytes = llvm::alignTo(bytes, 16);
    offsets[accumulator.getSymName()] = bytes;
    bytes += accumulator.getCount() * elementBytes(accumulator.getType());
  }
  bytes = llvm::alignTo(bytes, 64);
}

uint64_t moe::coefficientBytes(kernel::ProgramOp program) {
  uint64_t bytes = 0;
  for (auto buffer : program.getOps<kernel::BufferOp>())
    if (buffer.getRole() == kernel::Role::Coefficient && buffer.getLevel() < 0)
      bytes += llvm::alignTo(buffer.getRowSize() * elementBytes(buffer.getType()), 64);
  return bytes;
}
