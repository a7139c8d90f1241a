// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.size refuses.

// an axis that is not there
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.size' op asks for the size of 'layer', which is not an axis of this gate}}
  %a = moe.size layer : tensor<i32>
}

// -----

// another type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  // expected-error@+1 {{'moe.size' op result #0 must be scalar tensor of 32-bit signless integer, but got 'tensor<i64>'}}
  %a = moe.size token : tensor<i64>
}
