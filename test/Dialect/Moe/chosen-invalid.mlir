// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.chosen refuses.

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.chosen' op has result type 'tensor<64xi1, #moe.axes<expert>>', expected the selection's batch axes, then 'expert'}}
  %a = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<64xi1, #moe.axes<expert>>
}

// -----

// another element type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.chosen' op result #0 must be tensor with #moe.axes (a scalar: without) of 1-bit signless integer, but got 'tensor<?x64xi32, #moe.axes<token, expert>>'}}
  %a = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xi32, #moe.axes<token, expert>>
}
