// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.accumulator refuses.

// elements of another type
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op collects elements of type 'bf16', expected f32, f64 or i32}}
  moe_kernel.accumulator @a sum bf16 sizes []
}

// -----

// two axes
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op has sizes other than [] or one from 1 to 1048576}}
  moe_kernel.accumulator @a sum f32 sizes [8, 8]
}

// -----

// size 0
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op has sizes other than [] or one from 1 to 1048576}}
  moe_kernel.accumulator @a sum f32 sizes [0]
}

// -----

// a size beyond any row
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op has sizes other than [] or one from 1 to 1048576}}
  moe_kernel.accumulator @a sum f32 sizes [9223372036854775807]
}

// -----

// maxnum of integers
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op combines i32 by maxnum, which is for floats: use max}}
  moe_kernel.accumulator @a maxnum i32 sizes []
}

// -----

// ranked floats
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op is ranked, but not a row of i32 sums}}
  moe_kernel.accumulator @a sum f32 sizes [64] ranked
}

// -----

// ranked maxima
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op is ranked, but not a row of i32 sums}}
  moe_kernel.accumulator @a max i32 sizes [64] ranked
}

// -----

// a ranked scalar
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.accumulator' op is ranked, but not a row of i32 sums}}
  moe_kernel.accumulator @a sum i32 sizes [] ranked
}
