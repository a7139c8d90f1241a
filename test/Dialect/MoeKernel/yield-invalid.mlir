// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.yield refuses.

// outside a map
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.yield' op expects parent op 'moe_kernel.map'}}
    moe_kernel.yield %a : f32
  } finish {
  }
}

// -----

// a row
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %y = moe_kernel.map -> !moe_kernel.row<64xf32> {
      // expected-error@+1 {{'moe_kernel.yield' op operand #0 must be variadic of 32-bit float or 64-bit float or 32-bit signless integer or 1-bit signless integer, but got '!moe_kernel.row<64xf32>'}}
      moe_kernel.yield %x : !moe_kernel.row<64xf32>
    }
  } finish {
  }
}
