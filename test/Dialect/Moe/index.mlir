// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.index. Along tokens, pieces, a static axis, a slot axis; from the start of groups.
// CHECK: moe.index token : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.index sequence : tensor<?xi32, #moe.axes<sequence>>
// CHECK: moe.index expert : tensor<64xi32, #moe.axes<expert>>
// CHECK: moe.index r.slot : tensor<2xi32, #moe.axes<r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %t = moe.index token : tensor<?xi32, #moe.axes<token>>
  %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  %s = moe.index sequence : tensor<?xi32, #moe.axes<sequence>>
  %e = moe.index expert : tensor<64xi32, #moe.axes<expert>>
  %j = moe.index r.slot : tensor<2xi32, #moe.axes<r.slot>>
}
