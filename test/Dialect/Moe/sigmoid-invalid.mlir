// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.sigmoid refuses.

// integers
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64xi32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.sigmoid' op operand #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float, but got 'tensor<64xi32, #moe.axes<expert>>'}}
  %b = moe.sigmoid %a : tensor<64xi32, #moe.axes<expert>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.sigmoid' op failed to verify that all of {input, result} have same type}}
  %b = "moe.sigmoid"(%v) : (tensor<64xf32, #moe.axes<expert>>) -> tensor<?x64xf32, #moe.axes<token, expert>>
}
