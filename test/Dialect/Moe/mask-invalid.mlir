// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.mask refuses.

// an axis of compile-time size
moe.gate @g {
  moe.axis @expert size 4
  %v = moe.input "v" : tensor<4xi1, #moe.axes<expert>>
  // expected-error@+1 {{'moe.mask' op masks 'expert', which is not the axis of the tokens}}
  moe.mask expert by %v : tensor<4xi1, #moe.axes<expert>>
}

// -----

// pieces
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  %v = moe.input "v" : tensor<?xi1, #moe.axes<sequence>>
  // expected-error@+1 {{'moe.mask' op masks 'sequence', which is not the axis of the tokens}}
  moe.mask sequence by %v : tensor<?xi1, #moe.axes<sequence>>
}

// -----

// an axis that is not there
moe.gate @g {
  %v = moe.input "v" : tensor<i1>
  // expected-error@+1 {{'moe.mask' op masks 'token', which is not the axis of the tokens}}
  moe.mask token by %v : tensor<i1>
}

// -----

// a value for each expert too
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  %v = moe.input "v" : tensor<?x4xi1, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.mask' op masks 'token' by a value on other axes: 'tensor<?x4xi1, #moe.axes<token, expert>>'}}
  moe.mask token by %v : tensor<?x4xi1, #moe.axes<token, expert>>
}

// -----

// two masks
moe.gate @g {
  moe.axis @token
  %v = moe.input "v" : tensor<?xi1, #moe.axes<token>>
  // expected-note@+1 {{this is the first}}
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  // expected-error@+1 {{'moe.mask' op is the second mask of the gate, which has one at most}}
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
}
