// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.update refuses.

// an input
moe.gate @g {
  %x = moe.input "b" : tensor<f32>
  // expected-error@+1 {{'moe.update' op updates 'b', which is not a state of this gate}}
  moe.update "b" = %x : tensor<f32>
}

// -----

// another type
moe.gate @g {
  moe.axis @expert size 64
  %b = moe.state "b" = 0.0 : tensor<64xf32, #moe.axes<expert>>
  %c = moe.param "c" = 1.0 : tensor<f32>
  // expected-error@+1 {{'moe.update' op gives 'b' a value of type 'tensor<f32>', but it has 'tensor<64xf32, #moe.axes<expert>>'}}
  moe.update "b" = %c : tensor<f32>
}

// -----

// twice
moe.gate @g {
  %b = moe.state "b" = 0.0 : tensor<f32>
  moe.update "b" = %b : tensor<f32>
  // expected-error@+1 {{'moe.update' op updates 'b' a second time}}
  moe.update "b" = %b : tensor<f32>
}
