// Passes that place a gate into passes over the tokens.
#ifndef MOE_TO_MOE_KERNEL_PASSES_TD
#define MOE_TO_MOE_KERNEL_PASSES_TD
include "mlir/Pass/PassBase.td"

def ConvertMoeToMoeKernel : Pass<"convert-moe-to-moe-kernel", "::mlir::ModuleOp"> {
  let summary = "fuse each gate into as few passes over the tokens as its data flow allows";
  let description = [{
    By structure, not by pattern: a value with a token axis belongs to the rows of the first pass in which everything it
    needs is known; a reduction over tokens becomes an accumulator of that pass; what depends on accumulators only belongs
    to the finish of the pass. A per-token value that needs a finished reduction starts a new pass. Expects the output of
    `moe-decompose`. A remark (category `moe-fusion`) lists the passes with the reason for each after the first.

    ```mlir
    %s = math.exp %x : tensor<?x64xf32, #moe.axes<token, expert>>
    %p = moe.reduce sum %s over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
    ==>
    moe_kernel.accumulator @p sum f32 sizes [64]
    moe_kernel.pass rows {
      %0 = moe_kernel.load @x : !moe_kernel.row<64xf32>
      %1 = moe_kernel.map (%0 : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> { ... math.exp ... }
      moe_kernel.accumulate %1, @p : !moe_kernel.row<64xf32>
    } finish {
      %2 = moe_kernel.read @p : !moe_kernel.row<64xf32>
    }
    ```
  }];
  let dependentDialects = ["::moe::kernel::MoeKernelDialect"];
}

def MoeKernelFuseMaps : Pass<"moe-kernel-fuse-maps"> {
  let summary = "merge maps that follow each other into one";
  let description = [{
    A map that feeds a later map of the same size is merged into it when nothing between them needs its result. Results
    and inputs that nobody uses are dropped.

    ```mlir
    %1 = moe_kernel.map (%0) -> row { %a = arith.subf %x, %m }
    %2 = moe_kernel.map (%1) -> row { %b = math.exp %y }
    ==>
    %2 = moe_kernel.map (%0) -> row { %a = arith.subf %x, %m  %b = math.exp %a }
    ```
  }];
}

def MoeKernelSplitUniform : Pass<"moe-kernel-split-uniform"> {
  let summary = "separate from each map what is the same for every token";
  let description = [{
    Both targets compute what depends on no token once, before the first one. This pass takes such work out of the maps it
    was merged into: a gradient that adds up one row per loss pays for that sum once, not once per token.

    ```mlir
    %1 = moe_kernel.map (%x, %f, %p) -> row { %a = arith.mulf %f, %p  %b = arith.addf %x, %a }
    ==>
    %0 = moe_kernel.map (%f, %p) -> row { %a = arith.mulf %f, %p }
    %1 = moe_kernel.map (%x, %0) -> row { %b = arith.addf %x, %a }
    ```
  }];
}
#endif
