// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.metric refuses.

// a metric for each token
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.metric' op has the run-time axis 'token'; reduce over it first, or write an output}}
  moe.metric "m" = %x : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// a metric of truth values
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64xi1, #moe.axes<expert>>
  // expected-error@+1 {{'moe.metric' op operand #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float or 32-bit signless integer or 64-bit signless integer, but got 'tensor<64xi1, #moe.axes<expert>>'}}
  moe.metric "m" = %a : tensor<64xi1, #moe.axes<expert>>
}
