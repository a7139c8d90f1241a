// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.gather refuses.

// the operand lacks the selected axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %d = moe.input "d" : tensor<8xf32, #moe.axes<device>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.gather' op works on axis 'expert', which its operand lacks: 'tensor<8xf32, #moe.axes<device>>'}}
  %a = moe.gather %d[%r] : tensor<8xf32, #moe.axes<device>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
}

// -----

// the operand has an axis that the selection lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %q = moe.topk %v over expert : tensor<64xf32, #moe.axes<expert>> -> !moe.selection<[], expert, q.slot, 6>
  // expected-error@+1 {{'moe.gather' op gathers from a value with axis 'token', which the selection lacks}}
  %a = moe.gather %x[%q] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[], expert, q.slot, 6> -> tensor<?x6xf32, #moe.axes<token, q.slot>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.gather' op has result type 'tensor<?x64xf32, #moe.axes<token, expert>>', expected the selection's batch axes, its slot axis and element type 'f32'}}
  %a = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xf32, #moe.axes<token, expert>>
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
  // expected-error@+1 {{'moe.gather' op has result type 'tensor<?x6xf64, #moe.axes<token, r.slot>>', expected the selection's batch axes, its slot axis and element type 'f32'}}
  %a = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf64, #moe.axes<token, r.slot>>
}

// -----

// another number of slots
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.gather' op has size 5 on axis 'r.slot' of size 6}}
  %a = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x5xf32, #moe.axes<token, r.slot>>
}
