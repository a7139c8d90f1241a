// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.gather. Floats and masks.
// CHECK: moe_kernel.gather %{{.*}}[%{{.*}}] : <64xf32>, <6xi32> -> <6xf32>
// CHECK: moe_kernel.gather %{{.*}}[%{{.*}}] : <64xi1>, <6xi32> -> <6xi1>
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %m = moe_kernel.chosen %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<64xi1>
    %w = moe_kernel.gather %x[%i] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xf32>
    %n = moe_kernel.gather %m[%i] : !moe_kernel.row<64xi1>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xi1>
  } finish {
  }
}
