// RUN: moe-opt %s --moe-interpret --split-input-file --verify-diagnostics
// A check that fails is an error at its place; every one is reported.
moe.gate @two_fail {
  moe.axis @expert size 2
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf64, #moe.axes<expert>>
  %i = arith.constant dense<[1, 2]> : tensor<2xi32, #moe.axes<expert>>
  // expected-error @+1 {{element 1 is 2, expected 2.5 within 1e-12}}
  check.expect_close %x, dense<[1.0, 2.5]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %x, dense<[1.0, 2.5]> : tensor<2xf64> within 0.3 : tensor<2xf64, #moe.axes<expert>>
  // expected-error @+1 {{element 0 is 1, expected 3 within 0}}
  check.expect_eq %i, dense<[3, 2]> : tensor<2xi32> : tensor<2xi32, #moe.axes<expert>>
}

// -----
moe.gate @nan_is_not_a_number {
  %x = arith.constant dense<1.0> : tensor<f64>
  // expected-error @+1 {{element 0 is 1, expected nan}}
  check.expect_close %x, dense<0x7FF8000000000000> : tensor<f64> within 1.0e9 : tensor<f64>
}

// -----
moe.gate @infinity_is_not_close {
  %x = arith.constant dense<1.0> : tensor<f64>
  // expected-error @+1 {{element 0 is 1, expected inf}}
  check.expect_close %x, dense<0x7FF0000000000000> : tensor<f64> within 1.0 : tensor<f64>
}

// -----
// expected-error @+1 {{'moe.axis' axis 'token' has no size}}
moe.gate @no_size {
  moe.axis @token
}

// -----
// expected-error @+1 {{'moe.input' input 'logits' is missing}}
moe.gate @no_input {
  moe.axis @expert size 2
  %x = moe.input "logits" : tensor<2xf32, #moe.axes<expert>>
}

// -----
// expected-error @+1 {{'arith.floordivsi' has no formula in the interpreter}}
moe.gate @unknown_operation {
  %x = arith.constant dense<1> : tensor<i32>
  %y = arith.floordivsi %x, %x : tensor<i32>
}

// -----
// expected-error @+1 {{'arith.constant' has a result of type tensor<i8>; the interpreter holds}}
moe.gate @other_element {
  %x = arith.constant dense<1> : tensor<i8>
}

// -----
// expected-error @+1 {{'arith.bitcast' works on the bits of an f32, which f64 does not have}}
moe.gate @bits_without_f32 {
  %x = arith.constant dense<1.0> : tensor<f32>
  %y = arith.bitcast %x : tensor<f32> to tensor<i32>
}

// -----
// expected-error @+1 {{'moe.broadcast' has a result of type tensor<1048576x1048576xf32, #moe.axes<a, b>>; the interpreter holds at most 268435456 elements in a value}}
moe.gate @too_large {
  moe.axis @a size 1048576
  moe.axis @b size 1048576
  %c = arith.constant dense<1.0> : tensor<f32>
  %x = moe.broadcast %c : tensor<f32> to tensor<1048576x1048576xf32, #moe.axes<a, b>>
}
