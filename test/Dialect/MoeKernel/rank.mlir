// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.rank. In the pass after the one that counts.
// CHECK: moe_kernel.rank %{{.*}}, @queue : <6xi32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.accumulator @queue sum i32 sizes [64] ranked
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    moe_kernel.count %i, @queue : !moe_kernel.row<6xi32>
  } finish {
  }
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
  } finish {
  }
}
