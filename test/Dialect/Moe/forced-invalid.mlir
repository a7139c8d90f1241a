// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.forced refuses.

// another number of slots
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @pick size 6
  %i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>
  // expected-error@+1 {{'moe.forced' op makes '!moe.selection<[token], expert, a.slot, 5>' from 'tensor<?x6xi32, #moe.axes<token, pick>>', expected the batch axes, then one axis of 5 elements}}
  %a = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, a.slot, 5>
}

// -----

// R5: a slot axis that is another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @pick size 6
  moe.axis @other size 6
  %i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>
  // expected-error@+1 {{'moe.forced' op makes the slot axis 'other', which exists already (R5)}}
  %a = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, other, 6>
}

// -----

// other batch axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @pick size 6
  %i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>
  // expected-error@+1 {{'moe.forced' op makes '!moe.selection<[], expert, a.slot, 6>' from 'tensor<?x6xi32, #moe.axes<token, pick>>', expected the batch axes, then one axis of 6 elements}}
  %a = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[], expert, a.slot, 6>
}
