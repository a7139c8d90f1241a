// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.filter refuses.

// a condition for each expert
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi1, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.filter' op has a condition of type 'tensor<?x64xi1, #moe.axes<token, expert>>', expected the selection's batch axes, then its slot axis}}
  %k = moe.filter %r by %c : !moe.selection<[token], expert, r.slot, 2>, tensor<?x64xi1, #moe.axes<token, expert>>
}

// -----

// a number instead of a condition
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.filter' op operand #1 must be}}
  %k = moe.filter %r by %x : !moe.selection<[token], expert, r.slot, 2>, tensor<?x64xf32, #moe.axes<token, expert>>
}
