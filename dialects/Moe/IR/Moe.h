// The moe dialect: types, attributes, operations, and the helpers that everything around it shares.
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
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace moe {
/// True for a ranked tensor type whose encoding names each axis; a scalar has no encoding.
bool namesItsAxes(mlir::Type type);
/// How often a value of a gate exists. Between Piece and Call there are the pieces of pieces: coarser(Piece), ….
enum class Level { Call = 0, Piece = 999, Token = 1000 };
/// The level of the pieces that the elements of `level` (not Call) come in.
inline Level coarser(Level level) { return static_cast<Level>(static_cast<int>(level) - 1); }
/// The number of a level other than Call: 0 for tokens, 1 for their pieces, ….
inline int depthOf(Level level) { return static_cast<int>(Level::Token) - static_cast<int>(level); }
inline Level levelAt(int depth) { return static_cast<Level>(static_cast<int>(Level::Token) - depth); }
/// Of a value that an operation of a gate makes: once per token when it has the axis of the tokens, once per piece when
/// it has the axis of the pieces that the tokens, or pieces, are divided into.
Level levelOf(mlir::Value value);
inline bool isPerToken(mlir::Value value) { return levelOf(value) == Level::Token; }

/// The spec's name for what an operation computes: of its location's text (`loss balance = …`, `input logits : f32[…]`)
/// the last word before ` =` or ` :`; "" where there is none.
llvm::StringRef specName(mlir::Location loc);

} // namespace moe

#include "dialects/Moe/IR/MoeDialect.h.inc"
#include "dialects/Moe/IR/MoeEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Moe/IR/MoeAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Moe/IR/MoeTypes.h.inc"
namespace moe {
class AdjointBuilder;
} // namespace moe
#include "dialects/Moe/IR/DifferentiableOpInterface.h.inc"
#define GET_OP_CLASSES
#include "dialects/Moe/IR/MoeOps.h.inc"

namespace moe {

/// Axis names of a tensor type; empty for a scalar.
llvm::ArrayRef<mlir::StringAttr> axesOf(mlir::Type type);

/// Position of `axis` among the axes of `type`, or -1.
int64_t axisIndex(mlir::Type type, llvm::StringRef axis);

/// A tensor type on the given axes; the scalar `tensor<element>` when there are none. Sizes: ShapedType::kDynamic at
/// run time.
mlir::RankedTensorType tensorOf(mlir::Type element, llvm::ArrayRef<mlir::StringAttr> axes,
                                llvm::ArrayRef<int64_t> sizes);

/// `type` without the axis.
mlir::RankedTensorType withoutAxis(mlir::RankedTensorType type, llvm::StringRef axis);

/// `type` with `axis` replaced in place by an axis `to` of size `size`.
mlir::RankedTensorType withAxis(mlir::RankedTensorType type, llvm::StringRef axis, mlir::StringAttr to, int64_t size);

/// The `moe.axis` of that name in the gate around `op`, or null (slot axes have none).
AxisOp lookupAxis(mlir::Operation *op, llvm::StringRef axis);

/// The axis of the gate around `op` that divides its tokens into pieces, or null; the mask of the gate, or null.
AxisOp piecesOf(mlir::Operation *op);
/// All axes of pieces of the gate around `op`, each `of` the one before, the first `of` the tokens.
llvm::SmallVector<AxisOp> pieceAxes(mlir::Operation *op);
MaskOp maskOf(mlir::Operation *op);

/// Whether `coarse` is `of` `fine`, directly or through other axes, known at compile time or not.
bool coarsens(mlir::Operation *op, llvm::StringRef fine, llvm::StringRef coarse);

/// The input that says at run time which group of `coarse` each element of `fine` is in, where `coarse` is declared
/// directly `of` `fine` by a placement; else null.
InputOp placementOf(mlir::Operation *op, llvm::StringRef fine, llvm::StringRef coarse);

/// For each element of `fine`, the element of `coarse` it belongs to, composed through all axes between them; nullopt
/// when `coarse` is not `of` `fine`, or a size is not static. Axes are looked up in the gate around `op`.
std::optional<llvm::SmallVector<int32_t>> groupMap(mlir::Operation *op, llvm::StringRef fine, llvm::StringRef coarse);

} // namespace moe
