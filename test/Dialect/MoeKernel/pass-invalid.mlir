// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.pass refuses.

// a tensor
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'arith.constant' op makes a value of type 'tensor<f32>'; the values of a pass are rows and scalars}}
    %a = arith.constant dense<1.0> : tensor<f32>
  } finish {
  }
}

// -----

// an operation with a region
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'builtin.module' op has a region; in a pass only moe_kernel.map has one}}
    builtin.module {}
  } finish {
  }
}

// -----

// outside a program
// expected-error@+1 {{'moe_kernel.pass' op expects parent op 'moe_kernel.program'}}
moe_kernel.pass rows {
} finish {
}

// -----

// a value of the rows in the finish region
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %a = moe_kernel.load @alpha : f32
  } finish {
    // expected-error@+1 {{use of undeclared SSA value name}}
    %b = arith.negf %a : f32
  }
}
