// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.expand. From equal blocks and from mapped groups.
// CHECK: moe_kernel.expand %{{.*}} : <8xf32> -> <64xf32>
// CHECK: moe_kernel.expand %{{.*}} groups [0, 0, 1, 2, 2, 2] : <3xf32> -> <6xf32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %d = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    %s = moe_kernel.slice %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<3xf32>
    %a = moe_kernel.expand %d : !moe_kernel.row<8xf32> -> !moe_kernel.row<64xf32>
    %b = moe_kernel.expand %s groups [0, 0, 1, 2, 2, 2] : !moe_kernel.row<3xf32> -> !moe_kernel.row<6xf32>
  } finish {
  }
}
