// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.accumulate. A row and a scalar.
// CHECK: moe_kernel.accumulate %{{.*}}, @P : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.accumulate %{{.*}}, @s : f32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @s max f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %a = moe_kernel.load @alpha : f32
    moe_kernel.accumulate %x, @P : !moe_kernel.row<64xf32>
    moe_kernel.accumulate %a, @s : f32
  } finish {
  }
}
