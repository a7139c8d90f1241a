// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.rank. By token, by slot, in each piece; in each piece of pieces; for each layer.
// CHECK: moe.rank %{{.*}} : <[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: moe.rank %{{.*}} by_slot : <[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: moe.rank %{{.*}} per sequence : <[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: moe.rank %{{.*}} by_slot per sequence : <[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: moe.rank %{{.*}} per document : <[layer, token], expert, r.slot, 2> -> tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %a = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %b = moe.rank %r by_slot : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %c = moe.rank %r per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %d = moe.rank %r by_slot per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
}
moe.gate @layers {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @document of @sequence count 4
  %x = moe.input "x" : tensor<3x?x64xf32, #moe.axes<layer, token, expert>>
  %r = moe.topk %x over expert : tensor<3x?x64xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %a = moe.rank %r per document : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
}
