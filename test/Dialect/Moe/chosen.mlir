// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.chosen. For each token, and of a selection without tokens.
// CHECK: moe.chosen %{{.*}} : <[token], expert, r.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
// CHECK: moe.chosen %{{.*}} : <[], expert, q.slot, 2> -> tensor<64xi1, #moe.axes<expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %q = moe.topk %v over expert : tensor<64xf32, #moe.axes<expert>> -> !moe.selection<[], expert, q.slot, 2>
  %a = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
  %b = moe.chosen %q : !moe.selection<[], expert, q.slot, 2> -> tensor<64xi1, #moe.axes<expert>>
}
