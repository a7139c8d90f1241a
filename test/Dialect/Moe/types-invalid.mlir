// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What the types of the dialect refuse.

// an axis named twice
moe.gate @g {
  moe.axis @expert size 8
  // expected-error@+1 {{axis 'expert' is named twice}}
  %a = moe.input "a" : tensor<8x8xf32, #moe.axes<expert, expert>>
}

// -----

// more names than dimensions
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 8
  // expected-error@+1 {{names 2 axes for a tensor of rank 1}}
  %a = moe.input "a" : tensor<8xf32, #moe.axes<token, expert>>
}

// -----

// a scalar with axes
moe.gate @g {
  // expected-error@+1 {{a scalar has no axes to name: write it without #moe.axes}}
  %a = moe.input "a" : tensor<f32, #moe.axes<>>
}

// -----

// names that are no words
moe.gate @g {
  // expected-error@+1 {{expected valid keyword}}
  %a = moe.input "a" : tensor<2xf32, #moe.axes<2>>
}

// -----

// a selection without slots
moe.gate @g {
  // expected-error@+1 {{a selection holds at least one slot, not 0}}
  %a = moe.input "a" : !moe.selection<[token], expert, r.slot, 0>
}

// -----

// a selection that names an axis twice
moe.gate @g {
  // expected-error@+1 {{a selection names axis 'expert' twice}}
  %a = moe.input "a" : !moe.selection<[expert], expert, r.slot, 1>
}

// -----

// an unranked tensor
moe.gate @g {
  // expected-error@+1 {{custom op 'moe.input' invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %a = moe.input "a" : tensor<*xf32>
}

// -----

// a tensor without axis names
moe.gate @g {
  // expected-error@+1 {{'moe.input' op result #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float or 1-bit signless integer or 32-bit signless integer or 64-bit signless integer, but got 'tensor<8xf32>'}}
  %a = moe.input "a" : tensor<8xf32>
}

// -----

// elements of a type that gates do not have
moe.gate @g {
  moe.axis @expert size 8
  // expected-error@+1 {{'moe.input' op result #0 must be tensor with #moe.axes (a scalar: without) of 32-bit float or 64-bit float or bfloat16 type or 16-bit float or 1-bit signless integer or 32-bit signless integer or 64-bit signless integer, but got 'tensor<8xi8, #moe.axes<expert>>'}}
  %a = moe.input "a" : tensor<8xi8, #moe.axes<expert>>
}
