// What has no CUDA form is said at its place.
// RUN: not moe-opt %s --emit=cuda 2>&1 | FileCheck %s
// CHECK: invalid.mlir:[[#@LINE+9]]:12: error: 'math.cttz' has no CUDA form in a row; use the operations of moe_kernel, and scalar arith and math
moe_kernel.program @invalid {
  moe_kernel.buffer @n input i32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @y output i32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.pass rows {
    %x = moe_kernel.load @n : !moe_kernel.row<8xi32>
    %y = moe_kernel.map (%x : !moe_kernel.row<8xi32>) -> !moe_kernel.row<8xi32> {
    ^bb0(%a: i32):

      %0 = math.cttz %a : i32
      moe_kernel.yield %0 : i32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<8xi32>
  } finish {
  }
}
