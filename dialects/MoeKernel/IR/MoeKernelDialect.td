// The moe_kernel dialect: how a gate is computed, before the targets split.
#ifndef MOE_KERNEL_DIALECT_TD
#define MOE_KERNEL_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def MoeKernel_Dialect : Dialect {
  let name = "moe_kernel";
  let cppNamespace = "::moe::kernel";
  let summary = "how a gate is computed: passes over the tokens, accumulators, finish";
  let description = [{
    A `moe_kernel.program` declares the buffers of a call and the accumulators, then lists its passes. A pass reads every
    token once: its *rows* region is what happens to one token, on rows (`!moe_kernel.row<64xf32>`: one value per element
    of one axis) and on scalars, which are plain `f32`, `i32`, `i1` values under upstream `arith` and `math`; its *finish*
    region runs once, after all tokens, on what the accumulators hold. Where tokens come in pieces (sequences), a *pieces*
    region runs once per piece, after its tokens, on what the accumulators of that piece hold. Nothing here says threads, lanes, vectors or
    memory spaces: each target lays out a row as suits it (a token in each vector lane on the CPU, a row over the lanes
    of a warp in CUDA).

    Neighbours: made by `compiler/Conversion/MoeToMoeKernel` (fusion by structure); consumed by `MoeKernelToLLVM` and
    `MoeKernelToCUDA`. Axis names survive only in buffer declarations.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let useDefaultTypePrinterParser = 1;
}

def MoeKernel_RowType : TypeDef<MoeKernel_Dialect, "Row"> {
  let mnemonic = "row";
  let summary = "one value per element of one axis, for one token or after all of them";
  let description = "`!moe_kernel.row<64xf32>`. Elements are f32, f64, i32 or i1; at least 1 and at most 1048576 of them.";
  let parameters = (ins "int64_t":$size, "::mlir::Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The greatest number of elements.
    static constexpr int64_t maxSize = 1 << 20;
  }];
}

class MoeKernel_RowOf<list<Type> types, string text> : Type<
    And<[CPred<"::llvm::isa<::moe::kernel::RowType>($_self)">,
         Concat<"[](::mlir::Type $_self) { return ", Or<!foreach(t, types, t.predicate)>,
                "; }(::llvm::cast<::moe::kernel::RowType>($_self).getElementType())">]>, text, "::moe::kernel::RowType">;
def MoeKernel_AnyRow : MoeKernel_RowOf<[F32, F64, I32, I1], "row">;
def MoeKernel_FloatRow : MoeKernel_RowOf<[F32, F64], "row of floats">;
def MoeKernel_NumberRow : MoeKernel_RowOf<[F32, F64, I32], "row of numbers">;
def MoeKernel_IndexRow : MoeKernel_RowOf<[I32], "row of i32">;
def MoeKernel_MaskRow : MoeKernel_RowOf<[I1], "row of i1">;
def MoeKernel_AnyScalar : AnyTypeOf<[F32, F64, I32, I1]>;
def MoeKernel_Value : AnyTypeOf<[MoeKernel_AnyRow, F32, F64, I32, I1]>;

def MoeKernel_Role : I32EnumAttr<"Role", "what a buffer is to the caller", [
    I32EnumAttrCase<"Input", 0, "input">, I32EnumAttrCase<"Param", 1, "param">, I32EnumAttrCase<"Output", 2, "output">,
    I32EnumAttrCase<"Loss", 3, "loss">, I32EnumAttrCase<"Metric", 4, "metric">, I32EnumAttrCase<"Status", 5, "status">,
    I32EnumAttrCase<"Coefficient", 6, "coefficient">, I32EnumAttrCase<"Saved", 7, "saved">,
    I32EnumAttrCase<"State", 8, "state">]> {
  let cppNamespace = "::moe::kernel";
}

def MoeKernel_Combine : I32EnumAttr<"Combine", "how partial results merge", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">, I32EnumAttrCase<"Min", 2, "min">,
    I32EnumAttrCase<"MaxNum", 3, "maxnum">]> {
  let cppNamespace = "::moe::kernel";
}

def MoeKernel_Position : I32EnumAttr<"Position", "a number that a call gives to its tokens and pieces", [
    I32EnumAttrCase<"Token", 0, "token">, I32EnumAttrCase<"Piece", 1, "piece">, I32EnumAttrCase<"PieceBegin", 2, "piece_begin">,
    I32EnumAttrCase<"PieceSize", 3, "piece_size">, I32EnumAttrCase<"PieceCount", 4, "piece_count">,
    I32EnumAttrCase<"SeedLow", 5, "seed_low">, I32EnumAttrCase<"SeedHigh", 6, "seed_high">,
    I32EnumAttrCase<"Offset", 7, "offset">, I32EnumAttrCase<"TokenLow", 8, "token_low">,
    I32EnumAttrCase<"TokenHigh", 9, "token_high">]> {
  let cppNamespace = "::moe::kernel";
}

class MoeKernel_Op<string mnemonic, list<Trait> traits = []> : Op<MoeKernel_Dialect, mnemonic, traits>;
/// Stands directly in a region of a pass.
class MoeKernel_PassBodyOp<string mnemonic, list<Trait> traits = []>
    : MoeKernel_Op<mnemonic, !listconcat([HasParent<"PassOp">], traits)>;
#endif
