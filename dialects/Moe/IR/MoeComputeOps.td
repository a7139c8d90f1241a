// Operations that compute: broadcasts, pointwise functions, reductions, functions along an axis, selections.
#ifndef MOE_COMPUTE_OPS_TD
#define MOE_COMPUTE_OPS_TD
include "dialects/Moe/IR/MoeDialect.td"
include "dialects/Moe/IR/DifferentiableOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// States its adjoint (Adjoint.cpp).
def Moe_Differentiable : DeclareOpInterfaceMethods<DifferentiableOpInterface>;

//===-- Shape -------------------------------------------------------------------------------------------------------===//

def Moe_BroadcastOp : Moe_Op<"broadcast", [Pure, Moe_Differentiable]> {
  let summary = "repeats a value along the axes it lacks";
  let description = [{
    result[…] = input[the input's axes of …]. The input's axes are among the result's, in any order (R1).
    ```mlir
    %y = moe.broadcast %v : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_AnyTensor:$input);
  let results = (outs Moe_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Moe_ExpandOp : Moe_Op<"expand", [Pure, Moe_Differentiable]> {
  let summary = "refines a value on a coarse axis to a finer one";
  let description = [{
    result[…, e, …] = input[…, group(e), …]: each element of the axis `to` takes the value of the element of the axis
    `from` that it belongs to. `from` is `of` `to`, directly or through other axes.
    ```mlir
    %y = moe.expand %d from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
    ```
  }];
  let arguments = (ins Moe_AnyTensor:$input, StrAttr:$from, StrAttr:$to);
  let results = (outs Moe_AnyTensor:$result);
  let assemblyFormat = "$input `from` custom<AxisName>($from) `to` custom<AxisName>($to) attr-dict `:` type($input) `to` type($result)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Moe_SizeOp : Moe_Op<"size", [Pure, HasParent<"GateOp">]> {
  let summary = "the number of elements of an axis";
  let description = [{
    `axis` is declared in the gate. For an axis of run-time size, the number of elements that are not masked (of pieces:
    those that hold such a token). Static sizes fold to constants. With `to`, the number of elements of `axis`, not masked,
    in each group of `to`.
    ```mlir
    %t = moe.size token : tensor<i32>
    %n = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
    ```
  }];
  let arguments = (ins StrAttr:$axis, OptionalAttr<StrAttr>:$to);
  let results = (outs Moe_IndexTensor:$result);
  let assemblyFormat = "custom<AxisName>($axis) (`to` custom<AxisName>($to)^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Moe_IndexOp : Moe_Op<"index", [Pure, HasParent<"GateOp">]> {
  let summary = "the positions along an axis";
  let description = [{
    0, 1, 2, … along `axis`, masked elements included. With `to`, an axis of groups, positions count from the first element
    of each group of consecutive elements.
    ```mlir
    %e = moe.index expert : tensor<64xi32, #moe.axes<expert>>
    %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
    ```
  }];
  let arguments = (ins StrAttr:$axis, OptionalAttr<StrAttr>:$to);
  let results = (outs Moe_IndexTensor:$result);
  let assemblyFormat = "custom<AxisName>($axis) (`to` custom<AxisName>($to)^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Moe_ShiftOp : Moe_Op<"shift", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "the values some elements before, along an axis";
  let description = [{
    result[…, i, …] = input[…, i - distance, …] along `axis`; 0 (false) where there is none: at the start of the axis (of a negative
    distance, which the gradient has, the end), or of each piece where the gate divides it into pieces, and where that element is
    masked.
    ```mlir
    %y = moe.shift %x, 1 over token : tensor<?xi32, #moe.axes<token>>
    ```
  }];
  let arguments = (ins Moe_AnyTensor:$input, I64Attr:$distance, StrAttr:$axis);
  let results = (outs Moe_AnyTensor:$result);
  let assemblyFormat = "$input `,` $distance `over` custom<AxisName>($axis) attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Moe_RandomOp : Moe_Op<"random", [Pure, HasParent<"GateOp">]> {
  let summary = "counter-based random numbers";
  let description = [{
    Philox 4x32-10 (Salmon et al. 2011), one block for each element, of which the first word w is used. Key: the 64-bit seed of
    the call, low word first. Counter: [low word, high word of (the call's first token + token); 2^20 * `stream` + position along
    the other axis; the call's offset], with 0 for the token where the result has none. `uniform` is (w >> 8) * 2^-24, in
    [0, 1); `normal` is the inverse of the standard normal's distribution function at (w >> 9) * 2^-23 + 2^-24, by one fixed
    polynomial (docs/numerics.md). Axes: at most the tokens and one static axis. Two of them are never merged: each has a `stream` of its own.
    ```mlir
    %n = moe.random normal stream 0 : tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_RandomKind:$kind, I64Attr:$stream);
  let results = (outs Moe_FloatTensor:$result);
  let assemblyFormat = "$kind `stream` $stream attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===-- Pointwise ---------------------------------------------------------------------------------------------------===//

class Moe_PointwiseOp<string mnemonic, string text, string formula, list<Trait> traits = []>
    : Moe_Op<mnemonic, !listconcat([Pure, Elementwise, AllTypesMatch<["input", "result"]>], traits)> {
  let summary = text;
  let description = "`" # formula # "` for each element x of `input`.\n" #
    "```mlir\n%y = moe." # mnemonic # " %v : tensor<64xf32, #moe.axes<expert>>\n```";
  let arguments = (ins Moe_FloatTensor:$input);
  let results = (outs Moe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}
def Moe_SigmoidOp : Moe_PointwiseOp<"sigmoid", "logistic function", "1 / (1 + exp(-x))", [Moe_Differentiable]>;
def Moe_SoftplusOp : Moe_PointwiseOp<"softplus", "smooth positive part", "log(1 + exp(x)), evaluated as max(x, 0) + log1p(exp(-|x|))",
    [Moe_Differentiable]>;
def Moe_NormalCdfOp : Moe_PointwiseOp<"normal_cdf", "distribution function of the standard normal", "erfc(-x / sqrt(2)) / 2", [Moe_Differentiable]>;
def Moe_SignOp : Moe_PointwiseOp<"sign", "sign, with sign(0) = 0 and sign(NaN) = NaN", "(x > 0) - (x < 0)"> {
  let hasCanonicalizer = 1;
}
def Moe_DetachOp : Moe_PointwiseOp<"detach", "the same value, without gradient", "x"> {
  let hasCanonicalizer = 1;
}

//===-- Reductions --------------------------------------------------------------------------------------------------===//

def Moe_ReduceOp : Moe_Op<"reduce", [Pure, Moe_Differentiable]> {
  let summary = "combines values along axes";
  let description = [{
    Removes the axes in `over` from `input`; with `to`, replaces the single axis in `over` by the coarser axis `to`,
    combining the elements of each group. With n values x_i, `kind` is one of `sum`, `max`, `min` (NaN propagates), `maxnum` (NaN ignored),
    `mean` = sum / n, `var` = mean((x - mean(x))^2), `std` = sqrt(var), `cv2` = var / mean^2 (squared coefficient of
    variation), `logsumexp` = log(sum(exp(x))). `valid` is a selection whose slot axis is in `over`: only its filled
    slots take part. Over nothing: sum 0, max and maxnum -inf, min +inf, the others NaN. Integer
    operands: sum, max, min only.
    ```mlir
    %p = moe.reduce mean %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
    %d = moe.reduce sum %p over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
    ```
  }];
  let arguments = (ins Moe_ReduceKind:$kind, Moe_NumberTensor:$input, Optional<Moe_SelectionType>:$valid,
                       StrArrayAttr:$over, OptionalAttr<StrAttr>:$to);
  let results = (outs Moe_NumberTensor:$result);
  let assemblyFormat = [{
    $kind $input `over` custom<AxisNames>($over) (`to` custom<AxisName>($to)^)? (`valid` $valid^ `:` type($valid))? attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Moe_SumTopOp : Moe_Op<"sum_top", [Pure, Moe_Differentiable]> {
  let summary = "sum of the n greatest values along an axis, or of each group";
  let description = [{
    Sums along `axis`, or with `to` within each of its groups. Values are added from the greatest down, in f32. NaN ranks
    below every number. `n` is at least 1 and at most the size of the axis, or of the smallest group. DeepSeek-V3's group
    score is `n` = 2 to the node axis.
    ```mlir
    %h = moe.sum_top %x, 2 over expert to node : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x8xf32, #moe.axes<token, node>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, I64Attr:$n, StrAttr:$axis, OptionalAttr<StrAttr>:$to);
  let results = (outs Moe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $n `over` custom<AxisName>($axis) (`to` custom<AxisName>($to)^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Moe_KthOp : Moe_Op<"kth", [Pure, Moe_Differentiable]> {
  let summary = "the k-th greatest value along an axis";
  let description = [{
    `k` counts from 1, up to the size of `axis`; NaN ranks below every number.
    ```mlir
    %t = moe.kth %x, 3 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, I64Attr:$k, StrAttr:$axis);
  let results = (outs Moe_FloatTensor:$result);
  let assemblyFormat = "$input `,` $k `over` custom<AxisName>($axis) attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_ArgmaxOp : Moe_Op<"argmax", [Pure]> {
  let summary = "position of the greatest value along an axis; of several, the first";
  let description = [{
    Counts from 0 along `axis`, which has a compile-time size. NaN ranks below every number.
    ```mlir
    %i = moe.argmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xi32, #moe.axes<token>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, StrAttr:$axis);
  let results = (outs Moe_IndexTensor:$result);
  let assemblyFormat = "$input `over` custom<AxisName>($axis) attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

//===-- Along an axis -----------------------------------------------------------------------------------------------===//

class Moe_AlongOp<string mnemonic, list<Trait> traits = []> : Moe_Op<mnemonic, !listconcat([Pure, AllTypesMatch<["input", "result"]>], traits)> {
  let results = (outs Moe_FloatTensor:$result);
  let hasVerifier = 1;
}

def Moe_SoftmaxOp : Moe_AlongOp<"softmax", [Moe_Differentiable]> {
  let summary = "softmax along an axis";
  let description = [{
    exp(x - m) / sum(exp(x - m)) over the elements x of `input` along `axis`, with m the greatest that is not NaN.
    `valid`, a selection whose slot axis is `axis`: empty slots take no part and get 0.
    ```mlir
    %s = moe.softmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, Optional<Moe_SelectionType>:$valid, StrAttr:$axis);
  let assemblyFormat = "$input `over` custom<AxisName>($axis) (`valid` $valid^ `:` type($valid))? attr-dict `:` type($input)";
}

def Moe_NormalizeOp : Moe_AlongOp<"normalize", [Moe_Differentiable]> {
  let summary = "x / sum(x) along an axis";
  let description = [{
    Divides `input` by its sum along `axis`. `valid`, a selection whose slot axis is `axis`: empty slots take no part and
    get 0.
    ```mlir
    %y = moe.normalize %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x6xf32, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, Optional<Moe_SelectionType>:$valid, StrAttr:$axis);
  let assemblyFormat = "$input `over` custom<AxisName>($axis) (`valid` $valid^ `:` type($valid))? attr-dict `:` type($input)";
}

def Moe_StandardizeOp : Moe_AlongOp<"standardize", [Moe_Differentiable]> {
  let summary = "(x - mean(x)) / (std(x) + eps) along an axis";
  let description = [{
    Of `input`, with the population's standard deviation; `eps` is finite and not negative.
    ```mlir
    %z = moe.standardize %x, 1.0e-5 over expert : tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, F64Attr:$eps, StrAttr:$axis);
  let assemblyFormat = "$input `,` custom<PlainF64>($eps) `over` custom<AxisName>($axis) attr-dict `:` type($input)";
}

//===-- Selections --------------------------------------------------------------------------------------------------===//

def Moe_TopkOp : Moe_Op<"topk", [Pure]> {
  let summary = "the k best elements of an axis, best first";
  let description = [{
    Compares `score` as it is along `axis`, which has a compile-time size (the language's rule that softmax and its like are looked through is applied where the
    spec is translated). Ties: lower index first. NaN ranks below every number; the k indices are always distinct.
    With `among`, a selection of a coarser axis, only elements of the selected groups are picked; where they are fewer than k
    (of groups by `placement`, or of empty slots in `among`) the slots left are empty. Groups known at compile time hold enough.
    ```mlir
    %p = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, p.slot, 6>
    %q = moe.topk %x over expert among %g : !moe.selection<[token], node, g.slot, 4>
           : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, q.slot, 6>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$score, Optional<Moe_SelectionType>:$among, StrAttr:$axis);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = [{
    $score `over` custom<AxisName>($axis) (`among` $among^ `:` type($among))? attr-dict `:` type($score) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Moe_FirstOp : Moe_Op<"first", [Pure]> {
  let summary = "the best slots of a selection";
  let description = [{
    result[b…, j] = selection[b…, j] for the slots j of the result, at most as many as `selection` has.
    ```mlir
    %f = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, f.slot, 1>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = "$selection attr-dict `:` type($selection) `->` type($result)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Moe_ForcedOp : Moe_Op<"forced", [Pure]> {
  let summary = "a selection that was made elsewhere";
  let description = [{
    result[b…, j] = index[b…, j], or an empty slot where that is no element of the selected axis. `index` has the batch axes,
    then one axis of as many elements as the result has slots, which may be the slot axis itself.
    ```mlir
    %r = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 6>
    ```
  }];
  let arguments = (ins Moe_IndexTensor:$index);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = "$index attr-dict `:` type($index) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_FilledOp : Moe_Op<"filled", [Pure]> {
  let summary = "which slots of a selection hold an element";
  let description = [{
    result[b…, j] = slot j is not empty. The axes are the batch axes, then the slot axis.
    ```mlir
    %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xi1, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection);
  let results = (outs Moe_MaskTensor:$result);
  let assemblyFormat = "$selection attr-dict `:` type($selection) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_FilterOp : Moe_Op<"filter", [Pure, AllTypesMatch<["selection", "result"]>]> {
  let summary = "empties the slots where a condition is false";
  let description = [{
    result[b…, j] = selection[b…, j] where `condition`[b…, j], else empty. The slot axis stays that of `selection`.
    ```mlir
    %k = moe.filter %r by %c : !moe.selection<[token], expert, r.slot, 6>, tensor<?x6xi1, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection, Moe_MaskTensor:$condition);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = "$selection `by` $condition attr-dict `:` type($selection) `,` type($condition)";
  let hasVerifier = 1;
}

def Moe_AppendOp : Moe_Op<"append", [Pure]> {
  let summary = "slots that hold the same elements for every token";
  let description = [{
    The slots of `selection`, then one for each of `elements`, always filled. An element at or above the size of the selected
    axis (a shared expert beyond the routed ones) is written as it is, but names nothing: gather gives 0 there, counts and
    masks do not see it.
    ```mlir
    %a = moe.append %r, [64, 65] : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, a.slot, 8>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection, DenseI32ArrayAttr:$elements);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = "$selection `,` $elements attr-dict `:` type($selection) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_RankOp : Moe_Op<"rank", [Pure]> {
  let summary = "how many earlier slots name the same element";
  let description = [{
    result[t, j] = number of filled slots (u, i) of `selection` with the element of (t, j) that come before it: by token, then slot;
    with `by_slot`, by slot, then token. With `per`, an axis of pieces of the tokens, only slots of t's own piece count. A slot
    that is empty or names no element of the axis has rank 0. This is the place in an expert's queue that capacity compares with.
    ```mlir
    %p = moe.rank %r by_slot per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection, UnitAttr:$by_slot, OptionalAttr<StrAttr>:$per);
  let results = (outs Moe_IndexTensor:$result);
  let assemblyFormat = [{
    $selection (`by_slot` $by_slot^)? (`per` custom<AxisName>($per)^)? attr-dict `:` type($selection) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Moe_LimitOp : Moe_Op<"limit", [Pure, AttrSizedOperandSegments, AllTypesMatch<["selection", "result"]>]> {
  let summary = "capacity: the slots that an element, or a group of elements, has room for";
  let description = [{
    Slots are candidates for the element they name or, with `over`, for its group on that axis. Each takes the first
    floor(max(`capacity`, 0)) of its candidates; the others become empty. Candidates come by `priority`, greatest first (NaN last), if
    given; ties, or all of them, by token, then slot; with `by_slot` by slot, then token. Slots of tokens where `exempt` is true,
    and those that name no element of the axis, are kept, need no room and take none. With `per`, an axis of pieces of the tokens,
    each piece has the whole capacity for itself; so has each layer, where an axis of layers stands before the tokens.

    With `next`, scores on [batch…, selected axis], a slot that finds no room is placed elsewhere, in at most `rounds` rounds: in
    each, every unplaced slot proposes the element of the greatest score (ties: lower index; not NaN) that neither holds this
    token nor has refused this slot's token; elements take proposals, in the order above and one for each token, while they have
    room. What is unplaced after the last round is empty. The first placement of all slots is by themselves, as without `next`.
    ```mlir
    %k = moe.limit %r capacity %c : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
    %l = moe.limit %r capacity %c : tensor<f64> over device priority %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
           exempt %x : tensor<?xi1, #moe.axes<token>> per sequence : !moe.selection<[token], expert, r.slot, 2>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection, Moe_FloatScalar:$capacity, StrAttr:$over, UnitAttr:$by_slot,
                       Optional<Moe_FloatTensor>:$priority, Optional<Moe_FloatTensor>:$next, OptionalAttr<I64Attr>:$rounds,
                       Optional<Moe_MaskTensor>:$exempt, OptionalAttr<StrAttr>:$per);
  let results = (outs Moe_SelectionType:$result);
  let assemblyFormat = [{
    $selection `capacity` $capacity `:` type($capacity) `over` custom<AxisName>($over) (`by_slot` $by_slot^)?
    (`priority` $priority^ `:` type($priority))? (`next` $next^ `:` type($next) `rounds` $rounds)?
    (`exempt` $exempt^ `:` type($exempt))? (`per` custom<AxisName>($per)^)? attr-dict `:` type($selection)
  }];
  let hasVerifier = 1;
}

def Moe_PermuteOp : Moe_Op<"permute", [Pure]> {
  let summary = "dispatch plan: the filled slots in the order of their elements";
  let description = [{
    For a grouped matrix product. `offset`[e] is where the segment of element e begins, `offset`[E] the end of all; each segment is
    padded at its end to a multiple of `pad` rows. `position`[t, j] is the row of slot (t, j): offset[e] + its rank (by token, then
    slot); -1 in a slot that is empty or names no element of the axis. `order`[row] = t * slots + j, the inverse; -1 in padding and
    behind the end. The axis of `order`, made here, holds (tokens * slots + E * (pad - 1)) rows. Not of a gate with layers.
    ```mlir
    %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2>
           -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection, I64Attr:$pad);
  let results = (outs Moe_IndexTensor:$order, Moe_IndexTensor:$offset, Moe_IndexTensor:$position);
  let assemblyFormat = [{
    $selection `pad` $pad attr-dict `:` type($selection) `->` type($order) `,` type($offset) `,` type($position)
  }];
  let hasVerifier = 1;
}

def Moe_GatherOp : Moe_Op<"gather", [Pure, Moe_Differentiable]> {
  let summary = "x[route]: the values of the selected elements";
  let description = [{
    result[b…, j] = input[b…, selection[b…, j]], 0 in an empty slot. `input` has the selected axis and any of the batch
    axes; the result has the batch axes, then the slot axis.
    ```mlir
    %y = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6>
           -> tensor<?x6xf32, #moe.axes<token, r.slot>>
    ```
  }];
  let arguments = (ins Moe_AnyTensor:$input, Moe_SelectionType:$selection);
  let results = (outs Moe_AnyTensor:$result);
  let assemblyFormat = "$input `[` $selection `]` attr-dict `:` type($input) `,` type($selection) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_ScatterOp : Moe_Op<"scatter", [Pure, Moe_Differentiable]> {
  let summary = "the inverse of gather: values of the slots at the selected elements, 0 elsewhere";
  let description = [{
    result[b…, e] = sum over the slots j of `selection` with selection[b…, j] = e of input[b…, j]; empty slots add nothing. The
    axes are the batch axes, then the selected one; `input` has the batch axes, then the slot axis.
    ```mlir
    %y = moe.scatter %w to %r : tensor<?x6xf32, #moe.axes<token, r.slot>>, !moe.selection<[token], expert, r.slot, 6>
           -> tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$input, Moe_SelectionType:$selection);
  let results = (outs Moe_FloatTensor:$result);
  let assemblyFormat = "$input `to` $selection attr-dict `:` type($input) `,` type($selection) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_MultiplicityOp : Moe_Op<"multiplicity", [Pure]> {
  let summary = "how many slots name each element";
  let description = [{
    result[b…, e] = number of slots j with selection[b…, j] = e. More than 1 only where a selection repeats elements, as one of
    groups made by `moe.forced` may. The axes are the batch axes, then the selected one.
    ```mlir
    %m = moe.multiplicity %r : !moe.selection<[token], device, r.slot, 6> -> tensor<?x8xi32, #moe.axes<token, device>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection);
  let results = (outs Moe_IndexTensor:$result);
  let assemblyFormat = "$selection attr-dict `:` type($selection) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_ChosenOp : Moe_Op<"chosen", [Pure]> {
  let summary = "the mask of the selected elements";
  let description = [{
    result[b…, e] = exists j: selection[b…, j] = e. The axes are the batch axes, then the selected one.
    ```mlir
    %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
    ```
  }];
  let arguments = (ins Moe_SelectionType:$selection);
  let results = (outs Moe_MaskTensor:$result);
  let assemblyFormat = "$selection attr-dict `:` type($selection) `->` type($result)";
  let hasVerifier = 1;
}
#endif
