// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.filter. Twice: the slot axis stays.
// CHECK: moe.filter %{{.*}} by %{{.*}} : <[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
// CHECK: moe.filter %{{.*}} by %{{.*}} : <[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi1, #moe.axes<token, r.slot>>
  %k = moe.filter %r by %c : !moe.selection<[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
  %l = moe.filter %k by %c : !moe.selection<[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
}
