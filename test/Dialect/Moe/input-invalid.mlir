// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.input refuses.

// a selection as input
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{custom op 'moe.input' invalid kind of type specified: expected builtin.tensor, but found '!moe.selection<[token], expert, r.slot, 6>'}}
  %a = moe.input "a" : !moe.selection<[token], expert, r.slot, 6>
}

// -----

// outside a gate
// expected-error@+1 {{'moe.input' op expects parent op 'moe.gate'}}
%a = moe.input "a" : tensor<f32>

// -----

// an axis of offsets that nothing has
moe.gate @g {
  // expected-error@+1 {{'moe.input' op uses axis 'sequence.bound', which is only that of the offsets of pieces}}
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
}

// -----

// offsets of pieces of one length
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.input' op uses axis 'sequence.bound', which is only that of the offsets of pieces}}
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
}

// -----

// another array on the axis of the offsets
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  // expected-error@+1 {{'moe.input' op uses axis 'sequence.bound', which is only that of the offsets of pieces}}
  %p = moe.input "p" : tensor<?xi32, #moe.axes<sequence.bound>>
}

// -----

// offsets of compile-time size
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  // expected-error@+1 {{'moe.input' op is the offsets of 'sequence', expected tensor<?xi32, #moe.axes<sequence.bound>> and not 'tensor<4xi32, #moe.axes<sequence.bound>>'}}
  %o = moe.input "o" : tensor<4xi32, #moe.axes<sequence.bound>>
}

// -----

// arithmetic on the offsets
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  // expected-error@+1 {{'arith.addi' op uses axis 'sequence.bound', which this gate does not declare}}
  %p = arith.addi %o, %o : tensor<?xi32, #moe.axes<sequence.bound>>
}
