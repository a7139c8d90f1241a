// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.pieces. In each of the three ways; as many levels as there may be.
// CHECK: moe_kernel.pieces length 8
// CHECK: moe_kernel.pieces offsets @o
// CHECK: moe_kernel.pieces count 4
// CHECK: moe_kernel.pieces length 1
// CHECK: moe_kernel.pieces count 1
// CHECK: moe_kernel.pass over_level 6 rows {
moe_kernel.program @p piece_length 64 {
  moe_kernel.pieces length 8
  moe_kernel.pieces offsets @o
  moe_kernel.pieces count 4
  moe_kernel.pieces length 1
  moe_kernel.pieces count 1
  moe_kernel.buffer @o input i32 axes ["document.bound"] sizes [-8]
  moe_kernel.buffer @x input f32 axes ["all"] sizes [-13]
  moe_kernel.accumulator @s sum f32 sizes []
  moe_kernel.pass over_level 6 rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @s : f32
  } finish {
  }
}
