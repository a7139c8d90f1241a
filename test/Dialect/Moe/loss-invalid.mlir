// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.loss refuses.

// R6: a loss with an axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.loss' op operand #0 must be scalar tensor of 32-bit float or 64-bit float (R6: a loss is a scalar), but got 'tensor<64xf32, #moe.axes<expert>>'}}
  moe.loss "l" = %v : tensor<64xf32, #moe.axes<expert>>
}

// -----

// R6: an integer loss
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %t = moe.size token : tensor<i32>
  // expected-error@+1 {{'moe.loss' op operand #0 must be scalar tensor of 32-bit float or 64-bit float (R6: a loss is a scalar), but got 'tensor<i32>'}}
  moe.loss "l" = %t : tensor<i32>
}
