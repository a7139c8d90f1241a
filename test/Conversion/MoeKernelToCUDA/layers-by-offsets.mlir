// Offsets are those of the tokens of one layer, and kernels walk the rows of all: said, not compiled.
// RUN: not moe-opt %s --emit=cuda 2>&1 | FileCheck %s
// CHECK: layers-by-offsets.mlir:[[#@LINE+1]]:1: error: has layers, and tokens in pieces by offsets ('cu'), which CUDA kernels have not; divide the tokens by a length
moe_kernel.program @packed layers 2 piece_offsets @cu {
  moe_kernel.buffer @cu input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 8] layered "layer"
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 8] layered "layer"
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<8xf32>
    moe_kernel.store %x, @y : !moe_kernel.row<8xf32>
  } finish {
  }
}
