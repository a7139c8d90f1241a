// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.pass. Empty regions; a later pass says why it is there, and reads what an earlier one stored. Pieces read what
// is collected for each of them, and store and accumulate what they make of it.
// CHECK: moe_kernel.pass rows {
// CHECK: moe_kernel.pass because "'y' needs 'm' for each token" rows {
// CHECK: moe_kernel.pass rows {
// CHECK: } pieces {
// CHECK: moe_kernel.read @n : f32
// CHECK: } finish {
moe_kernel.program @p {
  moe_kernel.buffer @m coefficient f32 axes [] sizes []
  moe_kernel.accumulator @sum sum f32 sizes []
  moe_kernel.pass rows {
  } finish {
    %m = moe_kernel.read @sum : f32
    moe_kernel.store %m, @m : f32
  }
  moe_kernel.pass because "'y' needs 'm' for each token" rows {
    %m = moe_kernel.load @m : f32
  } finish {
  }
}

moe_kernel.program @pieces piece_length 128 {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @w input f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @y output f32 axes ["sequence"] sizes [-2]
  moe_kernel.accumulator @n sum f32 sizes [] per_piece
  moe_kernel.accumulator @all max f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    %w = moe_kernel.load @w : f32
    %v = arith.mulf %x, %w : f32
    moe_kernel.accumulate %v, @n : f32
  } pieces {
    %n = moe_kernel.read @n : f32
    %w = moe_kernel.load @w : f32
    %v = arith.mulf %n, %w : f32
    moe_kernel.store %v, @y : f32
    moe_kernel.accumulate %v, @all : f32
  } finish {
  }
}
