// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.kth refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.kth %x, 2 over device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// an axis of run-time size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op needs an axis of compile-time size, and 'token' has a run-time size}}
  %a = moe.kth %x, 2 over token : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
}

// -----

// k is 0
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op takes value number 0 of 64; k is 1 to 64}}
  %a = moe.kth %x, 0 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// k is negative
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op takes value number -9223372036854775808 of 64; k is 1 to 64}}
  %a = moe.kth %x, -9223372036854775808 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// k > n
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op takes value number 65 of 64; k is 1 to 64}}
  %a = moe.kth %x, 65 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.kth' op has result type 'tensor<?x64xf32, #moe.axes<token, expert>>', expected 'tensor<?xf32, #moe.axes<token>>'}}
  %a = moe.kth %x, 2 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x64xf32, #moe.axes<token, expert>>
}
