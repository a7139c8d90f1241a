// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.buffer. Every role, every element type, every kind of run-time size; layers.
// CHECK: moe_kernel.buffer @a input f32 axes ["token", "expert"] sizes [-1, 64]
// CHECK: moe_kernel.buffer @b input bf16 axes ["token"] sizes [-1]
// CHECK: moe_kernel.buffer @c input f16 axes ["expert"] sizes [64]
// CHECK: moe_kernel.buffer @d param f64 axes [] sizes [] init -1.500000e+00
// CHECK: moe_kernel.buffer @e output i32 axes ["token", "route.slot"] sizes [-1, 6]
// CHECK: moe_kernel.buffer @f loss f32 axes [] sizes []
// CHECK: moe_kernel.buffer @g metric i1 axes ["device"] sizes [8]
// CHECK: moe_kernel.buffer @h status i32 axes [] sizes []
// CHECK: moe_kernel.buffer @i coefficient f32 axes ["expert"] sizes [64]
// CHECK: moe_kernel.buffer @j saved i32 axes ["token", "route.slot"] sizes [-1, 6]
// CHECK: moe_kernel.buffer @k saved f32 axes ["expert"] sizes [64]
// CHECK: moe_kernel.buffer @l output bf16 axes ["token", "expert"] sizes [-1, 64] adds
// CHECK: moe_kernel.buffer @m state f32 axes ["expert"] sizes [64] init 0.000000e+00
// CHECK: moe_kernel.buffer @n input i32 axes ["sequence.bound"] sizes [-3]
// CHECK: moe_kernel.buffer @o input f32 axes ["sequence", "expert"] sizes [-2, 64]
// CHECK: moe_kernel.buffer @q coefficient f32 axes ["sequence"] sizes [-2]
// CHECK: moe_kernel.buffer @r coefficient i32 axes ["token", "route.slot"] sizes [-1, 6]
// CHECK: moe_kernel.buffer @s output i16 axes ["token", "route.slot"] sizes [-1, 6]
// CHECK: moe_kernel.buffer @t output i64 axes ["token"] sizes [-1]
// CHECK: moe_kernel.buffer @u output i32 axes ["row"] sizes [-4] per_token 6 extra 0
// CHECK: moe_kernel.buffer @a input f32 axes ["document", "expert"] sizes [-5, 64]
// CHECK: moe_kernel.buffer @b input i32 axes ["document.bound"] sizes [-6]
// CHECK: moe_kernel.buffer @c coefficient f32 axes ["corpus"] sizes [-7]
// CHECK: moe_kernel.buffer @d input i32 axes ["corpus.bound"] sizes [-8]
// CHECK: moe_kernel.buffer @e input f32 axes ["token", "expert"] sizes [-1, 64] layered "layer"
// CHECK: moe_kernel.buffer @f output bf16 axes ["document"] sizes [-5] adds layered "layer"
moe_kernel.program @p piece_offsets @n {
  moe_kernel.buffer @a input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @b input bf16 axes ["token"] sizes [-1]
  moe_kernel.buffer @c input f16 axes ["expert"] sizes [64]
  moe_kernel.buffer @d param f64 axes [] sizes [] init -1.500000e+00
  moe_kernel.buffer @e output i32 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @f loss f32 axes [] sizes []
  moe_kernel.buffer @g metric i1 axes ["device"] sizes [8]
  moe_kernel.buffer @h status i32 axes [] sizes []
  moe_kernel.buffer @i coefficient f32 axes ["expert"] sizes [64]
  moe_kernel.buffer @j saved i32 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @k saved f32 axes ["expert"] sizes [64]
  moe_kernel.buffer @l output bf16 axes ["token", "expert"] sizes [-1, 64] adds
  moe_kernel.buffer @m state f32 axes ["expert"] sizes [64] init 0.000000e+00
  moe_kernel.buffer @n input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @o input f32 axes ["sequence", "expert"] sizes [-2, 64]
  moe_kernel.buffer @q coefficient f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @r coefficient i32 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @s output i16 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @t output i64 axes ["token"] sizes [-1]
  moe_kernel.buffer @u output i32 axes ["row"] sizes [-4] per_token 6 extra 0
}
moe_kernel.program @nested layers 4 piece_length 2 {
  moe_kernel.pieces offsets @b
  moe_kernel.pieces offsets @d
  moe_kernel.buffer @a input f32 axes ["document", "expert"] sizes [-5, 64]
  moe_kernel.buffer @b input i32 axes ["document.bound"] sizes [-6]
  moe_kernel.buffer @c coefficient f32 axes ["corpus"] sizes [-7]
  moe_kernel.buffer @d input i32 axes ["corpus.bound"] sizes [-8]
  moe_kernel.buffer @e input f32 axes ["token", "expert"] sizes [-1, 64] layered "layer"
  moe_kernel.buffer @f output bf16 axes ["document"] sizes [-5] adds layered "layer"
}
