// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.shift refuses.

// distance 0
moe.gate @g {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  // expected-error@+1 {{'moe.shift' op shifts by 0; expected a distance to what stands before (1 or more) or behind (-1 or less)}}
  %y = moe.shift %x, 0 over token : tensor<?xf32, #moe.axes<token>>
}

// -----

// an axis of compile-time size
moe.gate @g {
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<4xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.shift' op shifts along 'expert', which is not the axis of the tokens}}
  %y = moe.shift %x, 1 over expert : tensor<4xf32, #moe.axes<expert>>
}

// -----

// pieces
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  %x = moe.input "x" : tensor<?xf32, #moe.axes<sequence>>
  // expected-error@+1 {{'moe.shift' op shifts along 'sequence', which is not the axis of the tokens}}
  %y = moe.shift %x, 1 over sequence : tensor<?xf32, #moe.axes<sequence>>
}

// -----

// an axis that the value lacks
moe.gate @g {
  moe.axis @token
  %x = moe.input "x" : tensor<f32>
  // expected-error@+1 {{'moe.shift' op works on axis 'token', which its operand lacks: 'tensor<f32>'}}
  %y = moe.shift %x, 1 over token : tensor<f32>
}
