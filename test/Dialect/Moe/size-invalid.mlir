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
  // expected-error@+1 {{'moe.size' op result #0 must be tensor with #moe.axes (a scalar: without) of 32-bit signless integer, but got 'tensor<i64>'}}
  %a = moe.size token : tensor<i64>
}

// -----

// no groups
moe.gate @g {
  // expected-note@+1 {{'token' is declared here}}
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 128
  moe.axis @host size 3 of @expert placement "h"
  %h = moe.input "h" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.size' op takes 'token' as groups of 'expert', which it does not group}}
  %n = moe.size expert to token : tensor<?xi32, #moe.axes<token>>
}

// -----

// one number for all groups
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 128
  moe.axis @host size 3 of @expert placement "h"
  %h = moe.input "h" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.size' op has result type 'tensor<i32>', expected 'tensor<?xi32, #moe.axes<sequence>>'}}
  %n = moe.size token to sequence : tensor<i32>
}
