// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.param. Defaults of either float type, also those without a short decimal form.
// CHECK: moe.param "a" = 1.000000e-02 : tensor<f32>
// CHECK: moe.param "b" = -3.500000e+00 : tensor<f64>
// CHECK: moe.param "c" = 0x7FF0000000000000 : tensor<f32>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %a = moe.param "a" = 1.0e-02 : tensor<f32>
  %b = moe.param "b" = -3.5 : tensor<f64>
  %c = moe.param "c" = 0x7FF0000000000000 : tensor<f32>
}
