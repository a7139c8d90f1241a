// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.state refuses.

// a row for each token
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.state' op has the run-time axis 'token'; a state has the same size in each step}}
  %b = moe.state "b" = 0.0 : tensor<?xf32, #moe.axes<token>>
}

// -----

// truth values
moe.gate @g {
  // expected-error@+1 {{'moe.state' op result #0 must be}}
  %b = moe.state "b" = 0.0 : tensor<i1>
}

// -----

// R5: the name of an input
moe.gate @g {
  // expected-note@+1 {{first used here}}
  %x = moe.input "b" : tensor<f32>
  // expected-error@+1 {{'moe.state' op uses the name 'b' a second time (R5)}}
  %b = moe.state "b" = 0.0 : tensor<f32>
}
