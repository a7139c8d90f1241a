// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.accumulate refuses.

// an accumulator that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op names 'z', which is not an accumulator of this program}}
    moe_kernel.accumulate %a, @z : f32
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
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op accumulates after all tokens}}
    moe_kernel.accumulate %a, @P : f32
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
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op has type f32, but 'P' holds !moe_kernel.row<64xf32>}}
    moe_kernel.accumulate %a, @P : f32
  } finish {
  }
}

// -----

// what is complete in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.accumulator @c sum f32 sizes [] per_piece
  moe_kernel.pass rows {
  } pieces {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op accumulates into 'c', which is complete in the pieces region}}
    moe_kernel.accumulate %a, @c : f32
  } finish {
  }
}

// -----

// one per piece where there are none
moe_kernel.program @p {
  moe_kernel.accumulator @c sum f32 sizes [] per_piece
  moe_kernel.pass rows {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op accumulates into 'c', of which there is one per piece, in a pass without pieces}}
    moe_kernel.accumulate %a, @c : f32
  } finish {
  }
}

// -----

// one per piece in a pass over the last level
moe_kernel.program @p piece_length 128 {
  moe_kernel.accumulator @c sum f32 sizes [] per_piece
  moe_kernel.pass over_level 1 rows {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.accumulate' op accumulates into 'c', of which there is one per piece, in a pass without pieces}}
    moe_kernel.accumulate %a, @c : f32
  } finish {
  }
}
