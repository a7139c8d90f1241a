// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.count refuses.

// an accumulator that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.count' op names 'z', which is not an accumulator of this program}}
    moe_kernel.count %i, @z : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// sums of floats
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.count' op counts into 'P', which is not a row of i32 sums}}
    moe_kernel.count %i, @P : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// a scalar
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.count' op counts into 'n', which is not a row of i32 sums}}
    moe_kernel.count %i, @n : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// positions that are floats
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.count' op operand #0 must be row of i32, but got '!moe_kernel.row<6xf32>'}}
    moe_kernel.count %v, @n : !moe_kernel.row<6xf32>
  } finish {
  }
}

// -----

// after all tokens
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
  } finish {
    %z = arith.constant 0 : i32
    %i = moe_kernel.map -> !moe_kernel.row<6xi32> {
      moe_kernel.yield %z : i32
    }
    // expected-error@+1 {{'moe_kernel.count' op stands in the finish region; tokens are in rows}}
    moe_kernel.count %i, @n : !moe_kernel.row<6xi32>
  }
}
