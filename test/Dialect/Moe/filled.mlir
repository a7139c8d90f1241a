// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.filled. Of each slot.
// CHECK: moe.filled %{{.*}} : <[token], expert, r.slot, 2> -> tensor<?x2xi1, #moe.axes<token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi1, #moe.axes<token, r.slot>>
}
