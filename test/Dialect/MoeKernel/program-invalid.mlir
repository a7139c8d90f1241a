// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.program refuses.

// another operation
moe_kernel.program @p {
  // expected-error@+1 {{'arith.constant' op has no place in a program, which holds buffers, accumulators and passes}}
  %a = arith.constant 1.0 : f32
}

// -----

// a declaration after a pass
moe_kernel.program @p {
  moe_kernel.pass rows {
  } finish {
  }
  // expected-error@+1 {{'moe_kernel.accumulator' op is declared after a pass; declarations come first}}
  moe_kernel.accumulator @P sum f32 sizes []
}

// -----

// a coefficient that no earlier pass stores
moe_kernel.program @p {
  moe_kernel.buffer @m coefficient f32 axes [] sizes []
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op loads coefficient 'm', which no earlier pass stores}}
    %a = moe_kernel.load @m : f32
  } finish {
    %a = arith.constant 1.0 : f32
    moe_kernel.store %a, @m : f32
  }
}

// -----

// two symbols of one name
moe_kernel.program @p {
  // expected-note@+1 {{see existing symbol definition here}}
  moe_kernel.accumulator @P sum f32 sizes []
  // expected-error@+1 {{redefinition of symbol named 'P'}}
  moe_kernel.accumulator @P sum f32 sizes []
}
