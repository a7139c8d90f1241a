// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.metric. A scalar, a row, integers.
// CHECK: moe.metric "scalar" = %{{.*}} : tensor<f32>
// CHECK: moe.metric "row" = %{{.*}} : tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.metric "counts" = %{{.*}} : tensor<8xi32, #moe.axes<device>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %a = moe.param "a" = 1.0 : tensor<f32>
  %n = moe.input "n" : tensor<8xi32, #moe.axes<device>>
  moe.metric "scalar" = %a : tensor<f32>
  moe.metric "row" = %v : tensor<64xf32, #moe.axes<expert>>
  moe.metric "counts" = %n : tensor<8xi32, #moe.axes<device>>
}
