// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.reduce refuses.

// over nothing
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op reduces over no axis}}
  %a = moe.reduce sum %x over [] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.reduce sum %x over [device] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// an axis named twice
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op names axis 'expert' twice}}
  %a = moe.reduce sum %x over [expert, expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op has result type 'tensor<?xf32, #moe.axes<token>>', expected 'tensor<64xf32, #moe.axes<expert>>'}}
  %a = moe.reduce sum %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// another element type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op has result type 'tensor<64xf64, #moe.axes<expert>>', expected 'tensor<64xf32, #moe.axes<expert>>'}}
  %a = moe.reduce sum %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf64, #moe.axes<expert>>
}

// -----

// a mean of integers
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64xi32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.reduce' op takes integers for sum, max and min only}}
  %b = moe.reduce mean %a over [expert] : tensor<64xi32, #moe.axes<expert>> -> tensor<i32>
}

// -----

// coarsens two axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op coarsens one axis at a time, not 2}}
  %a = moe.reduce sum %x over [token, expert] to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<8xf32, #moe.axes<device>>
}

// -----

// coarsens to an axis that is not there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op works with groups 'layer', which is not an axis of this gate}}
  %a = moe.reduce sum %x over [expert] to layer : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// coarsens to an axis that does not group it
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  // expected-note@+1 {{'device' is declared here}}
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op takes 'device' as groups of 'token', which it does not group}}
  %a = moe.reduce sum %x over [token] to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<8x64xf32, #moe.axes<device, expert>>
}

// -----

// coarsens to an axis that the operand has already
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64x8xf32, #moe.axes<expert, device>>
  // expected-error@+1 {{'moe.reduce' op makes axis 'device', which its operand has already: 'tensor<64x8xf32, #moe.axes<expert, device>>'}}
  %b = moe.reduce sum %a over [expert] to device : tensor<64x8xf32, #moe.axes<expert, device>> -> tensor<8xf32, #moe.axes<device>>
}

// -----

// valid by a selection along another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  // expected-error@+1 {{'moe.reduce' op is valid by a selection with slot axis 'r.slot', but does not work along it}}
  %a = moe.reduce sum %x over [expert] valid %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// valid by a selection for each token, of a value without tokens
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %q = moe.topk %v over expert : tensor<64xf32, #moe.axes<expert>> -> !moe.selection<[], expert, q.slot, 6>
  %u = moe.gather %v[%q] : tensor<64xf32, #moe.axes<expert>>, !moe.selection<[], expert, q.slot, 6> -> tensor<6xf32, #moe.axes<q.slot>>
  %b = moe.broadcast %u : tensor<6xf32, #moe.axes<q.slot>> to tensor<6x8xf32, #moe.axes<q.slot, device>>
  %s = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, s.slot, 6>
  %w = moe.gather %x[%s] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, s.slot, 6> -> tensor<?x6xf32, #moe.axes<token, s.slot>>
  %m = moe.reduce sum %w over [token] : tensor<?x6xf32, #moe.axes<token, s.slot>> -> tensor<6xf32, #moe.axes<s.slot>>
  // expected-error@+1 {{'moe.reduce' op is valid by a selection for each 'token', an axis that its operand lacks}}
  %a = moe.reduce sum %m over [s.slot] valid %s : !moe.selection<[token], expert, s.slot, 6> : tensor<6xf32, #moe.axes<s.slot>> -> tensor<f32>
}

// -----

// a kind that is not there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{custom op 'moe.reduce' expected string or keyword containing one of the following enum values for attribute 'kind' [sum, mean, max, min, maxnum, var, std, cv2, logsumexp]}}
  %a = moe.reduce median %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// pieces of another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  // expected-note@+1 {{'sequence' is declared here}}
  moe.axis @sequence of @token length 128
  moe.axis @host size 3 of @expert placement "h"
  %h = moe.input "h" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op takes 'sequence' as groups of 'expert', which it does not group}}
  %y = moe.reduce sum %x over [expert] to sequence : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x?xf32, #moe.axes<token, sequence>>
}

// -----

// a result for a number of pieces
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 128
  moe.axis @host size 3 of @expert placement "h"
  %h = moe.input "h" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.reduce' op has result type 'tensor<8x4xf32, #moe.axes<sequence, expert>>', expected 'tensor<?x4xf32, #moe.axes<sequence, expert>>'}}
  %y = moe.reduce sum %x over [token] to sequence : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<8x4xf32, #moe.axes<sequence, expert>>
}
