// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.position refuses.

// outside a map
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.position' op expects parent op 'moe_kernel.map'}}
    %a = moe_kernel.position : i32
  } finish {
  }
}
