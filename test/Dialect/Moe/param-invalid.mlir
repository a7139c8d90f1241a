// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.param refuses.

// a param with axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.param' op result #0 must be scalar tensor of 32-bit float or 64-bit float, but got 'tensor<64xf32, #moe.axes<expert>>'}}
  %a = moe.param "a" = 1.0 : tensor<64xf32, #moe.axes<expert>>
}

// -----

// an integer param
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.param' op result #0 must be scalar tensor of 32-bit float or 64-bit float, but got 'tensor<i32>'}}
  %a = moe.param "a" = 1.0 : tensor<i32>
}

// -----

// an integer default
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+2 {{unexpected decimal integer literal for a floating point value}}
  // expected-note@+1 {{add a trailing dot to make the literal a float}}
  %a = moe.param "a" = 1 : tensor<f32>
}
