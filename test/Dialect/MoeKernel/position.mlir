// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.position. The index of the element.
// CHECK: moe_kernel.position : i32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %a = moe_kernel.load @alpha : f32
    %y, %z = moe_kernel.map (%x : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32>, !moe_kernel.row<64xi1> {
    ^bb0(%e: f32):
      %n = moe_kernel.position : i32
      %f = arith.sitofp %n : i32 to f32
      %s = arith.mulf %e, %a : f32
      %t = math.fma %s, %f, %e : f32
      %c = arith.cmpf ogt, %t, %a : f32
      moe_kernel.yield %t, %c : f32, i1
    }
    %u = moe_kernel.map -> !moe_kernel.row<64xf32> {
      moe_kernel.yield %a : f32
    }
  } finish {
  }
}
