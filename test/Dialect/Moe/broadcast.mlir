// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.broadcast. Along the tokens, along a row, from a scalar, in another order.
// CHECK: moe.broadcast %{{.*}} : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.broadcast %{{.*}} : tensor<?xf32, #moe.axes<token>> to tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.broadcast %{{.*}} : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.broadcast %{{.*}} : tensor<?x64xf32, #moe.axes<token, expert>> to tensor<64x?xf32, #moe.axes<expert, token>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %c = moe.param "c" = 1.0 : tensor<f32>
  %t = moe.input "t" : tensor<?xf32, #moe.axes<token>>
  %a = moe.broadcast %v : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.broadcast %t : tensor<?xf32, #moe.axes<token>> to tensor<?x64xf32, #moe.axes<token, expert>>
  %e = moe.broadcast %c : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
  %f = moe.broadcast %x : tensor<?x64xf32, #moe.axes<token, expert>> to tensor<64x?xf32, #moe.axes<expert, token>>
}
