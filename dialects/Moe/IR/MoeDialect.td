// The moe dialect: what a Mixture-of-Experts gate computes, on tensors whose encoding names their axes.
#ifndef MOE_DIALECT_TD
#define MOE_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"

def Moe_Dialect : Dialect {
  let name = "moe";
  let cppNamespace = "::moe";
  let summary = "what a Mixture-of-Experts gate computes";
  let description = [{
    A gate (`moe.gate`) is one straight line of pure operations from router logits to selections, weights, losses and
    metrics. Values are builtin tensors whose encoding names every axis (`tensor<?x64xf32, #moe.axes<token, expert>>`;
    a scalar is `tensor<f32>`), so arithmetic is upstream `arith` and `math`; only what these lack is an operation
    here. Broadcasting is always explicit (`moe.broadcast`, `moe.expand`).

    Neighbours: `compiler/Frontend` makes this dialect from a `.moe` spec; `compiler/Reference` evaluates it in f64 (the
    oracle of all tests); `compiler/Transforms` rewrites it; `compiler/Conversion/MoeToMoeKernel` consumes it: nothing
    of it survives in `moe_kernel`. There are no loops, no memory and no target names here.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

//===-- Attributes --------------------------------------------------------------------------------------------------===//

def Moe_AxesAttr : AttrDef<Moe_Dialect, "Axes", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "axes";
  let summary = "names the axes of a tensor, outermost first";
  let description = [{
    One distinct name per dimension, as declared by `moe.axis` or made by a selection (`route.slot`).
    Example: `tensor<?x64xf32, #moe.axes<token, expert>>`.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr", "axis names">:$names);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// Position of `axis`, or -1.
    int64_t indexOf(::llvm::StringRef axis) const;
    bool contains(::llvm::StringRef axis) const { return indexOf(axis) >= 0; }
  }];
}

def Moe_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines values", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">, I32EnumAttrCase<"Max", 2, "max">,
    I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"MaxNum", 4, "maxnum">, I32EnumAttrCase<"Var", 5, "var">,
    I32EnumAttrCase<"Std", 6, "std">, I32EnumAttrCase<"Cv2", 7, "cv2">, I32EnumAttrCase<"LogSumExp", 8, "logsumexp">]> {
  let cppNamespace = "::moe";
}

def Moe_RandomKind : I32EnumAttr<"RandomKind", "a distribution", [
    I32EnumAttrCase<"Uniform", 0, "uniform">, I32EnumAttrCase<"Normal", 1, "normal">]> {
  let cppNamespace = "::moe";
}

//===-- Types -------------------------------------------------------------------------------------------------------===//

def Moe_SelectionType : TypeDef<Moe_Dialect, "Selection"> {
  let mnemonic = "selection";
  let summary = "k chosen positions of one axis for every element of the others, best first";
  let description = [{
    `!moe.selection<[token], expert, route.slot, 6>`: for each token, six experts, held along an axis of their own named
    `route.slot`. A slot may be empty (dropped); the operations that make a selection say when. The axes are distinct.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$batch, "::mlir::StringAttr":$axis,
                        "::mlir::StringAttr":$slot, "int64_t":$size);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

/// A ranked tensor that names each of its axes; a scalar has none to name.
class Moe_TensorOf<list<Type> types> : Type<
    And<[RankedTensorOf<types>.predicate, CPred<"::moe::namesItsAxes($_self)">]>,
    "tensor with #moe.axes (a scalar: without) of " # !interleave(!foreach(t, types, t.summary), " or "), "::mlir::RankedTensorType">;
/// A tensor without axes.
class Moe_ScalarOf<list<Type> types, string rule = ""> : Type<
    And<[RankedTensorOf<types>.predicate, CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 0">,
         CPred<"::moe::namesItsAxes($_self)">]>,
    "scalar tensor of " # !interleave(!foreach(t, types, t.summary), " or ") # rule, "::mlir::RankedTensorType">;

def Moe_FloatTensor : Moe_TensorOf<[F32, F64, BF16, F16]>;
def Moe_NumberTensor : Moe_TensorOf<[F32, F64, BF16, F16, I32, I64]>;
def Moe_AnyTensor : Moe_TensorOf<[F32, F64, BF16, F16, I1, I32, I64]>;
def Moe_MaskTensor : Moe_TensorOf<[I1]>;
def Moe_IndexTensor : Moe_TensorOf<[I32]>;
def Moe_FloatScalar : Moe_ScalarOf<[F32, F64]>;
def Moe_IntegerScalar : Moe_ScalarOf<[I32]>;
def Moe_LossScalar : Moe_ScalarOf<[F32, F64], " (R6: a loss is a scalar)">;
def Moe_TensorOrSelection : AnyTypeOf<[Moe_AnyTensor, Moe_SelectionType]>;

class Moe_Op<string mnemonic, list<Trait> traits = []> : Op<Moe_Dialect, mnemonic, traits>;

#endif
