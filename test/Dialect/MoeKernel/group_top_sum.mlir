// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.group_top_sum. Of equal blocks, of mapped groups, of the whole row.
// CHECK: moe_kernel.group_top_sum %{{.*}}, 8 : <64xf32> -> <8xf32>
// CHECK: moe_kernel.group_top_sum %{{.*}}, 1 groups [0, 0, 1, 2, 2, 2] : <6xf32> -> <3xf32>
// CHECK: moe_kernel.group_top_sum %{{.*}}, 64 : <64xf32> -> <1xf32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %a = moe_kernel.group_top_sum %x, 8 : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    %b = moe_kernel.group_top_sum %v, 1 groups [0, 0, 1, 2, 2, 2] : !moe_kernel.row<6xf32> -> !moe_kernel.row<3xf32>
    %c = moe_kernel.group_top_sum %x, 64 : !moe_kernel.row<64xf32> -> !moe_kernel.row<1xf32>
  } finish {
  }
}
