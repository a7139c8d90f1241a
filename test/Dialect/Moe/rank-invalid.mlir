// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.rank refuses.

// a selection without tokens
moe.gate @g {
  moe.axis @expert size 4
  %v = moe.input "v" : tensor<4xf32, #moe.axes<expert>>
  %s = moe.topk %v over expert : tensor<4xf32, #moe.axes<expert>> -> !moe.selection<[], expert, s.slot, 2>
  // expected-error@+1 {{'moe.rank' op ranks a selection with 0 batch axes, expected the tokens}}
  %a = moe.rank %s : !moe.selection<[], expert, s.slot, 2> -> tensor<2xi32, #moe.axes<s.slot>>
}

// -----

// an axis that makes no pieces
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.rank' op starts anew in each 'expert', which is not an axis of pieces of the tokens}}
  %a = moe.rank %r per expert : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// pieces that are not there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.rank' op starts anew in each 'sequence', which is not an axis of pieces of the tokens}}
  %a = moe.rank %r per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// a result on other axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.rank' op has a result of type 'tensor<?x64xi32, #moe.axes<token, expert>>', expected the selection's batch axes, then its slot axis}}
  %a = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi32, #moe.axes<token, expert>>
}

// -----

// queues for each piece
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 2
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x?x4xf32, #moe.axes<sequence, token, expert>>
  %r = moe.topk %x over expert : tensor<?x?x4xf32, #moe.axes<sequence, token, expert>> -> !moe.selection<[sequence, token], expert, r.slot, 2>
  // expected-error@+1 {{'moe.rank' op ranks a selection for each 'sequence', expected axes of compile-time size (layers), then the tokens}}
  %a = moe.rank %r : !moe.selection<[sequence, token], expert, r.slot, 2> -> tensor<?x?x2xi32, #moe.axes<sequence, token, r.slot>>
}

// -----

// pieces of the pieces that the selection is for
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 2
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<sequence, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<sequence, expert>> -> !moe.selection<[sequence], expert, r.slot, 2>
  // expected-error@+1 {{'moe.rank' op starts anew in each 'sequence', which is not an axis of pieces of the tokens}}
  %a = moe.rank %r per sequence : !moe.selection<[sequence], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<sequence, r.slot>>
}
