// The check dialect: what a value of a gate must be. For tests only.
#ifndef CHECK_OPS_TD
#define CHECK_OPS_TD
include "dialects/Moe/IR/MoeDialect.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

def Check_Dialect : Dialect {
  let name = "check";
  let cppNamespace = "::moe::check";
  let summary = "what the values of a gate must be (tests only)";
  let description = [{
    Operations that stand in a `moe.gate` beside the values they speak of. `moe-interpret` evaluates gates whose inputs are
    given by `check.given` and reports each check that fails at its location. Nothing else reads this dialect, and no compiled
    gate has it.
  }];
  let dependentDialects = ["::moe::MoeDialect"];
}

class Check_Op<string mnemonic> : Op<Check_Dialect, mnemonic, [HasParent<"::moe::GateOp">]> {
  let hasVerifier = 1;
}

def Check_GivenOp : Check_Op<"given"> {
  let summary = "what the caller passes as an input, a param or a state";
  let description = [{
    `name` is the caller's name of the array, `elements` have its shape; what the interpreter says of shapes and values it says of
    these. An array is given once.
    ```mlir
    check.given "cu_seqlens" = dense<[0, 2, 2, 5]> : tensor<4xi32>
    ```
  }];
  let arguments = (ins StrAttr:$name, ElementsAttr:$elements);
  let assemblyFormat = "$name `=` $elements attr-dict";
}

def Check_ExpectCloseOp : Check_Op<"expect_close"> {
  let summary = "a float value is within a tolerance of hand-computed numbers";
  let description = [{
    Each element differs from the expected one by at most `within` (1e-12 if absent) times the greater of 1 and the expected
    magnitude. NaN equals NaN, and an infinity the same infinity. The numbers are row-major, or one for all elements.
    ```mlir
    check.expect_close %loss, dense<0.01716667> : tensor<f64> within 1.0e-8 : tensor<f32>
    ```
  }];
  let arguments = (ins Moe_FloatTensor:$value, ElementsAttr:$expected, OptionalAttr<F64Attr>:$tolerance);
  let assemblyFormat = "$value `,` $expected (`within` $tolerance^)? attr-dict `:` type($value)";
}

def Check_ExpectEqOp : Check_Op<"expect_eq"> {
  let summary = "integers, booleans or the indices of a selection are exactly these";
  let description = [{
    An empty slot of a selection is -1. The numbers are row-major, or one for all elements.
    ```mlir
    check.expect_eq %route, dense<[[3, 1], [0, 2]]> : tensor<2x2xi32> : !moe.selection<[token], expert, route.slot, 2>
    ```
  }];
  let arguments = (ins AnyTypeOf<[TensorOf<[I1, I32, I64]>, Moe_SelectionType]>:$value, ElementsAttr:$expected);
  let assemblyFormat = "$value `,` $expected attr-dict `:` type($value)";
}
#endif
