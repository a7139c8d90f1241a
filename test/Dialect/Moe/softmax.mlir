// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.softmax. Along a static axis, along the tokens, over valid slots.
// CHECK: moe.softmax %{{.*}} over expert : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.softmax %{{.*}} over token : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.softmax %{{.*}} over r.slot valid %{{.*}} : !moe.selection<[token], expert, r.slot, 6> : tensor<?x6xf32, #moe.axes<token, r.slot>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %a = moe.softmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.softmax %x over token : tensor<?x64xf32, #moe.axes<token, expert>>
  %c = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x6xf32, #moe.axes<token, r.slot>>
}
