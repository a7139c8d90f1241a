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

// -----

// layers of what has no tokens
moe.gate @g {
  moe.axis @token layers 2
  moe.axis @expert size 64
  // expected-error@+1 {{'moe.input' op is layered, which only an array of tokens or their pieces can be}}
  %x = moe.input "x" layered "layer" : tensor<64xf32, #moe.axes<expert>>
}

// -----

// layers of a scalar
moe.gate @g {
  moe.axis @token layers 2
  // expected-error@+1 {{'moe.input' op is layered, which only an array of tokens or their pieces can be}}
  %x = moe.input "x" layered "layer" : tensor<f32>
}

// -----

// layers in front of another axis
moe.gate @g {
  moe.axis @token layers 2
  moe.axis @expert size 64
  // expected-error@+1 {{'moe.input' op is layered, which only an array of tokens or their pieces can be}}
  %x = moe.input "x" layered "layer" : tensor<64x?xf32, #moe.axes<expert, token>>
}

// -----

// layers of the bounds of pieces
moe.gate @g {
  moe.axis @token layers 2
  moe.axis @sequence of @token offsets "o"
  // expected-error@+1 {{'moe.input' op is layered, which only an array of tokens or their pieces can be}}
  %o = moe.input "o" layered "layer" : tensor<?xi32, #moe.axes<sequence.bound>>
}

// -----

// layers that the tokens do not have
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.input' op is layered, but 'token' has no layers}}
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
}

// -----

// layers that the tokens of the pieces do not have
moe.gate @g {
  moe.axis @token
  moe.axis @group of @token length 2
  moe.axis @sequence of @group length 2
  // expected-error@+1 {{'moe.input' op is layered, but 'token' has no layers}}
  %x = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<sequence>>
}

// -----

// layers twice
moe.gate @g {
  moe.axis @token layers 2
  moe.axis @layer size 2
  // expected-error@+1 {{'moe.input' op is layered by 'layer', expected an axis that it does not have}}
  %x = moe.input "x" layered "layer" : tensor<?x2xf32, #moe.axes<token, layer>>
}

// -----

// layers without name
moe.gate @g {
  moe.axis @token layers 2
  // expected-error@+1 {{'moe.input' op is layered by '', expected an axis that it does not have}}
  %x = moe.input "x" layered "" : tensor<?xf32, #moe.axes<token>>
}
