// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.pass. Empty regions; a later pass says why it is there, and reads what an earlier one stored.
// CHECK: moe_kernel.pass rows {
// CHECK: moe_kernel.pass because "'y' needs 'm' for each token" rows {
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
