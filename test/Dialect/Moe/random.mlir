// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.random. Both distributions, of each token, each expert, both, or once.
// CHECK: moe.random uniform stream 0 : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.random normal stream 1 : tensor<?xf64, #moe.axes<token>>
// CHECK: moe.random normal stream 2 : tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.random uniform stream 4095 : tensor<f32>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %a = moe.random uniform stream 0 : tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.random normal stream 1 : tensor<?xf64, #moe.axes<token>>
  %c = moe.random normal stream 2 : tensor<64xf32, #moe.axes<expert>>
  %d = moe.random uniform stream 4095 : tensor<f32>
}
