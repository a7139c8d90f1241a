// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.permute refuses.

// a selection without tokens
moe.gate @g {
  moe.axis @expert size 4
  %v = moe.input "v" : tensor<4xf32, #moe.axes<expert>>
  %s = moe.topk %v over expert : tensor<4xf32, #moe.axes<expert>> -> !moe.selection<[], expert, s.slot, 2>
  // expected-error@+1 {{'moe.permute' op ranks a selection with 0 batch axes, expected the tokens alone}}
  %o, %b, %p = moe.permute %s pad 16 : !moe.selection<[], expert, s.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<2xi32, #moe.axes<s.slot>>
}

// -----

// positions of the experts
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op has positions of type 'tensor<?x64xi32, #moe.axes<token, expert>>', expected the selection's batch axes, then its slot axis}}
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x64xi32, #moe.axes<token, expert>>
}

// -----

// no padding
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op pads to multiples of 0; expected 1 to 1048576}}
  %o, %b, %p = moe.permute %r pad 0 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// negative padding
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op pads to multiples of -16; expected 1 to 1048576}}
  %o, %b, %p = moe.permute %r pad -16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// as many offsets as experts
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op has offsets of type 'tensor<64xi32, #moe.axes<plan.bound>>', expected one axis of 65}}
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<64xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// an order of compile-time size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op has an order of type 'tensor<128xi32, #moe.axes<plan.row>>', expected one axis of run-time size}}
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<128xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// R5: an axis that is there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op makes the axis 'r.slot', which exists already (R5)}}
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<r.slot>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// R5: one axis for both
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op makes the axis 'plan.row', which exists already (R5)}}
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.row>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// more padding than any axis holds
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op pads to multiples of 1048577; expected 1 to 1048576}}
  %o, %b, %p = moe.permute %r pad 1048577 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// a plan of all layers
moe.gate @g {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %r = moe.topk %x over expert : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op ranks a selection with 2 batch axes, expected the tokens alone}}
  %o, %b, %p = moe.permute %r pad 1 : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
}

// -----

// a plan of folded layers
moe.gate @g {
  moe.axis @token layers 3
  moe.axis @expert size 4
  %x = moe.input "x" layered "layer" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.permute' op makes the plan of a gate with layers; a plan is for the tokens of one}}
  %o, %b, %p = moe.permute %r pad 1 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}
