// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.shift. Of floats, integers and truth values; along one of two axes; of those behind.
// CHECK: moe.shift %{{.*}}, 1 over token : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.shift %{{.*}}, 4096 over token : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.shift %{{.*}}, 2 over token : tensor<?xi1, #moe.axes<token>>
// CHECK: moe.shift %{{.*}}, -1 over token : tensor<?x64xf32, #moe.axes<token, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %t = moe.index token : tensor<?xi32, #moe.axes<token>>
  %c = arith.cmpi eq, %t, %t : tensor<?xi32, #moe.axes<token>>
  %a = moe.shift %x, 1 over token : tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.shift %t, 4096 over token : tensor<?xi32, #moe.axes<token>>
  %d = moe.shift %c, 2 over token : tensor<?xi1, #moe.axes<token>>
  %e = moe.shift %x, -1 over token : tensor<?x64xf32, #moe.axes<token, expert>>
}
