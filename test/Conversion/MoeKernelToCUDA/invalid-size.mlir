// A row that must be staged and does not fit shared memory is refused, with both numbers.
// RUN: not moe-opt %s --emit=cuda 2>&1 | FileCheck %s
// CHECK: error: stages rows of 65536 bytes in shared memory, of which a block has 49152
moe_kernel.program @invalid_size {
  moe_kernel.buffer @x input f64 axes ["token", "expert"] sizes [-1, 8192]
  moe_kernel.buffer @y output f64 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<8192xf64>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<8192xf64> -> !moe_kernel.row<2xi32>, !moe_kernel.row<2xf64>
    moe_kernel.store %v, @y : !moe_kernel.row<2xf64>
  } finish {
  }
}
