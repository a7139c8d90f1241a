// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.concat. Of indices, of floats.
// CHECK: moe_kernel.concat %{{.*}}, %{{.*}} : <6xi32>, <6xi32> -> <12xi32>
// CHECK: moe_kernel.concat %{{.*}}, %{{.*}} : <6xf32>, <64xf32> -> <70xf32>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %c = moe_kernel.concat %i, %i : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<12xi32>
    %d = moe_kernel.concat %v, %x : !moe_kernel.row<6xf32>, !moe_kernel.row<64xf32> -> !moe_kernel.row<70xf32>
  } finish {
  }
}
