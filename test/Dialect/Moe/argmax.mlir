// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.argmax. For each token, and of a row.
// CHECK: moe.argmax %{{.*}} over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xi32, #moe.axes<token>>
// CHECK: moe.argmax %{{.*}} over expert : tensor<64xf32, #moe.axes<expert>> -> tensor<i32>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %a = moe.argmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xi32, #moe.axes<token>>
  %b = moe.argmax %v over expert : tensor<64xf32, #moe.axes<expert>> -> tensor<i32>
}
