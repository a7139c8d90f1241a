// Passes over gates that carry checks.
#ifndef CHECK_PASSES_TD
#define CHECK_PASSES_TD
include "mlir/Pass/PassBase.td"

def Interpret : Pass<"moe-interpret", "::moe::GateOp"> {
  let summary = "evaluates gates on the arrays that they are given, and reports every check that fails";
  let description = [{
    Evaluates each gate with the f64 interpreter (compiler/Reference) on the arrays under `check.given` and compares the values under `check.expect_close` and
    `check.expect_eq`. Every failing check is an error at its location, with the element, what was expected and what came.
    The gate itself does not change, so that a test can go on to look at it.

    ```mlir
    %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32, #moe.axes<expert>>
    %s = moe.reduce sum %x over [expert] : tensor<2xf32, #moe.axes<expert>> -> tensor<f32>
    check.expect_close %s, dense<4.0> : tensor<f64> : tensor<f32>
    ```
    ==>
    ```
    error: 'check.expect_close' op element 0 is 3, expected 4 within 1e-12
    ```
  }];
  let options = [
    Option<"float32Selections", "float32-selections", "bool", "false",
           "round to f32 whatever a selection depends on (for gates after moe-expand-selection-math)">,
    Option<"tokenCount", "token-count", "int64_t", "-1", "size of the axes that are known at run time">,
    Option<"seed", "seed", "uint64_t", "0", "of the random numbers">,
    Option<"firstToken", "first-token", "int64_t", "0", "number of the first token among those of all ranks">,
    Option<"offset", "offset", "uint32_t", "0", "of the random numbers of this call">];
}
#endif
