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
