// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.program. Declarations, then passes; both may be missing.
// CHECK: moe_kernel.program @empty {
// CHECK: moe_kernel.program @p {
// CHECK: moe_kernel.program @back backward_of @p {
moe_kernel.program @empty {}

moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
  } finish {
  }
}

moe_kernel.program @back backward_of @p {}
