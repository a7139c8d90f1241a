// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.multiplicity. Of experts.
// CHECK: moe.multiplicity %{{.*}} : <[token], expert, r.slot, 2> -> tensor<?x64xi32, #moe.axes<token, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %m = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x64xi32, #moe.axes<token, expert>>
}
