// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.limit refuses.

// a selection without tokens
moe.gate @g {
  moe.axis @expert size 4
  %v = moe.input "v" : tensor<4xf32, #moe.axes<expert>>
  %s = moe.topk %v over expert : tensor<4xf32, #moe.axes<expert>> -> !moe.selection<[], expert, s.slot, 2>
  %c = moe.param "c" = 1.0 : tensor<f32>
  // expected-error@+1 {{'moe.limit' op ranks a selection with 0 batch axes, expected the tokens}}
  %l = moe.limit %s capacity %c : tensor<f32> over expert : !moe.selection<[], expert, s.slot, 2>
}

// -----

// no axis of pieces
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op starts anew in each 'device', which is not an axis of pieces of the tokens}}
  %l = moe.limit %r capacity %c : tensor<f64> over expert per device : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// what is no group of the experts
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  // expected-note@+1 {{'sequence' is declared here}}
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op takes 'sequence' as groups of 'expert', which it does not group}}
  %l = moe.limit %r capacity %c : tensor<f64> over sequence : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// groups that are not there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op works with groups 'rack', which is not an axis of this gate}}
  %l = moe.limit %r capacity %c : tensor<f64> over rack : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// a priority for each expert
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op has a priority of type 'tensor<?x64xf32, #moe.axes<token, expert>>', expected the selection's batch axes, then its slot axis}}
  %l = moe.limit %r capacity %c : tensor<f64> over expert priority %x : tensor<?x64xf32, #moe.axes<token, expert>> : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// next scores without rounds
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op has scores of the next elements, but no rounds (1 or more) to place them in}}
  %l = "moe.limit"(%r, %c, %x) <{over = "expert", operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}> : (!moe.selection<[token], expert, r.slot, 2>, tensor<f64>, tensor<?x64xf32, #moe.axes<token, expert>>) -> !moe.selection<[token], expert, r.slot, 2>
}

// -----

// no round
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op has scores of the next elements, but no rounds (1 or more) to place them in}}
  %l = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<?x64xf32, #moe.axes<token, expert>> rounds 0 : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// rounds without next scores
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op has rounds, but no scores of the next elements}}
  %l = "moe.limit"(%r, %c) <{over = "expert", rounds = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (!moe.selection<[token], expert, r.slot, 2>, tensor<f64>) -> !moe.selection<[token], expert, r.slot, 2>
}

// -----

// exempt slots
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi1, #moe.axes<token, r.slot>>
  // expected-error@+1 {{'moe.limit' op exempts by a value of type 'tensor<?x2xi1, #moe.axes<token, r.slot>>', expected one on the tokens}}
  %l = moe.limit %r capacity %c : tensor<f64> over expert exempt %f : tensor<?x2xi1, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// next scores of each slot
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.limit' op has next scores of type 'tensor<?x2xf32, #moe.axes<token, r.slot>>', expected the tokens, then the selected axis}}
  %l = moe.limit %r capacity %c : tensor<f64> over expert next %w : tensor<?x2xf32, #moe.axes<token, r.slot>> rounds 1 : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// a capacity for each expert
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.limit' op operand #1 must be scalar tensor of 32-bit float or 64-bit float}}
  %l = moe.limit %r capacity %v : tensor<64xf32, #moe.axes<expert>> over expert : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// an exemption of tokens where there are layers
moe.gate @g {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %e = moe.input "e" : tensor<?xi1, #moe.axes<token>>
  %r = moe.topk %x over expert : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  // expected-error@+1 {{'moe.limit' op exempts by a value of type 'tensor<?xi1, #moe.axes<token>>', expected one on the tokens}}
  %a = moe.limit %r capacity %c : tensor<f64> over expert exempt %e : tensor<?xi1, #moe.axes<token>> : !moe.selection<[layer, token], expert, r.slot, 2>
}
