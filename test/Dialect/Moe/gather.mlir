// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.gather. From a value for each token, from one row, and of another type.
// CHECK: moe.gather %{{.*}}[%{{.*}}] : tensor<?x64xf32, #moe.axes<token, expert>>, <[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.gather %{{.*}}[%{{.*}}] : tensor<64xf32, #moe.axes<expert>>, <[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.gather %{{.*}}[%{{.*}}] : tensor<64xi32, #moe.axes<expert>>, <[token], expert, r.slot, 6> -> tensor<?x6xi32, #moe.axes<token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %n = moe.input "n" : tensor<64xi32, #moe.axes<expert>>
  %a = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %b = moe.gather %v[%r] : tensor<64xf32, #moe.axes<expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %c = moe.gather %n[%r] : tensor<64xi32, #moe.axes<expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xi32, #moe.axes<token, r.slot>>
}
