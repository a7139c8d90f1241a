// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.filled refuses.

// a result on the selected axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.filled' op has a result of type 'tensor<?x64xi1, #moe.axes<token, expert>>', expected the selection's batch axes, then its slot axis}}
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi1, #moe.axes<token, expert>>
}

// -----

// another number of slots
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.filled' op has a result of type 'tensor<?x3xi1, #moe.axes<token, r.slot>>', expected the selection's batch axes, then its slot axis}}
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x3xi1, #moe.axes<token, r.slot>>
}

// -----

// a result without axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.filled' op has a result of type 'tensor<i1>', expected the selection's batch axes, then its slot axis}}
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<i1>
}
