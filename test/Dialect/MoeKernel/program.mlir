// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.program. Declarations, then passes; both may be missing. Pieces, a backward, a step, layers.
// CHECK: moe_kernel.program @empty {
// CHECK: moe_kernel.program @p {
// CHECK: moe_kernel.program @back backward_of @p {
// CHECK: moe_kernel.program @step step_of @p {
// CHECK: moe_kernel.program @long piece_length 4096 {
// CHECK: moe_kernel.program @packed backward_of @p piece_offsets @cu_seqlens {
// CHECK: moe_kernel.program @layers layers 4 {
// CHECK: moe_kernel.program @each layers 4 piece_count 4 {
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

moe_kernel.program @step step_of @p {
  moe_kernel.buffer @bias state f32 axes [] sizes [] init 0.000000e+00
  moe_kernel.accumulator @P sum f32 sizes []
  moe_kernel.pass rows {
  } finish {
    %b = moe_kernel.load @bias : f32
    %p = moe_kernel.read @P : f32
    %v = arith.addf %b, %p : f32
    moe_kernel.store %v, @bias : f32
  }
}

moe_kernel.program @long piece_length 4096 {}

moe_kernel.program @packed backward_of @p piece_offsets @cu_seqlens {
  moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3]
}

moe_kernel.program @layers layers 4 {}

moe_kernel.program @each layers 4 piece_count 4 {}
