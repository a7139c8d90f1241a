// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.extract. The first and the last element.
// CHECK: moe_kernel.extract %{{.*}}[0] : <64xf32> -> f32
// CHECK: moe_kernel.extract %{{.*}}[63] : <64xf32> -> f32
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %a = moe_kernel.extract %x[0] : !moe_kernel.row<64xf32> -> f32
    %b = moe_kernel.extract %x[63] : !moe_kernel.row<64xf32> -> f32
  } finish {
  }
}
