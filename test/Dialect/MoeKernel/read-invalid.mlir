// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.read refuses.

// an accumulator that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.read' op names 'z', which is not an accumulator of this program}}
    %a = moe_kernel.read @z : f32
  }
}

// -----

// before all tokens are in
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.read' op reads an accumulator before all tokens are in}}
    %a = moe_kernel.read @P : !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.read' op has type !moe_kernel.row<8xf32>, but 'P' holds !moe_kernel.row<64xf32>}}
    %a = moe_kernel.read @P : !moe_kernel.row<8xf32>
  }
}
