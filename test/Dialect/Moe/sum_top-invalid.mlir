// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.sum_top refuses.

// an axis that the operand lacks
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op works on axis 'device', which its operand lacks: 'tensor<?x64xf32, #moe.axes<token, expert>>'}}
  %a = moe.sum_top %x, 2 over device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// an axis of run-time size
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op needs an axis of compile-time size, and 'token' has a run-time size}}
  %a = moe.sum_top %x, 2 over token : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
}

// -----

// n is 0
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op adds the 0 greatest of 64 values; n is 1 to 64}}
  %a = moe.sum_top %x, 0 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// n is negative
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op adds the -1 greatest of 64 values; n is 1 to 64}}
  %a = moe.sum_top %x, -1 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// n > size of the axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op adds the 65 greatest of 64 values; n is 1 to 64}}
  %a = moe.sum_top %x, 65 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// n > size of the smallest group
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op adds the 17 greatest of 16 values in the smallest group; n is 1 to 16}}
  %a = moe.sum_top %x, 17 over expert to rack : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
}

// -----

// groups that do not group the axis
moe.gate @g {
  // expected-note@+1 {{'token' is declared here}}
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op takes 'token' as groups of 'expert', which it does not group}}
  %a = moe.sum_top %x, 1 over expert to token : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op has result type 'tensor<?xf32, #moe.axes<token>>', expected 'tensor<?x8xf32, #moe.axes<token, device>>'}}
  %a = moe.sum_top %x, 2 over expert to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
}

// -----

// groups that an input places
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 128
  moe.axis @host size 3 of @expert placement "h"
  %h = moe.input "h" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.sum_top' op adds up groups 'host', which are known at run time only}}
  %y = moe.sum_top %x, 1 over expert to host : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, host>>
}
