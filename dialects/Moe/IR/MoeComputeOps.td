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
    `axis` is declared in the gate. For an axis of run-time size, the number of elements that are not masked. Static
    sizes fold to constants.
    ```mlir
    %t = moe.size token : tensor<i32>
    ```
  }];
  let arguments = (ins StrAttr:$axis);
  let results = (outs Moe_IntegerScalar:$result);
  let assemblyFormat = "custom<AxisName>($axis) attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
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
    slots take part. Over nothing: sum 0, max and maxnum -inf, min +inf, logsumexp -inf, the others NaN. Integer
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
    With `among`, a selection of a coarser axis, elements outside the selected groups rank below everything; the smallest
    possible union of the selected groups holds at least k elements.
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
