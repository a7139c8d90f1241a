// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.update. Of states in any order.
// CHECK: moe.update "steps" = %{{.*}} : tensor<i32>
// CHECK: moe.update "bias" = %{{.*}} : tensor<64xf32, #moe.axes<expert>>
moe.gate @g {
  moe.axis @expert size 64
  %b = moe.state "bias" = 0.0 : tensor<64xf32, #moe.axes<expert>>
  %n = moe.state "steps" = 0.0 : tensor<i32>
  %v = arith.addf %b, %b : tensor<64xf32, #moe.axes<expert>>
  %m = arith.addi %n, %n : tensor<i32>
  moe.update "steps" = %m : tensor<i32>
  moe.update "bias" = %v : tensor<64xf32, #moe.axes<expert>>
}
