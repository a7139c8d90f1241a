// The moe_kernel dialect: types, operations and the helpers that both targets share.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

#include "dialects/MoeKernel/IR/MoeKernelDialect.h.inc"
#include "dialects/MoeKernel/IR/MoeKernelEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelOps.h.inc"

namespace moe::kernel {

/// The group of every element of a row of `size` elements in `count` groups: `groups` itself, or equal contiguous
/// blocks.
llvm::SmallVector<int32_t> groupsOf(std::optional<llvm::ArrayRef<int32_t>> groups, int64_t size, int64_t count);

/// True when element e is in group e / (size / count).
bool areEqualBlocks(std::optional<llvm::ArrayRef<int32_t>> groups, int64_t size, int64_t count);

/// The buffer or accumulator of that name in the program around `op`, or null.
BufferOp lookupBuffer(mlir::Operation *op, llvm::StringRef name);
AccumulatorOp lookupAccumulator(mlir::Operation *op, llvm::StringRef name);

/// Whether `buffer` has a row for each row, or for each piece, of the pass around `op`.
bool isPerRow(BufferOp buffer, mlir::Operation *op);
bool isPerPiece(BufferOp buffer, mlir::Operation *op);

/// The level of what the rows of the pass around `op` are: 0 tokens, 1 pieces, ….
int64_t levelOf(mlir::Operation *op);

/// True when `op` is (nested) in the finish region of its pass.
bool isInFinish(mlir::Operation *op);

/// True when `op` is (nested) in the pieces region of its pass.
bool isInPieces(mlir::Operation *op);

/// True when `op` of a rows region gives the same for every token (of a piece, in a program with pieces) and may run
/// once per call (per piece), given the operations before it that do: a load of an array without tokens, or what is
/// made of nothing else.
bool isUniform(mlir::Operation *op, const llvm::SetVector<mlir::Operation *> &uniform);

/// All such operations of a rows region, in order, constants among them.
llvm::SetVector<mlir::Operation *> uniformOperations(mlir::Block &rows);

} // namespace moe::kernel
