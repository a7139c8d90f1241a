// Operations that declare: the gate, its axes, what goes in and what comes out.
#ifndef MOE_STRUCTURE_OPS_TD
#define MOE_STRUCTURE_OPS_TD
include "dialects/Moe/IR/MoeDialect.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Moe_GateOp : Moe_Op<"gate", [IsolatedFromAbove, SymbolTable, Symbol, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "one gate: axes, inputs, computation, losses, metrics, outputs";
  let description = [{
    The body is a straight line: axes first, each value before its use. Its values are tensors and selections, made by
    operations of `moe`, `arith` and `math`. Every axis named by a type in the body is declared by a `moe.axis` of the
    same gate or is the slot axis of a selection made above, and every static dimension equals the size of its axis.
    The tensors of a pointwise operation have the same axes (R1). The names of inputs, params, losses, metrics and
    outputs are distinct (R5): they are the names of the arrays of a call.

    `sym_name` names the gate, and the functions and the descriptor made from it. `backward_of` names the gate whose
    gradients this one computes; it reports no status. `gradient` names the float inputs and params that gradients are made
    for; without it, all float inputs. `whole_batch` says why what the gate collects from several calls may not be added up
    (a value of each token depends on a reduction over all of them); capacity and plans, which are per call, are no reason.
    ```mlir
    moe.gate @router {
      moe.axis @token
      moe.axis @expert size 64
      %logits = moe.input "logits" : tensor<?x64xf32, #moe.axes<token, expert>>
      %route = moe.topk %logits over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, route.slot, 2>
      moe.output "route" = %route : !moe.selection<[token], expert, route.slot, 2>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<FlatSymbolRefAttr>:$backward_of,
                       OptionalAttr<StrArrayAttr>:$gradient, OptionalAttr<StrAttr>:$whole_batch);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`backward_of` $backward_of^)? (`gradient` $gradient^)? (`whole_batch` $whole_batch^)?
    attr-dict-with-keyword custom<Body>($body)
  }];
  let hasRegionVerifier = 1;
}

def Moe_AxisOp : Moe_Op<"axis", [Symbol, HasParent<"GateOp">]> {
  let summary = "declares an axis of the gate";
  let description = [{
    `size` absent: known at run time; present, at least 1 and at most 1048576. `of` names a finer axis, declared above,
    that this one groups: in equal contiguous blocks (the size must divide the finer one, R2), or by `map`, one group
    index per element of the finer axis, every group non-empty (R3), or by `placement`: the name of an input of one i32
    for each element of the finer axis, the group that it is in during this call (a group may be empty then).

    An axis without size that is `of` another one without size divides the tokens into *pieces*, each of consecutive
    tokens: `length` tokens each, which divides the number of tokens, or packed by `offsets`: the name of an i32 input on
    the axis `NAME.bound`, one longer than this axis, where piece i holds the tokens offsets[i] up to offsets[i + 1] (as
    FlashAttention's cu_seqlens; a piece may be empty); or `count` equal pieces, which divides the number of tokens too.
    Pieces nest: an axis of pieces may divide another one, in the same ways. The axes without size of a gate are one chain:
    the tokens, and each axis of pieces directly `of` the one before.

    `layers` on the axis of the tokens: `moe-fold-layers` has made one axis of (layer, token), layer by layer; its size is
    `layers` times the number of tokens of a call.
    ```mlir
    moe.gate @axes {
      moe.axis @token
      moe.axis @expert size 6
      moe.axis @device size 2 of @expert
      moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
      moe.axis @host size 3 of @expert placement "host_of_expert"
      moe.axis @sequence of @token offsets "cu_seqlens"
      %h = moe.input "host_of_expert" : tensor<6xi32, #moe.axes<expert>>
      %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
    }
    moe.gate @nested {
      moe.axis @token layers 4
      moe.axis @group of @token length 64
      moe.axis @sequence of @group length 32
      moe.axis @layer of @sequence count 4
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<I64Attr>:$size,
                       OptionalAttr<FlatSymbolRefAttr>:$of, OptionalAttr<DenseI32ArrayAttr>:$map,
                       OptionalAttr<StrAttr>:$placement, OptionalAttr<I64Attr>:$length, OptionalAttr<StrAttr>:$offsets,
                       OptionalAttr<I64Attr>:$count, OptionalAttr<I64Attr>:$layers);
  let assemblyFormat = [{
    $sym_name (`size` $size^)? (`of` $of^)? (`map` $map^)? (`placement` $placement^)? (`length` $length^)?
    (`offsets` $offsets^)? (`count` $count^)? (`layers` $layers^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The greatest size of a static axis.
    static constexpr int64_t maxSize = 1 << 20;
    /// True when it divides the tokens, or their pieces, into pieces.
    bool isPieces() { return getLength() || getOffsets() || getCount(); }
  }];
}

def Moe_InputOp : Moe_Op<"input", [HasParent<"GateOp">]> {
  let summary = "an array that the caller passes in";
  let description = [{
    `name` is the caller's name for it. The element type is the storage type (bf16 and f16 are widened to f32 with
    `arith.extf` before arithmetic). `saved`: written by the forward gate (`moe.output … saved`), not by the caller.
    `layered "layer"`, in a gate whose tokens have `layers`: the caller's array has that axis in front; an array of tokens
    without it is the same for all layers.
    ```mlir
    %x = moe.input "logits" : tensor<?x64xbf16, #moe.axes<token, expert>>
    %f = moe.input "load" saved : tensor<64xf32, #moe.axes<expert>>
    ```
  }];
  let arguments = (ins StrAttr:$name, UnitAttr:$saved, OptionalAttr<StrAttr>:$layered);
  let results = (outs Moe_AnyTensor:$result);
  let assemblyFormat = "$name (`saved` $saved^)? (`layered` $layered^)? attr-dict `:` type($result)";
}

def Moe_ParamOp : Moe_Op<"param", [HasParent<"GateOp">]> {
  let summary = "a run-time scalar with a default";
  let description = [{
    `name` is the caller's name for it, `init` its value when the caller passes none.
    ```mlir
    %alpha = moe.param "alpha1" = 1.0e-02 : tensor<f32>
    ```
  }];
  let arguments = (ins StrAttr:$name, F64Attr:$init);
  let results = (outs Moe_FloatScalar:$result);
  let assemblyFormat = "$name `=` custom<PlainF64>($init) attr-dict `:` type($result)";
}

def Moe_StateOp : Moe_Op<"state", [HasParent<"GateOp">]> {
  let summary = "an array that the gate keeps from step to step";
  let description = [{
    Owned by the caller, read like an input by forward and backward, changed by `step` alone (`moe.update`). `init` is
    what every element starts from. It has no run-time axis.
    ```mlir
    %b = moe.state "bias" = 0.0 : tensor<64xf32, #moe.axes<expert>>
    ```
  }];
  let arguments = (ins StrAttr:$name, F64Attr:$init);
  let results = (outs Moe_NumberTensor:$result);
  let assemblyFormat = "$name `=` custom<PlainF64>($init) attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Moe_UpdateOp : Moe_Op<"update", [HasParent<"GateOp">]> {
  let summary = "the value of a state after the step";
  let description = [{
    `name` is that of a state of this gate; `value` has the state's type. It is computed in the step,
    from the accumulators of any number of forward calls and the values of all states before the step; forward does not
    change a state. When no valid token was accumulated, the state stays as it is.
    ```mlir
    moe.update "bias" = %v : tensor<64xf32, #moe.axes<expert>>
    ```
  }];
  let arguments = (ins StrAttr:$name, Moe_NumberTensor:$value);
  let assemblyFormat = "$name `=` $value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Moe_MaskOp : Moe_Op<"mask", [HasParent<"GateOp">]> {
  let summary = "which elements of a run-time axis count (R4)";
  let description = [{
    `valid`, on the axis `axis` of the tokens alone: elements where it is false (padding) count in no reduction, no `count`
    and no `size`; selections are empty there, outputs 0, gradients 0; nothing that stands there reaches anything else,
    NaN neither. A gate has at most one mask; it holds for the whole gate, wherever it stands, but for what `valid` is made of. `applied`: `moe-apply-mask` has
    written that out with other operations; what is left to the mask is to say which tokens the status words are about, and
    whether there is any valid token.
    ```mlir
    moe.gate @padded {
      moe.axis @token
      %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
      moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
    }
    ```
  }];
  let arguments = (ins StrAttr:$axis, Moe_MaskTensor:$valid, UnitAttr:$applied);
  let assemblyFormat = "custom<AxisName>($axis) `by` $valid (`applied` $applied^)? attr-dict `:` type($valid)";
  let hasVerifier = 1;
}

def Moe_LossOp : Moe_Op<"loss", [HasParent<"GateOp">]> {
  let summary = "reports a scalar loss; the total loss is the sum of all of them";
  let description = [{
    Reports `value` under `name`, or 0 when the call has no valid token. A loss is a scalar (R6).
    ```mlir
    moe.loss "balance" = %c : tensor<f32>
    ```
  }];
  let arguments = (ins StrAttr:$name, Moe_LossScalar:$value);
  let assemblyFormat = "$name `=` $value attr-dict `:` type($value)";
}

def Moe_MetricOp : Moe_Op<"metric", [HasParent<"GateOp">]> {
  let summary = "reports a value that is watched, not trained on";
  let description = [{
    Reports `value` under `name`. It may have axes, but none of run-time size. It is NaN when the call has no valid token
    (0 for integers).
    ```mlir
    moe.metric "max_violation" = %c : tensor<f32>
    moe.metric "load" = %n : tensor<64xi32, #moe.axes<expert>>
    ```
  }];
  let arguments = (ins StrAttr:$name, Moe_NumberTensor:$value);
  let assemblyFormat = "$name `=` $value attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Moe_OutputOp : Moe_Op<"output", [HasParent<"GateOp">]> {
  let summary = "writes an array or a selection to a buffer of the caller";
  let description = [{
    Writes `value` to the buffer called `name`. A selection is written as i32 indices `[batch…, slot]`, -1 in an empty
    slot. `store` is the element type in the buffer, when it differs from the value's: bf16 or f16 for a value of f32
    (`output weight : bf16`), i16 or i64 for a selection or a value of i32. `saved`: kept for the backward gate, not for the caller. `adds`: a gradient, which is added to
    what stands in the buffer when the call says so. `layered`: as of `moe.input`. A gradient of an array that is the same for all
    layers is the sum over them, which is not `layered`.
    ```mlir
    moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 6>
    moe.output "weight" = %w store bf16 : tensor<?x6xf32, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins StrAttr:$name, Moe_TensorOrSelection:$value, OptionalAttr<TypeAttr>:$store,
                       UnitAttr:$saved, UnitAttr:$adds, OptionalAttr<StrAttr>:$layered);
  let assemblyFormat = [{
    $name `=` $value (`store` $store^)? (`saved` $saved^)? (`adds` $adds^)? (`layered` $layered^)? attr-dict `:` type($value)
  }];
  let hasVerifier = 1;
}
#endif
