// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.size. Of a run-time axis and of a static one.
// CHECK: moe.size token : tensor<i32>
// CHECK: moe.size expert : tensor<i32>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %t = moe.size token : tensor<i32>
  %e = moe.size expert : tensor<i32>
}
