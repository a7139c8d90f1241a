// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.size refuses.

// another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.size' op result #0 must be 32-bit signless integer, but got 'i64'}}
    %a = moe_kernel.size : i64
  } finish {
  }
}

// -----

// inside a map
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %a = moe_kernel.map -> !moe_kernel.row<8xi32> {
      // expected-error@+1 {{'moe_kernel.size' op expects parent op 'moe_kernel.pass'}}
      %b = moe_kernel.size : i32
      moe_kernel.yield %b : i32
    }
  } finish {
  }
}
