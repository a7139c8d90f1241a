// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.scatter, to rows of several sizes.
// CHECK: moe_kernel.scatter %{{.*}} to %{{.*}} : <6xf32>, <6xi32> -> <64xf32>
// CHECK: moe_kernel.scatter %{{.*}} to %{{.*}} : <6xf32>, <6xi32> -> <7xf32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %a = moe_kernel.scatter %v to %i : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
    %b = moe_kernel.scatter %v to %i : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<7xf32>
  } finish {
  }
}
