// The passes of compiler/Transforms: what happens to a gate while it is still in the moe dialect.
#ifndef MOE_TRANSFORMS_PASSES
#define MOE_TRANSFORMS_PASSES
include "mlir/Pass/PassBase.td"

def MoeFindWholeBatch : Pass<"moe-find-whole-batch", "::moe::GateOp"> {
  let summary = "say why what a gate collects from several calls may not be added up";
  let description = [{
    Several calls can be accumulated when what a gate does token by token, and piece by piece, needs nothing of the call
    as a whole. Where it does (a reduction over all tokens, the number of them), the gate gets `whole_batch` with the reason,
    in the names of the spec. The capacity of a `moe.limit` is per call by definition and no reason. Runs on the gate as it was
    written, before anything is rewritten.

    ```mlir
    moe.gate @g {
      %m = moe.reduce mean %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>   // m = mean(x, token)
      %b = moe.broadcast %m : tensor<f32> to tensor<?xf32, #moe.axes<token>>                  // w = x - m
      ...
    ==>
    moe.gate @g whole_batch "'w' needs 'm', a reduction over all tokens, for each token" {
      ...
    ```
  }];
}

def ExpandSelectionMath : Pass<"moe-expand-selection-math", "::moe::GateOp"> {
  let summary = "replaces the functions that a selection depends on by polynomials, so that every target computes the same bits";
  let description = [{
    A route must be the same on every target, so whatever a `moe.topk` score depends on, or a condition that drops slots, must
    have the same bits there, and so must what a comparison, `floor` or `argmax` decides, and a maximum over the tokens that a
    later pass compares with what it makes again. The pass takes the backward slice of these within the gate (`selectionSlice`)
    and rewrites in it
    * `moe.softmax`, `normalize`, `standardize`, and the reductions `mean`, `var`, `std`, `cv2`, `logsumexp` into sums, maxima and
      pointwise arithmetic, as `moe-decompose` does with what is left;
    * `moe.sigmoid`, `moe.softplus`, `moe.normal_cdf` into `arith` and `math`;
    * `math.exp`, `log`, `tanh`, `erf`, `powf`, … in f32 into range reduction, a polynomial in `math.fma`, and bit
      operations (ExpandMath.h), which no target may contract or replace.
    Functions that only feed weights, losses and metrics stay, for each target to compute in its own way within the
    tolerance of docs/numerics.md. Rounding changes: the results differ from the C library's by at most the errors in
    that page.

    ```mlir
    %s = moe.sigmoid %x : tensor<?x64xf32, #moe.axes<token, expert>>
    %r = moe.topk %s over expert : …
    ```
    ==>
    ```mlir
    %n = arith.negf %x : …
    %t = math.fma %n, %log2e, %magic : …      // exp(-x)
    …
    %d = arith.addf %exp, %one : …
    %s = arith.divf %one, %d : …
    %r = moe.topk %s over expert : …
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def ExpandMath : Pass<"moe-expand-math"> {
  let summary = "replaces all transcendental functions in f32 by polynomials";
  let description = [{
    Applies the patterns of ExpandMath.h to every operation, on scalars, vectors and tensors alike. The CPU target uses
    the same patterns for its vector code; the pass exists to look at and to test them.

    ```mlir
    %y = math.rsqrt %x : vector<16xf32>
    ```
    ==>
    ```mlir
    %one = arith.constant dense<1.0> : vector<16xf32>
    %s = math.sqrt %x : vector<16xf32>
    %y = arith.divf %one, %s : vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::moe::MoeDialect"];
}

def MoeDecompose : Pass<"moe-decompose", "::moe::GateOp"> {
  let summary = "write composites in terms of sums, maxima and pointwise arithmetic";
  let description = [{
    mean, var, std, cv2, logsumexp, softmax, normalize, standardize, and the pointwise functions of the dialect, in forms
    that neither overflow nor cancel where the result does not. Only a variance over a run-time axis is mean(x^2) -
    mean(x)^2, to be known after one pass over the tokens: its error is relative to mean(x^2). Reductions over several axes become one reduction each, within a row first.

    ```mlir
    %y = moe.normalize %x over expert : tensor<?x64xf32, #moe.axes<token, expert>>
    ==>
    %0 = moe.reduce sum %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
    %1 = moe.broadcast %0 : tensor<?xf32, #moe.axes<token>> to tensor<?x64xf32, #moe.axes<token, expert>>
    %y = arith.divf %x, %1 : tensor<?x64xf32, #moe.axes<token, expert>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def MoeFoldLayers : Pass<"moe-fold-layers", "::moe::GateOp"> {
  let summary = "make one run-time axis of layers and tokens";
  let description = [{
    After moe-decompose. Where a static axis stands in front of the tokens, (layer, token) becomes the axis of the tokens, layer
    by layer: `layers` times as many rows as tokens.
    * Values of [layer, token, …] lose the axis of layers; arrays of the caller that have it are marked `layered`, those
      that do not are the same for all layers.
    * Values of [layer, …] alone are values of pieces: the axis of layers divides the rows, or their coarsest pieces, by `count`.
    * A reduction over tokens of what is the same for all layers sees the first layer only.
    * Sizes and positions are those in a layer; queues (`moe.rank`) and shifts stay within theirs.
    What needs all layers of one token (a reduction over the layers that keeps tokens, the gradient of an array without
    layers), random numbers, dispatch plans, packed tokens, and states and metrics of layers are refused.

    ```mlir
    moe.axis @layer size 4
    moe.axis @token
    %x = moe.input "x" : tensor<4x?x64xf32, #moe.axes<layer, token, expert>>
    %s = moe.reduce sum %x over [layer, token] : tensor<4x?x64xf32, #moe.axes<layer, token, expert>> -> tensor<64xf32, #moe.axes<expert>>
    ==>
    moe.axis @token layers 4
    %x = moe.input "x" layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
    %s = moe.reduce sum %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def MoeSplitPieces : Pass<"moe-split-pieces", "::moe::GateOp"> {
  let summary = "go from tokens to pieces of pieces, and back, one level at a time";
  let description = [{
    After moe-decompose. Reductions, expansions, sizes and positions that skip a level of pieces become ones of neighbouring
    levels.

    ```mlir
    %d = moe.reduce max %x over [token] to document : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<document>>
    ==>
    %s = moe.reduce max %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
    %d = moe.reduce max %s over [sequence] to document : tensor<?xf32, #moe.axes<sequence>> -> tensor<?xf32, #moe.axes<document>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def MoeApplyMask : Pass<"moe-apply-mask", "::moe::GateOp"> {
  let summary = "write out what masks, empty pieces and empty slots mean";
  let description = [{
    Afterwards every element takes part in everything, and what should not count has been replaced:
    * masked tokens: float inputs are 0 there, so that NaN in padding reaches nothing and gradients there are 0; selections are
      filtered; reductions see their neutral element; sizes are sums of the mask; outputs are 0;
    * pieces without such a token: reductions over the axis of pieces see the neutral element, its size is the number of
      the others;
    * empty slots: `valid` operands become `moe.filled` and selects, or nothing where no slot can be empty.
    The mask stays, `applied`. Composite reductions over what does not all count are written as sums and counts (a variance over a
    run-time axis as moe-decompose does it).

    ```mlir
    moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
    %s = moe.reduce sum %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
    ==>
    moe.mask token by %v applied : tensor<?xi1, #moe.axes<token>>
    %y = arith.select %v, %x, %zero : tensor<?xi1, #moe.axes<token>>, tensor<?xf32, #moe.axes<token>>
    %s = moe.reduce sum %y over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def MoeExpandLimit : Pass<"moe-expand-limit", "::moe::GateOp"> {
  let summary = "write capacity in terms of ranks, counts and filters";
  let description = [{
    By position, a slot is kept when its `moe.rank` is below the capacity. By `priority`, each group's threshold comes from
    eight times four counts over the tokens of an axis of (group, digit), made here: four bits of an order-preserving i32 key at a
    time, found bit by bit; of the candidates at the threshold those with the first ranks are kept. `over` a coarser axis, ranks and counts are
    of a selection of groups on the same slot axis. `next` becomes `rounds` rounds of proposals, each with a limit of its own by what
    room is left: the candidates of a token are ranked once, and it proposes one of them after the other, so that no round reads
    scores.

    ```mlir
    %k = moe.limit %r capacity %c : tensor<f32> over expert : !moe.selection<[token], expert, r.slot, 2>
    ==>
    %n = arith.fptosi %floor : tensor<f32> to tensor<i32>
    %p = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
    %b = moe.broadcast %n : tensor<i32> to tensor<?x2xi32, #moe.axes<token, r.slot>>
    %f = arith.cmpi slt, %p, %b : tensor<?x2xi32, #moe.axes<token, r.slot>>
    %k = moe.filter %r by %f : !moe.selection<[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def MoeStabilize : Pass<"moe-stabilize", "::moe::GateOp"> {
  let summary = "take logarithms of scores without the scores";
  let description = [{
    A score underflows to 0 where its logarithm is an ordinary number, and the gradient of the logarithm divides by it. This
    changes roundings, to better ones.

    ```mlir
    %s = moe.softmax %x over expert : tensor<?x4xf32, #moe.axes<token, expert>>
    %l = math.log %s : tensor<?x4xf32, #moe.axes<token, expert>>
    ==>
    %t = moe.reduce logsumexp %x over [expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
    %b = moe.broadcast %t : tensor<?xf32, #moe.axes<token>> to tensor<?x4xf32, #moe.axes<token, expert>>
    %l = arith.subf %x, %b : tensor<?x4xf32, #moe.axes<token, expert>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def MoeDifferentiate : Pass<"moe-differentiate", "::moe::GateOp"> {
  let summary = "turn a gate into its backward program";
  let description = [{
    From the gradients of the float outputs (inputs `grad_NAME`) and of the losses (params `scale_NAME`, default 1) to the
    gradients of the float inputs (outputs `grad_NAME`), by the adjoint that each operation states. What the gradients
    need of the forward values is computed again.

    ```mlir
    %y = moe.sigmoid %x : tensor<?x4xf32, #moe.axes<token, expert>>
    moe.output "y" = %y : tensor<?x4xf32, #moe.axes<token, expert>>
    ==>
    %y = moe.sigmoid %x : tensor<?x4xf32, #moe.axes<token, expert>>
    %g = moe.input "grad_y" : tensor<?x4xf32, #moe.axes<token, expert>>
    %d = ... %g * %y * (1 - %y) ...
    moe.output "grad_x" = %d : tensor<?x4xf32, #moe.axes<token, expert>>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def MoeDeriveBackward : Pass<"moe-derive-backward", "::mlir::ModuleOp"> {
  let summary = "add the backward gate of every gate";
  let description = [{
    Each gate that has a float output or a loss, and something that gradients are made for, gets a second gate
    `NAME_backward` behind it: a copy, turned into its backward program as by moe-differentiate. `moe-cut-backward` then
    decides what of the forward values it is handed and what it computes again.

    ```mlir
    moe.gate @router { ... }
    ==>
    moe.gate @router { ... }
    moe.gate @router_backward backward_of @router { ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def MoeCutBackward : Pass<"moe-cut-backward", "::mlir::ModuleOp"> {
  let summary = "save for each backward gate what it should not compute again";
  let description = [{
    A backward gate starts as one program with its forward values. What it uses of them is
    * a selection or an index of the greatest: [token, slot] or [token] of i32, taken from the caller where the forward
      gate has it as an output, else saved;
    * a value without tokens that depends on them (a load, a mean): finished by the forward gate, saved;
    * any other value: computed again from the inputs.
    So nothing that is saved is larger than a selection or a row. A remark lists it with its bytes.

    ```mlir
    moe.gate @router { ... }
    moe.gate @router_backward backward_of @router {
      %f = moe.reduce sum %c over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
      ...
    }
    ==>
    moe.gate @router { ... moe.output "saved_f" = %f saved : tensor<64xf32, #moe.axes<expert>> }
    moe.gate @router_backward backward_of @router {
      %f = moe.input "saved_f" saved : tensor<64xf32, #moe.axes<expert>>
      ...
    }
    ```
  }];
}
#endif
