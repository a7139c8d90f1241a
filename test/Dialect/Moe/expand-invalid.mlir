// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe.expand refuses.

// the operand lacks the axis
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.expand' op works on axis 'device', which its operand lacks: 'tensor<64xf32, #moe.axes<expert>>'}}
  %a = moe.expand %v from device to expert : tensor<64xf32, #moe.axes<expert>> to tensor<64xf32, #moe.axes<expert>>
}

// -----

// the operand has the finer axis already
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<64x8xf32, #moe.axes<expert, device>>
  // expected-error@+1 {{'moe.expand' op makes axis 'expert', which its operand has already: 'tensor<64x8xf32, #moe.axes<expert, device>>'}}
  %b = moe.expand %a from device to expert : tensor<64x8xf32, #moe.axes<expert, device>> to tensor<64x64xf32, #moe.axes<expert, expert2>>
}

// -----

// from the finer to the coarser
moe.gate @g {
  moe.axis @token
  // expected-note@+1 {{'expert' is declared here}}
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  // expected-error@+1 {{'moe.expand' op takes 'expert' as groups of 'device', which it does not group}}
  %a = moe.expand %v from expert to device : tensor<64xf32, #moe.axes<expert>> to tensor<8xf32, #moe.axes<device>>
}

// -----

// axes without relation
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  // expected-note@+1 {{'device' is declared here}}
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.input "a" : tensor<8xf32, #moe.axes<device>>
  // expected-error@+1 {{'moe.expand' op takes 'device' as groups of 'token', which it does not group}}
  %b = moe.expand %a from device to token : tensor<8xf32, #moe.axes<device>> to tensor<?xf32, #moe.axes<token>>
}

// -----

// another result type
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %d = moe.input "d" : tensor<8xf32, #moe.axes<device>>
  // expected-error@+1 {{'moe.expand' op has result type 'tensor<?x64xf32, #moe.axes<token, expert>>', expected 'tensor<64xf32, #moe.axes<expert>>'}}
  %a = moe.expand %d from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<?x64xf32, #moe.axes<token, expert>>
}
