// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.softmax refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.softmax' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.softmax %x over device : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// valid by a selection along another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.softmax' op is valid by a selection with slot axis 'r.slot', but does not work along it}}
  %a = moe.softmax %x over expert valid %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// integers
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64xi32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.softmax' op operand #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float, but got 'tensor<64xi32, #moe.axes<expert>>'}}
  %b = moe.softmax %a over expert : tensor<64xi32, #moe.axes<expert>>
}
