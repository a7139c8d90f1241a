// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.multiplicity refuses.

// a result for each slot
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.multiplicity' op has result type 'tensor<?x2xi32, #moe.axes<token, r.slot>>', expected the selection's batch axes, then 'expert'}}
  %m = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// truth values
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.multiplicity' op result #0 must be}}
  %m = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi1, #moe.axes<token, expert>>
}
