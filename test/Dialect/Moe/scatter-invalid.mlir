// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.scatter refuses.

// a value that has no slot axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.scatter' op scatters a value on other axes than the selection's batch axes and 'r.slot'}}
  %y = moe.scatter %x to %r : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  // expected-error@+1 {{'moe.scatter' op has a result on other axes than the selection's batch axes and 'expert', or of another element type}}
  %y = moe.scatter %w to %r : tensor<?x6xf32, #moe.axes<token, r.slot>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
}
