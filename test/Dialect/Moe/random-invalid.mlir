// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.random refuses.

// narrow floats
moe.gate @g {
  // expected-error@+1 {{'moe.random' op makes numbers of type 'bf16', expected f32 or f64}}
  %r = moe.random normal stream 0 : tensor<bf16>
}

// -----

// for each piece
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 4
  // expected-error@+1 {{'moe.random' op makes numbers for each piece, on axis 'sequence'; tokens have them}}
  %r = moe.random normal stream 0 : tensor<?xf32, #moe.axes<sequence>>
}

// -----

// two static axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @head size 2
  // expected-error@+1 {{'moe.random' op has 2 static axes; one at most stands beside the tokens}}
  %r = moe.random normal stream 0 : tensor<?x4x2xf32, #moe.axes<token, expert, head>>
}

// -----

// a negative stream
moe.gate @g {
  // expected-error@+1 {{'moe.random' op has stream -1; streams are 0 to 4095}}
  %r = moe.random normal stream -1 : tensor<f32>
}

// -----

// a stream beyond the last
moe.gate @g {
  // expected-error@+1 {{'moe.random' op has stream 4096; streams are 0 to 4095}}
  %r = moe.random normal stream 4096 : tensor<f32>
}

// -----

// an axis that is not declared
moe.gate @g {
  // expected-error@+1 {{'moe.random' op uses axis 'expert', which this gate does not declare}}
  %r = moe.random normal stream 0 : tensor<4xf32, #moe.axes<expert>>
}
