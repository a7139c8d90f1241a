// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.topk refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.topk %x over device : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], device, a.slot, 2>
}

// -----

// an axis of run-time size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op needs an axis of compile-time size, and 'token' has a run-time size}}
  %a = moe.topk %x over token : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[expert], token, a.slot, 2>
}

// -----

// k > n
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op picks 65 of 64 elements}}
  %a = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, a.slot, 65>
}

// -----

// a result along another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op selects along 'expert', but its result says 'device'}}
  %a = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], device, a.slot, 2>
}

// -----

// a result with other batch axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.topk' op has the result '!moe.selection<[], expert, a.slot, 2>', whose batch axes are not the other axes of its operand 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[], expert, a.slot, 2>
}

// -----

// more elements than the smallest groups hold
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %q = moe.input "q" : tensor<?x3xf32, #moe.axes<token, rack>>
  %g = moe.topk %q over rack : tensor<?x3xf32, #moe.axes<token, rack>> -> !moe.selection<[token], rack, g.slot, 2>
  // expected-error@+1 {{'moe.topk' op picks 33 elements among 2 groups of 'rack', which may hold only 32}}
  %a = moe.topk %x over expert among %g : !moe.selection<[token], rack, g.slot, 2> : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, a.slot, 33>
}

// -----

// among a selection of the same axis
moe.gate @g {
  moe.axis @token
  // expected-note@+1 {{'expert' is declared here}}
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.topk' op takes 'expert' as groups of 'expert', which it does not group}}
  %a = moe.topk %x over expert among %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, a.slot, 2>
}

// -----

// among a selection with other batch axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %d = moe.input "d" : tensor<8xf32, #moe.axes<device>>
  %q = moe.topk %d over device : tensor<8xf32, #moe.axes<device>> -> !moe.selection<[], device, q.slot, 2>
  // expected-error@+1 {{'moe.topk' op picks among '!moe.selection<[], device, q.slot, 2>', whose batch axes are not those of its result '!moe.selection<[token], expert, a.slot, 2>'}}
  %a = moe.topk %x over expert among %q : !moe.selection<[], device, q.slot, 2> : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, a.slot, 2>
}
