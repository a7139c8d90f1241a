// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.chosen refuses.

// a result that is no mask
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.chosen' op result #0 must be row of i1, but got '!moe_kernel.row<8xf32>'}}
    %m = moe_kernel.chosen %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<8xf32>
  } finish {
  }
}
