// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.output. Arrays, stored as they are or narrower; selections; masks.
// CHECK: moe.output "route" = %{{.*}} : !moe.selection<[token], expert, r.slot, 6>
// CHECK: moe.output "weight" = %{{.*}} : tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.output "narrow" = %{{.*}} store bf16 : tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.output "half" = %{{.*}} store f16 : tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.output "same" = %{{.*}} store f32 : tensor<?x6xf32, #moe.axes<token, r.slot>>
// CHECK: moe.output "mask" = %{{.*}} : tensor<?x64xi1, #moe.axes<token, expert>>
// CHECK: moe.output "kept" = %{{.*}} saved : !moe.selection<[token], expert, r.slot, 6>
// CHECK: moe.output "short" = %{{.*}} store i16 : !moe.selection<[token], expert, r.slot, 6>
// CHECK: moe.output "load" = %{{.*}} store i64 : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.output "grad" = %{{.*}} store bf16 adds : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.output "route" = %{{.*}} store i16 layered "layer" : !moe.selection<[token], expert, r.slot, 6>
// CHECK: moe.output "kept" = %{{.*}} saved layered "layer" : !moe.selection<[token], expert, r.slot, 6>
// CHECK: moe.output "grad" = %{{.*}} store bf16 adds layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.output "load" = %{{.*}} layered "layer" : tensor<?x64xf32, #moe.axes<sequence, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %c = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 6>
  moe.output "weight" = %w : tensor<?x6xf32, #moe.axes<token, r.slot>>
  moe.output "narrow" = %w store bf16 : tensor<?x6xf32, #moe.axes<token, r.slot>>
  moe.output "half" = %w store f16 : tensor<?x6xf32, #moe.axes<token, r.slot>>
  moe.output "same" = %w store f32 : tensor<?x6xf32, #moe.axes<token, r.slot>>
  moe.output "mask" = %c : tensor<?x64xi1, #moe.axes<token, expert>>
  moe.output "kept" = %r saved : !moe.selection<[token], expert, r.slot, 6>
  moe.output "short" = %r store i16 : !moe.selection<[token], expert, r.slot, 6>
  %t = moe.index token : tensor<?xi32, #moe.axes<token>>
  moe.output "load" = %t store i64 : tensor<?xi32, #moe.axes<token>>
  moe.output "grad" = %x store bf16 adds : tensor<?x64xf32, #moe.axes<token, expert>>
}
moe.gate @layers {
  moe.axis @token layers 4
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  %x = moe.input "x" layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %s = moe.reduce sum %x over [token] to sequence : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x64xf32, #moe.axes<sequence, expert>>
  moe.output "route" = %r store i16 layered "layer" : !moe.selection<[token], expert, r.slot, 6>
  moe.output "kept" = %r saved layered "layer" : !moe.selection<[token], expert, r.slot, 6>
  moe.output "grad" = %x store bf16 adds layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
  moe.output "load" = %s layered "layer" : tensor<?x64xf32, #moe.axes<sequence, expert>>
}
