// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.index refuses.

// an axis that is not there
moe.gate @g {
  // expected-error@+1 {{'moe.index' op asks for positions along 'expert', which is not an axis of this gate}}
  %i = moe.index expert : tensor<i32>
}

// -----

// an axis that nothing makes
moe.gate @g {
  // expected-error@+1 {{'moe.index' op uses axis 'expert', which this gate does not declare}}
  %i = moe.index expert : tensor<4xi32, #moe.axes<expert>>
}

// -----

// no groups
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.index' op counts from the start of 'token', which does not group 'expert'}}
  %i = moe.index expert to token : tensor<4xi32, #moe.axes<expert>>
}

// -----

// groups that are not there
moe.gate @g {
  moe.axis @token
  // expected-error@+1 {{'moe.index' op counts from the start of 'sequence', which does not group 'token'}}
  %i = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
}

// -----

// a result on another axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.index' op has a result on other axes than 'token': 'tensor<4xi32, #moe.axes<expert>>'}}
  %i = moe.index token : tensor<4xi32, #moe.axes<expert>>
}

// -----

// a result on two axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  // expected-error@+1 {{'moe.index' op has a result on other axes than 'token': 'tensor<?x4xi32, #moe.axes<token, expert>>'}}
  %i = moe.index token : tensor<?x4xi32, #moe.axes<token, expert>>
}
