// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.pass. Empty regions; a later pass says why it is there, and reads what an earlier one stored. Pieces read what
// is collected for each of them, and store and accumulate what they make of it. A pass over pieces has theirs as rows, and
// pieces of these as pieces.
// CHECK: moe_kernel.pass rows {
// CHECK: moe_kernel.pass because "'y' needs 'm' for each token" rows {
// CHECK: moe_kernel.pass rows {
// CHECK: } pieces {
// CHECK: moe_kernel.read @n : f32
// CHECK: } finish {
// CHECK: moe_kernel.pass because "the pieces of 'm' are complete after all tokens" over_level 1 rows {
// CHECK: } pieces {
// CHECK: moe_kernel.pass over_level 2 rows {
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

moe_kernel.program @documents piece_length 128 {
  moe_kernel.pieces count 4
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @s coefficient f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @d coefficient f32 axes ["document"] sizes [-5]
  moe_kernel.buffer @y output f32 axes ["document"] sizes [-5]
  moe_kernel.accumulator @n sum f32 sizes [] per_piece
  moe_kernel.accumulator @m max f32 sizes [] per_piece
  moe_kernel.accumulator @all sum f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @n : f32
  } pieces {
    %n = moe_kernel.read @n : f32
    moe_kernel.store %n, @s : f32
  } finish {
  }
  moe_kernel.pass because "the pieces of 'm' are complete after all tokens" over_level 1 rows {
    %s = moe_kernel.load @s : f32
    %t = moe_kernel.index token : i32
    %p = moe_kernel.index piece_size : i32
    moe_kernel.accumulate %s, @m : f32
  } pieces {
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @d : f32
  } finish {
  }
  moe_kernel.pass over_level 2 rows {
    %d = moe_kernel.load @d : f32
    moe_kernel.store %d, @y : f32
    moe_kernel.accumulate %d, @all : f32
  } finish {
    %n = moe_kernel.size : i32
  }
}
