// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.append. Elements of the axis, beyond it, and none.
// CHECK: moe.append %{{.*}}, [0, 64] : <[token], expert, r.slot, 2> -> <[token], expert, a.slot, 4>
// CHECK: moe.append %{{.*}}, [] : <[token], expert, r.slot, 2> -> <[token], expert, b.slot, 2>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %a = moe.append %r, [0, 64] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, a.slot, 4>
  %b = moe.append %r, [] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, b.slot, 2>
}
