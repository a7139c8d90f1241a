// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.load_at refuses.

// a buffer that is not there
moe_kernel.program @p {
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op names 'z', which is not a buffer of this program}}
    %a = moe_kernel.load_at @z[%t] : f32
  } finish {
  }
}

// -----

// an array without tokens
moe_kernel.program @p {
  moe_kernel.buffer @e input f32 axes ["expert"] sizes [64]
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op takes a row of 'e', which has no row per token}}
    %a = moe_kernel.load_at @e[%t] : f32
  } finish {
  }
}

// -----

// in the finish
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
  } finish {
    %t = arith.constant 0 : i32
    // expected-error@+1 {{'moe_kernel.load_at' op stands in the finish region; tokens are in rows}}
    %a = moe_kernel.load_at @x[%t] : !moe_kernel.row<64xf32>
  }
}

// -----

// an output
moe_kernel.program @p {
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op reads 'y', which has role output}}
    %a = moe_kernel.load_at @y[%t] : f32
  } finish {
  }
}

// -----

// another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op has type f32, but 'x' holds !moe_kernel.row<64xf32>}}
    %a = moe_kernel.load_at @x[%t] : f32
  } finish {
  }
}
