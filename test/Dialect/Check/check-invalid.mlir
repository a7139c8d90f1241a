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
