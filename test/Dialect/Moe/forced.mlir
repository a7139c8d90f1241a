// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.forced. With a slot axis of its own, and with the axis of its operand.
// CHECK: moe.forced %{{.*}} : tensor<?x6xi32, #moe.axes<token, pick>> -> <[token], expert, a.slot, 6>
// CHECK: moe.forced %{{.*}} : tensor<?x2xi32, #moe.axes<token, b.slot>> -> <[token], expert, b.slot, 2>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @pick size 6
  moe.axis @b.slot size 2
  %i = moe.input "i" : tensor<?x6xi32, #moe.axes<token, pick>>
  %j = moe.input "j" saved : tensor<?x2xi32, #moe.axes<token, b.slot>>
  %a = moe.forced %i : tensor<?x6xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, a.slot, 6>
  %b = moe.forced %j : tensor<?x2xi32, #moe.axes<token, b.slot>> -> !moe.selection<[token], expert, b.slot, 2>
}
