// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.axis. Run-time and static sizes; equal blocks, maps, and groups of groups.
// CHECK: moe.axis @token
// CHECK: moe.axis @sequence of @token
// CHECK: moe.axis @expert size 6
// CHECK: moe.axis @device size 2 of @expert
// CHECK: moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
// CHECK: moe.axis @site size 1 of @rack
// CHECK: moe.axis @single size 1
// CHECK: moe.axis @huge size 1048576
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
  moe.axis @site size 1 of @rack
  moe.axis @single size 1
  moe.axis @huge size 1048576
}
