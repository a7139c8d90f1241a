// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.scatter. The axes of the result are the batch axes, then the selected one.
// CHECK: moe.scatter %{{.*}} to %{{.*}} : tensor<?x6xf32, #moe.axes<token, r.slot>>, <[token], expert, r.slot, 6> -> tensor<?x64xf32, #moe.axes<token, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %y = moe.scatter %w to %r : tensor<?x6xf32, #moe.axes<token, r.slot>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xf32, #moe.axes<token, expert>>
}
