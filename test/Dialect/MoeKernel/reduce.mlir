// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.reduce. Each way to combine; to a scalar, to equal blocks, to mapped groups.
// CHECK: moe_kernel.reduce sum %{{.*}} : <64xf32> -> f32
// CHECK: moe_kernel.reduce max %{{.*}} : <64xf32> -> f32
// CHECK: moe_kernel.reduce min %{{.*}} : <64xf32> -> f32
// CHECK: moe_kernel.reduce maxnum %{{.*}} : <64xf32> -> f32
// CHECK: moe_kernel.reduce sum %{{.*}} : <64xf32> -> !moe_kernel.row<8xf32>
// CHECK: moe_kernel.reduce max %{{.*}} groups [0, 0, 1, 2, 2, 2] : <6xf32> -> !moe_kernel.row<3xf32>
// CHECK: moe_kernel.reduce max %{{.*}} : <6xi32> -> i32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %sum = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> f32
    %max = moe_kernel.reduce max %x : !moe_kernel.row<64xf32> -> f32
    %min = moe_kernel.reduce min %x : !moe_kernel.row<64xf32> -> f32
    %maxnum = moe_kernel.reduce maxnum %x : !moe_kernel.row<64xf32> -> f32
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %a = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    %b = moe_kernel.reduce max %v groups [0, 0, 1, 2, 2, 2] : !moe_kernel.row<6xf32> -> !moe_kernel.row<3xf32>
    %c = moe_kernel.reduce max %i : !moe_kernel.row<6xi32> -> i32
  } finish {
  }
}
