// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.permute. With and without padding.
// CHECK: moe.permute %{{.*}} pad 16 : <[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: moe.permute %{{.*}} pad 1 : <[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<q.row>>, tensor<65xi32, #moe.axes<q.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<65xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
  %o1, %b1, %p1 = moe.permute %r pad 1 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<q.row>>, tensor<65xi32, #moe.axes<q.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
}
