// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.argmax refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.argmax' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.argmax %x over device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xi32, #moe.axes<token>>
}

// -----

// an axis of run-time size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.argmax' op needs an axis of compile-time size, and 'token' has a run-time size}}
  %a = moe.argmax %x over token : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xi32, #moe.axes<expert>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.argmax' op has result type 'tensor<64xi32, #moe.axes<expert>>', expected 'tensor<?xi32, #moe.axes<token>>'}}
  %a = moe.argmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xi32, #moe.axes<expert>>
}
