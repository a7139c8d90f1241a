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
    Declarations come first, then the passes in the order they run; nothing else. The order of the buffers is the order
    of the arrays in the descriptor. `sym_name` is the gate's name. A pass loads a coefficient only after an earlier pass
    has stored it. `backward_of` names the program of the same module whose gradients this one computes: they share saved
    arrays of one name. `step_of` names the program whose states this one updates: it declares the same accumulators, and has
    one pass with finish only.

    Tokens may come in consecutive pieces: `piece_length 4096`; `piece_count 4`, so many equal ones; or `piece_offsets
    @cu_seqlens`, an input of sizes [-3], where piece i holds the tokens offsets[i] up to offsets[i + 1]. `moe_kernel.pieces`
    divides these pieces once more. `layers 4`: the tokens of a call are rows of (layer, token), layer by layer; arrays of
    the caller with a row per token come as one pointer per layer.
    ```mlir
    moe_kernel.program @router {
      moe_kernel.buffer @logits input f32 axes ["token", "expert"] sizes [-1, 64]
      moe_kernel.buffer @greatest metric f32 axes [] sizes []
      moe_kernel.accumulator @P sum f32 sizes [64]
      moe_kernel.pass rows {
        %x = moe_kernel.load @logits : !moe_kernel.row<64xf32>
        moe_kernel.accumulate %x, @P : !moe_kernel.row<64xf32>
      } finish {
        %p = moe_kernel.read @P : !moe_kernel.row<64xf32>
        %m = moe_kernel.reduce max %p : !moe_kernel.row<64xf32> -> f32
        moe_kernel.store %m, @greatest : f32
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<FlatSymbolRefAttr>:$backward_of,
                       OptionalAttr<FlatSymbolRefAttr>:$step_of, OptionalAttr<I64Attr>:$length,
                       OptionalAttr<FlatSymbolRefAttr>:$offsets, OptionalAttr<I64Attr>:$count,
                       OptionalAttr<I64Attr>:$layers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`backward_of` $backward_of^)? (`step_of` $step_of^)? (`layers` $layers^)? (`piece_length` $length^)?
    (`piece_offsets` $offsets^)? (`piece_count` $count^)? attr-dict-with-keyword custom<Body>($body)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool hasPieces() { return getLength() || getOffsets() || getCount(); }
    /// How many times the tokens are divided: 0 without pieces, 1 with pieces, 2 where these come in pieces again, ….
    int64_t getDepth();
    /// The array of the offsets of the pieces that the elements of level `level` come in; empty where there is none.
    ::llvm::StringRef getOffsetsOf(int64_t level);
  }];
}

def MoeKernel_PiecesOp : MoeKernel_Op<"pieces", [HasParent<"ProgramOp">]> {
  let summary = "the pieces before it come in pieces";
  let description = [{
    Of a program with pieces: these are divided in turn, by `length`, `offsets` or `count` as the tokens are. The first such
    operation makes level 2, the next one level 3.
    ```mlir
    moe_kernel.program @nested piece_length 64 {
      moe_kernel.pieces length 8
      moe_kernel.pieces count 4
    }
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$length, OptionalAttr<FlatSymbolRefAttr>:$offsets, OptionalAttr<I64Attr>:$count);
  let assemblyFormat = "(`length` $length^)? (`offsets` $offsets^)? (`count` $count^)? attr-dict";
}

def MoeKernel_BufferOp : MoeKernel_Op<"buffer", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "an array of the call";
  let description = [{
    `sym_name` is the caller's name for it, `role` what it is to the caller, `type` the element type in memory. `axes`
    names the axes. `sizes` has a negative number for a run-time size, which only the outermost axis may have: -1, one row for
    each token; -2, one for each piece; -3, one more than pieces (the offsets; alone); -4, `per_token` elements for each token and
    `extra` more (a dispatch order; alone); -5 and -6, of level 2 what -2 and -3 are of the pieces, -7 and -8 of level 3, and so on.
    At most one more axis follows, if any. `layered "layer"`, in a program with layers: the caller's array has that axis, of the layers, in front
    (of the tokens: comes as one pointer per layer); an array of tokens without it is the same for all layers. Inputs, outputs,
    saved arrays and coefficients have tokens or pieces. A buffer with role `param` is one value with default `init`; `state` is the
    caller's, with default `init`, read by all programs and written by the finish of a `step_of` program; `coefficient` is
    scratch that one pass writes and a later pass reads (in a rows region: of the token, or its piece; of what has no run-time axis, the
    whole); `saved` is what a forward program writes for its backward program to read. With `adds`, an output of floats is added to
    what stands in it when the call says so (MOE_ADD): a gradient. Outputs of i32 may be stored as i16 or i64.
    ```mlir
    moe_kernel.program @buffers {
      moe_kernel.buffer @logits input bf16 axes ["token", "expert"] sizes [-1, 64]
      moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.0e-02
      moe_kernel.buffer @load metric i32 axes ["expert"] sizes [64]
      moe_kernel.buffer @route saved i32 axes ["token", "route.slot"] sizes [-1, 6]
      moe_kernel.buffer @grad_logits output bf16 axes ["token", "expert"] sizes [-1, 64] adds
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, MoeKernel_Role:$role, TypeAttr:$type, StrArrayAttr:$axes,
                       DenseI64ArrayAttr:$sizes, OptionalAttr<F64Attr>:$init, UnitAttr:$adds,
                       OptionalAttr<I64Attr>:$per_token, OptionalAttr<I64Attr>:$extra, OptionalAttr<StrAttr>:$layered);
  let assemblyFormat = [{
    $sym_name $role $type `axes` $axes `sizes` $sizes (`init` $init^)? (`adds` $adds^)? (`per_token` $per_token^)?
    (`extra` $extra^)? (`layered` $layered^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// True when the buffer holds one row (or scalar) per token.
    bool isPerToken() { return !getSizes().empty() && getSizes()[0] == -1; }
    /// True when it holds one row (or scalar) per piece.
    bool isPerPiece() { return !getSizes().empty() && getSizes()[0] == -2; }
    /// The level whose elements it has a row (or scalar) for: 0 tokens, 1 pieces, …; -1 where it has none.
    int64_t getLevel();
    /// Elements of one row; 1 for a scalar per token, per piece or per call.
    int64_t getRowSize() { return getSizes().empty() || getSizes().back() < 0 ? 1 : getSizes().back(); }
  }];
}

def MoeKernel_AccumulatorOp : MoeKernel_Op<"accumulator", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "what a pass collects from all tokens";
  let description = [{
    `sym_name` is a scalar (`sizes []`) or one row (`sizes [64]`) of elements of `type`, f32, f64 or i32, that starts from
    the neutral element of `combine` (i32: sum, max and min only). With `per_piece` there is one of them for each piece: rows
    add to that of their token, the pieces region reads it. One pass adds to it. What `moe_kernel.rank` of a later pass
    refers to is `ranked`: beside the total, the merged value of all tokens before is known then at each token.
    ```mlir
    moe_kernel.program @accumulators piece_length 128 {
      moe_kernel.accumulator @P sum f32 sizes [64]
      moe_kernel.accumulator @nonfinite sum i32 sizes []
      moe_kernel.accumulator @c sum i32 sizes [64] per_piece
      moe_kernel.accumulator @queue sum i32 sizes [64] ranked
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, MoeKernel_Combine:$combine, TypeAttr:$type, DenseI64ArrayAttr:$sizes,
                       UnitAttr:$per_piece, UnitAttr:$ranked);
  let assemblyFormat = "$sym_name $combine $type `sizes` $sizes (`per_piece` $per_piece^)? (`ranked` $ranked^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{ int64_t getCount() { return getSizes().empty() ? 1 : getSizes()[0]; } }];
}

def MoeKernel_PassOp : MoeKernel_Op<"pass", [IsolatedFromAbove, HasParent<"ProgramOp">, NoTerminator, NoRegionArguments]> {
  let summary = "one pass over the tokens";
  let description = [{
    `rows` runs once per token, `pieces` (of a program with pieces) once per piece after all its tokens, empty pieces included,
    `finish` once after all of them. Their values are rows and scalars. Pieces run in any order, but what they accumulate is merged in
    a fixed one. `reason` says what forced a pass after the first. A pass `over_level 1` runs over the pieces instead: its rows
    are theirs, its pieces those of level 2; whatever is said of tokens and pieces in its regions is meant of these. It knows
    no token: no size, random number, rank or other row.

    The finish of a pass other than the last one is about this call alone: it makes coefficients for later passes, which is all it may
    store. That of the last pass is about all accumulated calls; accumulators of earlier passes are read there too.
    ```mlir
    moe_kernel.program @two_passes {
      moe_kernel.pass rows {} finish {}
      moe_kernel.pass because "it needs 'm', which is known only after all tokens" rows {} finish {}
    }
    moe_kernel.program @sequences piece_length 128 {
      moe_kernel.pass rows {} pieces {} finish {}
    }
    moe_kernel.program @documents piece_length 128 {
      moe_kernel.pieces length 8
      moe_kernel.pass rows {} pieces {} finish {}
      moe_kernel.pass over_level 1 rows {} pieces {} finish {}
    }
    ```
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$reason, DefaultValuedAttr<I64Attr, "0">:$level);
  let regions = (region SizedRegion<1>:$rows, MaxSizedRegion<1>:$pieces, SizedRegion<1>:$finish);
  let assemblyFormat = [{
    (`because` $reason^)? (`over_level` $level^)? `rows` custom<Body>($rows) custom<PiecesBody>($pieces) `finish` custom<Body>($finish) attr-dict
  }];
  let extraClassDeclaration = [{
    /// Its regions that have a block, in the order they run.
    ::llvm::SmallVector<::mlir::Region *> getBodies();
  }];
  let hasRegionVerifier = 1;
}

//===-- Memory ------------------------------------------------------------------------------------------------------===//

def MoeKernel_LoadOp : MoeKernel_PassBodyOp<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "this token's row of a buffer, or the whole of a buffer without tokens";
  let description = [{
    `buffer` is an input, a param, a state, a coefficient or a saved array; where it has a row per piece, this piece's. bf16 and f16 are widened to f32, i1 (one byte in memory) is a truth
    value. A `param` is loaded as a scalar.
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

def MoeKernel_StoreOp : MoeKernel_PassBodyOp<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes this token's row of a buffer, or the whole of a buffer without tokens";
  let description = [{
    Writes `value` to `buffer`, or adds it (`adds`, see `buffer`; in f32, rounded once). f32 is rounded to nearest even where the
    buffer holds bf16 or f16; i32 is cut to i16 or extended to i64. What has a row per token is written in the rows region, what has
    one per piece in the pieces region, the rest in finish.
    ```mlir
    moe_kernel.store %v, @weight : !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Value:$value, FlatSymbolRefAttr:$buffer);
  let assemblyFormat = "$value `,` $buffer attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def MoeKernel_LoadAtOp : MoeKernel_PassBodyOp<"load_at", [MemoryEffects<[MemRead]>]> {
  let summary = "another token's row of a buffer";
  let description = [{
    Rows region only. `buffer` has a row per token: an input, or a coefficient of an earlier pass. The row of token `token` of the
    call; 0 (false) where `token` is not one of its tokens.
    ```mlir
    %y = moe_kernel.load_at @choice[%t] : !moe_kernel.row<2xi32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$buffer, I32:$token);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$buffer `[` $token `]` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_StoreAtOp : MoeKernel_PassBodyOp<"store_at", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes elements at positions of an array";
  let description = [{
    buffer[positions[j]] = values[j] for every j whose position is inside of the array; the others are dropped. `buffer` is an output of
    i32 with sizes [-4] (`moe_kernel.buffer`). Within a pass every position is written once at most; a later pass may write it again.
    ```mlir
    moe_kernel.store_at %v, %p, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$values, MoeKernel_IndexRow:$positions, FlatSymbolRefAttr:$buffer);
  let assemblyFormat = "$values `,` $positions `,` $buffer attr-dict `:` type($values) `,` type($positions)";
  let hasVerifier = 1;
}

def MoeKernel_SizeOp : MoeKernel_PassBodyOp<"size", [Pure]> {
  let summary = "number of tokens of the call";
  let description = [{
    In a finish region: of all accumulated calls.
    ```mlir
    %n = moe_kernel.size : i32
    ```
  }];
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def MoeKernel_IndexOp : MoeKernel_PassBodyOp<"index", [Pure]> {
  let summary = "where the region is: a number of the call, the token or its piece";
  let description = [{
    `token`: of this token in the call, from 0 (rows only). `piece`, `piece_begin`, `piece_size`: of this token's piece, or of this piece
    (rows and pieces). `piece_count`: pieces of the call. `seed_low`, `seed_high`, `offset`: of the call, for random numbers;
    `token_low`, `token_high`: words of the call's first token's number plus that of this token (rows only).
    ```mlir
    %t = moe_kernel.index token : i32
    ```
  }];
  let arguments = (ins MoeKernel_Position:$what);
  let results = (outs I32:$result);
  let assemblyFormat = "$what attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_RankOp : MoeKernel_PassBodyOp<"rank", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["indices", "result"]>]> {
  let summary = "how many earlier positions name the same element";
  let description = [{
    Rows region only. result[j] = number of (token, position) before (this token, j), by token, then position, whose value in
    `indices` is the same; 0 where indices[j] is negative. `accumulator` is `ranked`, a row of i32 sums, into which an earlier pass
    has counted (`moe_kernel.count`) the same indices of each token; if it is `per_piece`, only tokens of the same piece come before.
    ```mlir
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$indices, FlatSymbolRefAttr:$accumulator);
  let results = (outs MoeKernel_IndexRow:$result);
  let assemblyFormat = "$indices `,` $accumulator attr-dict `:` type($indices)";
  let hasVerifier = 1;
}

def MoeKernel_AccumulateOp : MoeKernel_PassBodyOp<"accumulate", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "merges this token's value into an accumulator";
  let description = [{
    Rows region, or pieces region for an accumulator that is not `per_piece`. accumulator = combine(accumulator, value), element
    by element.
    ```mlir
    moe_kernel.accumulate %x, @P : !moe_kernel.row<64xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Value:$value, FlatSymbolRefAttr:$accumulator);
  let assemblyFormat = "$value `,` $accumulator attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def MoeKernel_CountOp : MoeKernel_PassBodyOp<"count", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "counts this token's selected elements";
  let description = [{
    Rows region only. accumulator[i] += 1 for every i in the row `indices` that is a position of `accumulator`, a row of i32 sums.
    ```mlir
    moe_kernel.count %i, @load : !moe_kernel.row<6xi32>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$indices, FlatSymbolRefAttr:$accumulator);
  let assemblyFormat = "$indices `,` $accumulator attr-dict `:` type($indices)";
  let hasVerifier = 1;
}

def MoeKernel_ReadOp : MoeKernel_PassBodyOp<"read", [MemoryEffects<[MemRead]>]> {
  let summary = "the merged value of an accumulator";
  let description = [{
    Of an accumulator that this or an earlier pass collected: in the finish region, of one that is `per_piece` in the pieces
    region of the pass that collects it. A `step_of` program reads what its gate's forward calls collected.
    ```mlir
    %p = moe_kernel.read @P : !moe_kernel.row<64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$accumulator);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$accumulator attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===-- Rows --------------------------------------------------------------------------------------------------------===//

def MoeKernel_MapOp : MoeKernel_PassBodyOp<"map", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "the same scalar code for every element of a row";
  let description = [{
    All rows have one size. The body takes one element of each of `inputs`, uses scalars from outside,
    `moe_kernel.position`, and `arith` and `math` operations on scalars, and yields one element of each of `results`.
    ```mlir
    %y = moe_kernel.map (%x, %x : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.subf %a, %t : f32
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
  let description = [{
    `values` has one value per result of the map.
    ```mlir
    %y = moe_kernel.map -> !moe_kernel.row<64xf32> {
      moe_kernel.yield %t : f32
    }
    ```
  }];
  let arguments = (ins Variadic<MoeKernel_AnyScalar>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def MoeKernel_PositionOp : MoeKernel_Op<"position", [Pure, HasParent<"MapOp">]> {
  let summary = "index of the element that the body of a map works on";
  let description = [{
    Counts from 0.
    ```mlir
    %y = moe_kernel.map -> !moe_kernel.row<64xi32> {
      %e = moe_kernel.position : i32
      moe_kernel.yield %e : i32
    }
    ```
  }];
  let results = (outs I32:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def MoeKernel_ReduceOp : MoeKernel_PassBodyOp<"reduce", [Pure]> {
  let summary = "combines the elements of a row, or of each of its groups";
  let description = [{
    Combines `input` by `kind` to a scalar, or to a row with one element per group. Element e is in group `groups[e]`; without `groups`, groups are
    equal contiguous blocks. sum starts from 0; max, min (NaN propagates) and maxnum (NaN ignored) from -inf, +inf, -inf
    (i32 from the extreme values, and not maxnum). Groups are never empty.
    ```mlir
    %s = moe_kernel.reduce maxnum %x : !moe_kernel.row<64xf32> -> f32
    %d = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    ```
  }];
  let arguments = (ins MoeKernel_Combine:$kind, MoeKernel_NumberRow:$input, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_Value:$result);
  let assemblyFormat = "$kind $input (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_GroupTopSumOp : MoeKernel_PassBodyOp<"group_top_sum", [Pure]> {
  let summary = "sum of the n greatest elements of each group";
  let description = [{
    The `n` greatest elements of `input` in each group are added from the greatest down, so that the result has the same
    bits everywhere. NaN ranks below every number; ties do not matter. `groups` as in `reduce`; n is at least 1 and at
    most the size of the smallest group.
    ```mlir
    %g = moe_kernel.group_top_sum %x, 2 : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    ```
  }];
  let arguments = (ins MoeKernel_FloatRow:$input, I64Attr:$n, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_FloatRow:$result);
  let assemblyFormat = "$input `,` $n (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ExpandOp : MoeKernel_PassBodyOp<"expand", [Pure]> {
  let summary = "gives each element the value of its group";
  let description = [{
    result[e] = input[group of e]; `groups` as in `reduce`, of the result's elements.
    ```mlir
    %y = moe_kernel.expand %d : !moe_kernel.row<8xi1> -> !moe_kernel.row<64xi1>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input, OptionalAttr<DenseI32ArrayAttr>:$groups);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input (`groups` $groups^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_TopkOp : MoeKernel_PassBodyOp<"topk", [Pure]> {
  let summary = "positions and values of the k greatest elements, best first";
  let description = [{
    Of `input`. Ties: lower position first. NaN ranks below every number (-inf included), an element whose `mask` is false below NaN.
    +0 and -0 are equal. The k positions are distinct and in range as long as the mask leaves k elements; if not, missing
    positions are -1 and their values unspecified.
    ```mlir
    %p, %q = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %j, %w = moe_kernel.topk %x mask %m : !moe_kernel.row<64xi1> : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_FloatRow:$input, Optional<MoeKernel_MaskRow>:$mask);
  let results = (outs MoeKernel_IndexRow:$indices, MoeKernel_FloatRow:$values);
  let assemblyFormat = "$input (`mask` $mask^ `:` type($mask))? attr-dict `:` type($input) `->` type($indices) `,` type($values)";
  let hasVerifier = 1;
}

def MoeKernel_ChosenOp : MoeKernel_PassBodyOp<"chosen", [Pure]> {
  let summary = "which elements a row of positions names";
  let description = [{
    result[e] = exists j: indices[j] = e. Positions outside of the result name nothing.
    ```mlir
    %c = moe_kernel.chosen %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<64xi1>
    ```
  }];
  let arguments = (ins MoeKernel_IndexRow:$indices);
  let results = (outs MoeKernel_MaskRow:$result);
  let assemblyFormat = "$indices attr-dict `:` type($indices) `->` type($result)";
}

def MoeKernel_GatherOp : MoeKernel_PassBodyOp<"gather", [Pure]> {
  let summary = "the elements at a row of positions";
  let description = [{
    result[j] = input[indices[j]], 0 where the position is outside of `input`.
    ```mlir
    %w = moe_kernel.gather %x[%i] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xf32>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input, MoeKernel_IndexRow:$indices);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input `[` $indices `]` attr-dict `:` type($input) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ScatterOp : MoeKernel_PassBodyOp<"scatter", [Pure]> {
  let summary = "the elements of a row, added up at a row of positions";
  let description = [{
    result[e] = sum over the j with indices[j] = e of input[j], in the order of j; 0 where no position names e. Positions
    outside of the result, negative ones among them, add nothing.
    ```mlir
    %y = moe_kernel.scatter %v to %i : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
    ```
  }];
  let arguments = (ins MoeKernel_FloatRow:$input, MoeKernel_IndexRow:$indices);
  let results = (outs MoeKernel_FloatRow:$result);
  let assemblyFormat = "$input `to` $indices attr-dict `:` type($input) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ConcatOp : MoeKernel_PassBodyOp<"concat", [Pure]> {
  let summary = "one row behind another";
  let description = [{
    The elements of `first`, then those of `second`.
    ```mlir
    %c = moe_kernel.concat %i, %j : !moe_kernel.row<6xi32>, !moe_kernel.row<2xi32> -> !moe_kernel.row<8xi32>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$first, MoeKernel_AnyRow:$second);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$first `,` $second attr-dict `:` type($first) `,` type($second) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_SliceOp : MoeKernel_PassBodyOp<"slice", [Pure]> {
  let summary = "the first elements of a row";
  let description = [{
    result[j] = input[j]; the result is not longer than `input`.
    ```mlir
    %f = moe_kernel.slice %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<1xi32>
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input);
  let results = (outs MoeKernel_AnyRow:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def MoeKernel_ExtractOp : MoeKernel_PassBodyOp<"extract", [Pure]> {
  let summary = "one element of a row, at a fixed position";
  let description = [{
    input[position], counted from 0.
    ```mlir
    %e = moe_kernel.extract %v[5] : !moe_kernel.row<6xf32> -> f32
    ```
  }];
  let arguments = (ins MoeKernel_AnyRow:$input, I64Attr:$position);
  let results = (outs MoeKernel_AnyScalar:$result);
  let assemblyFormat = "$input `[` $position `]` attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}
#endif
