// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.topk. For each token, of a row, among selected groups, with all elements.
// CHECK: moe.topk %{{.*}} over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> <[token], expert, a.slot, 64>
// CHECK: moe.topk %{{.*}} over expert : tensor<64xf32, #moe.axes<expert>> -> <[], expert, b.slot, 1>
// CHECK: moe.topk %{{.*}} over rack : tensor<?x3xf32, #moe.axes<token, rack>> -> <[token], rack, g.slot, 2>
// CHECK: moe.topk %{{.*}} over expert among %{{.*}} : !moe.selection<[token], rack, g.slot, 2> : tensor<?x64xf32, #moe.axes<token, expert>> -> <[token], expert, c.slot, 32>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %v = moe.input "v" : tensor<64xf32, #moe.axes<expert>>
  %q = moe.input "q" : tensor<?x3xf32, #moe.axes<token, rack>>
  %a = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, a.slot, 64>
  %b = moe.topk %v over expert : tensor<64xf32, #moe.axes<expert>> -> !moe.selection<[], expert, b.slot, 1>
  %g = moe.topk %q over rack : tensor<?x3xf32, #moe.axes<token, rack>> -> !moe.selection<[token], rack, g.slot, 2>
  %c = moe.topk %x over expert among %g : !moe.selection<[token], rack, g.slot, 2> : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, c.slot, 32>
}
