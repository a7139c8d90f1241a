// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.load_at. Of an input, and of what an earlier pass has stored.
// CHECK: moe_kernel.load_at @x[%{{.*}}] : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.load_at @c[%{{.*}}] : !moe_kernel.row<2xi32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @c coefficient i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<2xi32>, !moe_kernel.row<2xf32>
    moe_kernel.store %i, @c : !moe_kernel.row<2xi32>
  } finish {
  }
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    %a = moe_kernel.load_at @x[%t] : !moe_kernel.row<64xf32>
    %b = moe_kernel.load_at @c[%t] : !moe_kernel.row<2xi32>
  } finish {
  }
}
