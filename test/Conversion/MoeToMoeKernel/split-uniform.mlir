// RUN: moe-opt %s --moe-kernel-split-uniform --cse | FileCheck %s
// What is the same for every token leaves the map it was merged into: a row of its own, and a scalar; what a token takes
// part in stays, and so do rows that the tokens no longer need.
// CHECK: %[[F:.*]] = moe_kernel.load @f
// CHECK: %[[A:.*]] = moe_kernel.load @alpha
// CHECK: %[[T:.*]] = arith.mulf %[[A]], %[[A]] : f32
// CHECK: %[[U:.*]] = moe_kernel.map(%[[F]] : !moe_kernel.row<64xf32>)
// CHECK-NEXT: ^bb0(%[[E:.*]]: f32):
// CHECK-NEXT: arith.mulf %[[T]], %[[E]] : f32
// CHECK-NEXT: moe_kernel.yield
// CHECK: moe_kernel.map(%{{.*}}, %[[U]] : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32):
// CHECK-NEXT: arith.addf %[[X]], %[[V]] : f32
// CHECK-NEXT: moe_kernel.yield
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @f saved f32 axes ["expert"] sizes [64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %f = moe_kernel.load @f : !moe_kernel.row<64xf32>
    %a = moe_kernel.load @alpha : f32
    %y = moe_kernel.map (%x, %f : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%xe: f32, %fe: f32):
      %t = arith.mulf %a, %a : f32
      %u = arith.mulf %t, %fe : f32
      %v = arith.addf %xe, %u : f32
      moe_kernel.yield %v : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<64xf32>
  } finish {
  }
}
