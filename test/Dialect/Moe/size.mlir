// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.size. Of a run-time axis and of a static one; of pieces, and in groups.
// CHECK: moe.size token : tensor<i32>
// CHECK: moe.size expert : tensor<i32>
// CHECK: moe.size sequence : tensor<i32>
// CHECK: moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
// CHECK: moe.size expert to rack : tensor<3xi32, #moe.axes<rack>>
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 128
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %t = moe.size token : tensor<i32>
  %e = moe.size expert : tensor<i32>
  %s = moe.size sequence : tensor<i32>
  %n = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  %g = moe.size expert to rack : tensor<3xi32, #moe.axes<rack>>
}
