// All operations of the moe_kernel dialect.
#ifndef MOE_KERNEL_OPS_TD
#define MOE_KERNEL_OPS_TD
include "dialects/MoeKernel/IR/MoeKernelDialect.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===-- Structure ---------------------------------------------------------------------------------------------------===//

def MoeKernel_ProgramOp : MoeKernel_Op<"program", [IsolatedFromAbove, SymbolTable, Symbol, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "a compiled gate: buffers, accumulators, passes";
  let description = [{
    Declarations come first, then the passes in the order they run. The order of the buffers is the order of the arrays in
    the descriptor.
    ```mlir
    moe_kernel.program @router {
      moe_kernel.buffer @logits input f32 axes ["token", "expert"] sizes [-1, 64]
      moe_kernel.buffer @balance loss f32 axes [] sizes []
      moe_kernel.accumulator @P sum f32 sizes [64]
      moe_kernel.pass rows { ... } finish { ... }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

def MoeKernel_BufferOp : MoeKernel_Op<"buffer", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "an array of the call";
  let description = [{
    `type` is the element type in memory. `sizes` has -1 for a run-time size, which only the outermost axis may have
    (its elements are the tokens, one row each); at most one more axis follows. A buffer with role `param` is one value
    with default `init`; `coefficient` is scratch that one pass's finish region writes and a later pass reads.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, MoeKernel_Role:$role, TypeAttr:$type, StrArrayAttr:$axes,
                       DenseI64ArrayAttr:$sizes, OptionalAttr<F64Attr>:$init);
  let assemblyFormat = "$sym_name $role $type `axes` $axes `sizes` $sizes (`init` $init^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// True when the buffer holds one row (or scalar) per token.
    bool isPerToken() { return !getSizes().empty() && getSizes()[0] < 0; }
    /// Elements of one row; 1 for a scalar per token or per call.
    int64_t getRowSize() { return getSizes().empty() || getSizes().back() < 0 ? 1 : getSizes().back(); }
  }];
}

def MoeKernel_AccumulatorOp : MoeKernel_Op<"accumulator", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "what a pass collects from all tokens";
  let description = [{
    A scalar (`sizes []`) or one row (`sizes [64]`) of f32, f64 or i32 that starts from the neutral element of `combine`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, MoeKernel_Combine:$combine, TypeAttr:$type, DenseI64ArrayAttr:$sizes);
  let assemblyFormat = "$sym_name $combine $type `sizes` $sizes attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ int64_t getCount() { return getSizes().empty() ? 1 : getSizes()[0]; } }];
}

def MoeKernel_PassOp : MoeKernel_Op<"pass", [IsolatedFromAbove, HasParent<"ProgramOp">, NoTerminator, NoRegionArguments]> {
  let summary = "one pass over the tokens";
  let description = [{
    `rows` runs once per token, `finish` once after all of them. `reason` says what forced a pass after the first.
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$reason);
  let regions = (region SizedRegion<1>:$rows, SizedRegion<1>:$finish);
  let assemblyFormat = "(`because` $reason^)? `rows` $rows `finish` $finish attr-dict";
}

//===-- Memory ------------------------------------------------------------------------------------------------------===//

def MoeKernel_LoadOp : MoeKernel_Op<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "this token's row of a buffer, or the whole of a buffer without tokens";
  let description = [{
    bf16 and f16 are widened to f32, i1 (one byte in memory) is a truth value. A `param` is loaded as a scalar.
    ```mlir
    %x = moe_kernel.load @logits : !moe_kernel.row<64xf32>
    %a = moe_kernel.load @alpha : f32
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$buffer);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$buffer attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_StoreOp : MoeKernel_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes this token's row of a buffer, or the whole of a buffer without tokens";
  let description = [{
    f32 is rounded to nearest even where the buffer holds bf16 or f16.
    ```mlir
    moe_kernel.store %w, @weight : !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Value:$value, FlatSymbolRefAttr:$buffer);
  let assemblyFormat = "$value `,` $buffer attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def MoeKernel_SizeOp : MoeKernel_Op<"size", [Pure, HasParent<"PassOp">]> {
  let summary = "number of tokens of the call";
  let description = [{
    In a finish region: of all accumulated calls.
    ```mlir
    %t = moe_kernel.size : i32
    ```
  }];
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def MoeKernel_AccumulateOp : MoeKernel_Op<"accumulate", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "merges this token's value into an accumulator";
  let description = [{
    Rows region only. acc = combine(acc, value), element by element.
    ```mlir
    moe_kernel.accumulate %s, @P : !moe_kernel.row<64xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Value:$value, FlatSymbolRefAttr:$accumulator);
  let assemblyFormat = "$value `,` $accumulator attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def MoeKernel_CountOp : MoeKernel_Op<"count", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "counts this token's selected elements";
  let description = [{
    Rows region only. acc[i] += 1 for every i >= 0 in the row of indices; an i32 sum accumulator.
    ```mlir
    moe_kernel.count %route, @load : !moe_kernel.row<6xi32>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$indices, FlatSymbolRefAttr:$accumulator);
  let assemblyFormat = "$indices `,` $accumulator attr-dict `:` type($indices)";
  let hasVerifier = 1;
}

def MoeKernel_ReadOp : MoeKernel_Op<"read", [MemoryEffects<[MemRead]>]> {
  let summary = "the merged value of an accumulator";
  let description = [{
    Finish region only.
    ```mlir
    %P = moe_kernel.read @P : !moe_kernel.row<64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$accumulator);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$accumulator attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===-- Rows --------------------------------------------------------------------------------------------------------===//

def MoeKernel_MapOp : MoeKernel_Op<"map", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "the same scalar code for every element of a row";
  let description = [{
    All rows have one size. The body takes one element of each input, uses scalars from outside, `moe_kernel.position`,
    and pure `arith` and `math` operations, and yields one element of each result.
    ```mlir
    %y = moe_kernel.map (%x, %z : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.subf %a, %m : f32
      %1 = arith.mulf %0, %b : f32
      moe_kernel.yield %1 : f32
    }
    ```
  }];
  let arguments = (ins Variadic<MoeKernel_AnyRow>:$inputs);
  let results = (outs Variadic<MoeKernel_AnyRow>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`(` $inputs^ `:` type($inputs) `)`)? `->` type($results) $body attr-dict";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Number of elements of every row of this map.
    int64_t getRowSize() { return ::llvm::cast<RowType>(getResult(0).getType()).getSize(); }
    ::mlir::Block *getBlock() { return &getBody().front(); }
  }];
}

def MoeKernel_YieldOp : MoeKernel_Op<"yield", [Pure, Terminator, HasParent<"MapOp">]> {
  let summary = "the elements that a map makes";
  let description = "One value per result of the map.";
  let arguments = (ins Variadic<MoeKernel_AnyScalar>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def MoeKernel_PositionOp : MoeKernel_Op<"position", [Pure, HasParent<"MapOp">]> {
  let summary = "index of the element that the body of a map works on";
  let description = "Counts from 0. `%e = moe_kernel.position : i32`";
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def MoeKernel_ReduceOp : MoeKernel_Op<"reduce", [Pure]> {
  let summary = "combines the elements of a row, or of each of its groups";
  let description = [{
    To a scalar, or to a row with one element per group. Element e is in group `groups[e]`; without `groups`, groups are
    equal contiguous blocks. sum starts from 0; max, min (NaN propagates) and maxnum (NaN ignored) from -inf, +inf, -inf
    (for i32 from the extreme values). Groups are never empty.
    ```mlir
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<64xf32> -> f32
    %d = moe_kernel.reduce sum %f : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Combine:$kind, MoeKernel_NumberRow:$input, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$kind $input (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_GroupTopSumOp : MoeKernel_Op<"group_top_sum", [Pure]> {
  let summary = "sum of the n greatest elements of each group";
  let description = [{
    Added from the greatest down, so that the result has the same bits everywhere. NaN ranks below every number; ties
    do not matter. Groups as in `reduce`; n is at most the size of the smallest group.
    ```mlir
    %g = moe_kernel.group_top_sum %b, 2 : !moe_kernel.row<256xf32> -> !moe_kernel.row<8xf32>
    ```
  }];
  let arguments = (ins MoeKernel_FloatRow:$input, I64Attr:$n, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_FloatRow:$result);
  let assemblyFormat = "$input `,` $n (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ExpandOp : MoeKernel_Op<"expand", [Pure]> {
  let summary = "gives each element the value of its group";
  let description = [{
    result[e] = input[group of e]; groups as in `reduce`, of the result's elements.
    ```mlir
    %y = moe_kernel.expand %d : !moe_kernel.row<8xi1> -> !moe_kernel.row<64xi1>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_TopkOp : MoeKernel_Op<"topk", [Pure]> {
  let summary = "positions and values of the k greatest elements, best first";
  let description = [{
    Ties: lower position first. NaN ranks below every number (-inf included), an element whose `mask` is false below NaN.
    +0 and -0 are equal. The k positions are distinct and in range as long as the mask leaves k elements; if not, missing
    positions are -1 and their values unspecified.
    ```mlir
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %j, %w = moe_kernel.topk %x mask %m : !moe_kernel.row<64xi1> : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_FloatRow:$input, Optional<MoeKernel_MaskRow>:$mask);
  let results = (outs MoeKernel_IndexRow:$indices, MoeKernel_FloatRow:$values);
  let assemblyFormat = "$input (`mask` $mask^ `:` type($mask))? attr-dict `:` type($input) `->` type($indices) `,` type($values)";
  let hasVerifier = 1;
}

def MoeKernel_ChosenOp : MoeKernel_Op<"chosen", [Pure]> {
  let summary = "which elements a row of positions names";
  let description = [{
    result[e] = exists j: indices[j] = e. Negative positions name nothing.
    ```mlir
    %m = moe_kernel.chosen %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<64xi1>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$indices);
  let results = (outs MoeKernel_MaskRow:$result);
  let assemblyFormat = "$indices attr-dict `:` type($indices) `->` type($result)";
}

def MoeKernel_GatherOp : MoeKernel_Op<"gather", [Pure]> {
  let summary = "the elements at a row of positions";
  let description = [{
    result[j] = input[indices[j]], 0 where the position is negative.
    ```mlir
    %w = moe_kernel.gather %s[%i] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input, MoeKernel_IndexRow:$indices);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input `[` $indices `]` attr-dict `:` type($input) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_SliceOp : MoeKernel_Op<"slice", [Pure]> {
  let summary = "the first elements of a row";
  let description = "`%f = moe_kernel.slice %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<1xi32>`";
  let arguments = (ins MoeKernel_AnyRow:$input);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ExtractOp : MoeKernel_Op<"extract", [Pure]> {
  let summary = "one element of a row, at a fixed position";
  let description = "`%t = moe_kernel.extract %v[5] : !moe_kernel.row<6xf32> -> f32`";
  let arguments = (ins MoeKernel_AnyRow:$input, I64Attr:$position);
  let results = (outs MoeKernel_AnyScalar:$result);
  let assemblyFormat = "$input `[` $position `]` attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}
#endif
