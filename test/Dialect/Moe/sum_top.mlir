// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.sum_top. Along an axis, within equal groups, within uneven groups.
// CHECK: moe.sum_top %{{.*}}, 64 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.sum_top %{{.*}}, 8 over expert to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x8xf32, #moe.axes<token, device>>
// CHECK: moe.sum_top %{{.*}}, 16 over expert to rack : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %a = moe.sum_top %x, 64 over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %b = moe.sum_top %x, 8 over expert to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x8xf32, #moe.axes<token, device>>
  %c = moe.sum_top %x, 16 over expert to rack : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
}
