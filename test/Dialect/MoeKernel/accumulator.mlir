// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.accumulator. Each way to combine; a scalar and a row.
// CHECK: moe_kernel.accumulator @a sum f32 sizes [64]
// CHECK: moe_kernel.accumulator @b max f64 sizes []
// CHECK: moe_kernel.accumulator @c min i32 sizes [1]
// CHECK: moe_kernel.accumulator @d maxnum f32 sizes []
// CHECK: moe_kernel.accumulator @pieces sum f32 sizes [64] per_piece
// CHECK: moe_kernel.accumulator @queue sum i32 sizes [64] ranked
// CHECK: moe_kernel.accumulator @queues sum i32 sizes [64] per_piece ranked
moe_kernel.program @p {
  moe_kernel.accumulator @a sum f32 sizes [64]
  moe_kernel.accumulator @b max f64 sizes []
  moe_kernel.accumulator @c min i32 sizes [1]
  moe_kernel.accumulator @d maxnum f32 sizes []
  moe_kernel.accumulator @pieces sum f32 sizes [64] per_piece
  moe_kernel.accumulator @queue sum i32 sizes [64] ranked
  moe_kernel.accumulator @queues sum i32 sizes [64] per_piece ranked
}
