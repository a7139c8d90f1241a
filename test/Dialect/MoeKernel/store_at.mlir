// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.store_at. Of each token, and after all of them.
// CHECK: moe_kernel.store_at %{{.*}}, %{{.*}}, @order : <6xi32>, <6xi32>
// CHECK: moe_kernel.store_at %{{.*}}, %{{.*}}, @order : <6xi32>, <6xi32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 6 extra 0
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    moe_kernel.store_at %i, %i, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
  } finish {
    %z = arith.constant 0 : i32
    %i = moe_kernel.map -> !moe_kernel.row<6xi32> {
      moe_kernel.yield %z : i32
    }
    moe_kernel.store_at %i, %i, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
  }
}
