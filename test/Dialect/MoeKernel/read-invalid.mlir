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

// -----

// an accumulator of each piece after all of them
moe_kernel.program @p piece_length 128 {
  moe_kernel.accumulator @c sum f32 sizes [] per_piece
  moe_kernel.pass rows {
  } pieces {
  } finish {
    // expected-error@+1 {{'moe_kernel.read' op reads 'c' in the finish region; there is one per piece}}
    %a = moe_kernel.read @c : f32
  }
}

// -----

// an accumulator of all tokens in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.accumulator @c sum f32 sizes []
  moe_kernel.pass rows {
  } pieces {
    // expected-error@+1 {{'moe_kernel.read' op reads 'c' in the pieces region; there is one for all tokens}}
    %a = moe_kernel.read @c : f32
  } finish {
  }
}
