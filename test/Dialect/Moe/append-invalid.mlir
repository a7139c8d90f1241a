// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.append refuses.

// another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.append' op changes the axes of the selection from '!moe.selection<[token], expert, r.slot, 2>' to '!moe.selection<[token], device, a.slot, 3>'}}
  %a = moe.append %r, [1] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], device, a.slot, 3>
}

// -----

// another number of slots
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.append' op appends 1 slots to 2 and makes 4}}
  %a = moe.append %r, [1] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, a.slot, 4>
}

// -----

// a negative element
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.append' op appends element -1; elements count from 0}}
  %a = moe.append %r, [3, -1] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, a.slot, 4>
}

// -----

// R5: the slot axis of its operand
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.append' op makes the slot axis 'r.slot', which exists already (R5)}}
  %a = moe.append %r, [] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, r.slot, 2>
}
