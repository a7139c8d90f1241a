// RUN: moe-opt %s --split-input-file --verify-diagnostics
moe.gate @kind {
  %x = arith.constant dense<1.0> : tensor<f64>
  // expected-error @+1 {{expects floats, not 'i32'}}
  check.expect_close %x, dense<1> : tensor<i32> : tensor<f64>
}

// -----
moe.gate @count {
  moe.axis @expert size 3
  %x = arith.constant dense<1> : tensor<3xi32, #moe.axes<expert>>
  // expected-error @+1 {{expects 2 numbers for 3 elements}}
  check.expect_eq %x, dense<[1, 2]> : tensor<2xi32> : tensor<3xi32, #moe.axes<expert>>
}

// -----
moe.gate @twice {
  %x = moe.input "x" : tensor<f32>
  check.given "x" = dense<1.0> : tensor<f32>
  // expected-error @+1 {{gives 'x' a second time}}
  check.given "x" = dense<2.0> : tensor<f32>
}

// -----
moe.gate @strings {
  // expected-error @+1 {{gives elements of type '!moe.selection<[], a, b, 1>', expected floats or integers}}
  check.given "x" = dense<["a", "b"]> : tensor<2x!moe.selection<[], a, b, 1>>
}
