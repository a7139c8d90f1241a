// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.load. A row, a scalar per token, a row and a scalar for all tokens; bf16 as f32.
// CHECK: moe_kernel.load @x : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.load @b : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.load @c : i32
// CHECK: moe_kernel.load @alpha : f32
// CHECK: moe_kernel.load @e : !moe_kernel.row<64xf32>
// CHECK: moe_kernel.load @alpha : f32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @b input bf16 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @c input i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @e input f16 axes ["expert"] sizes [64]
  moe_kernel.pass rows {
    %a = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %b = moe_kernel.load @b : !moe_kernel.row<64xf32>
    %c = moe_kernel.load @c : i32
    %e = moe_kernel.load @alpha : f32
  } finish {
    %a = moe_kernel.load @e : !moe_kernel.row<64xf32>
    %b = moe_kernel.load @alpha : f32
  }
}
