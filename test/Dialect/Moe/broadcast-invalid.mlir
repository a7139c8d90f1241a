// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.broadcast refuses.

// R1: an axis is lost
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.broadcast' op loses axis 'token': 'tensor<?x64xf32, #moe.axes<token, expert>>' to 'tensor<64xf32, #moe.axes<expert>>' (R1)}}
  %a = moe.broadcast %x : tensor<?x64xf32, #moe.axes<token, expert>> to tensor<64xf32, #moe.axes<expert>>
}

// -----

// an axis changes its size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.broadcast' op changes the size of axis 'expert' from 64 to 32}}
  %a = moe.broadcast %v : tensor<64xf32, #moe.axes<expert>> to tensor<?x32xf32, #moe.axes<token, expert>>
}

// -----

// the element type changes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.broadcast' op changes the element type from 'f32' to 'f64'}}
  %a = moe.broadcast %v : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf64, #moe.axes<token, expert>>
}

// -----

// no axis names
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.broadcast' op result #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float or 1-bit signless integer or 32-bit signless integer or 64-bit signless integer, but got 'tensor<?x64xf32>'}}
  %a = moe.broadcast %v : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32>
}
