// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.loss. Scalars of either float type.
// CHECK: moe.loss "la" = %{{.*}} : tensor<f32>
// CHECK: moe.loss "lb" = %{{.*}} : tensor<f64>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.param "a" = 1.0 : tensor<f32>
  %b = moe.param "b" = 1.0 : tensor<f64>
  moe.loss "la" = %a : tensor<f32>
  moe.loss "lb" = %b : tensor<f64>
}
