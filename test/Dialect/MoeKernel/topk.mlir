// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.topk. Of the whole row, and of what a mask leaves.
// CHECK: moe_kernel.topk %{{.*}} : <64xf32> -> <6xi32>, <6xf32>
// CHECK: moe_kernel.topk %{{.*}} mask %{{.*}} : !moe_kernel.row<64xi1> : <64xf32> -> <64xi32>, <64xf32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %t = arith.constant true
    %m = moe_kernel.map -> !moe_kernel.row<64xi1> {
      moe_kernel.yield %t : i1
    }
    %j, %w = moe_kernel.topk %x mask %m : !moe_kernel.row<64xi1> : !moe_kernel.row<64xf32> -> !moe_kernel.row<64xi32>, !moe_kernel.row<64xf32>
  } finish {
  }
}
