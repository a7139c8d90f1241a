// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.store. For each token, and after all of them; f32 into bf16.
// CHECK: moe_kernel.store %{{.*}}, @y : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.store %{{.*}}, @l : f32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output bf16 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    moe_kernel.store %x, @y : !moe_kernel.row<64xf32>
  } finish {
    %a = moe_kernel.load @alpha : f32
    moe_kernel.store %a, @l : f32
  }
}
