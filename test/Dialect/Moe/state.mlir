// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.state. Scalars and rows, floats and integers.
// CHECK: moe.state "bias" = 0.000000e+00 : tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.state "steps" = 7.000000e+00 : tensor<i32>
// CHECK: moe.state "average" = -1.500000e+00 : tensor<f64>
moe.gate @g {
  moe.axis @expert size 64
  %b = moe.state "bias" = 0.0 : tensor<64xf32, #moe.axes<expert>>
  %n = moe.state "steps" = 7.0 : tensor<i32>
  %d = moe.state "average" = -1.5 : tensor<f64>
}
