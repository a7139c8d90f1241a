// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.first. Fewer slots, or all of them.
// CHECK: moe.first %{{.*}} : <[token], expert, r.slot, 6> -> <[token], expert, a.slot, 1>
// CHECK: moe.first %{{.*}} : <[token], expert, r.slot, 6> -> <[token], expert, b.slot, 6>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %a = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, a.slot, 1>
  %b = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, b.slot, 6>
}
