// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.standardize refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.standardize' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.standardize %x, 1.0 over device : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// negative eps
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.standardize' op has an eps that is negative or not finite}}
  %a = moe.standardize %x, -1.0e-05 over expert : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// infinite eps
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.standardize' op has an eps that is negative or not finite}}
  %a = moe.standardize %x, 0x7FF0000000000000 over expert : tensor<?x64xf32, #moe.axes<token, expert>>
}
