// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.first refuses.

// more slots than there are
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.first' op keeps 7 of 6 slots}}
  %a = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, a.slot, 7>
}

// -----

// another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.first' op changes the axes of the selection from '!moe.selection<[token], expert, r.slot, 6>' to '!moe.selection<[token], device, a.slot, 1>'}}
  %a = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], device, a.slot, 1>
}

// -----

// R5: the same slot axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.first' op makes the slot axis 'r.slot', which exists already (R5)}}
  %a = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, r.slot, 1>
}
