// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.load refuses.

// a buffer that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op names 'z', which is not a buffer of this program}}
    %a = moe_kernel.load @z : f32
  } finish {
  }
}

// -----

// an accumulator
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op names 'P', which is not a buffer of this program}}
    %a = moe_kernel.load @P : f32
  } finish {
  }
}

// -----

// a row per token after all tokens
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.load' op accesses 'x', which has a row per token, after all tokens}}
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
  }
}

// -----

// an output
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op reads 'y', which has role output}}
    %a = moe_kernel.load @y : f32
  } finish {
  }
}

// -----

// another size
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op has type !moe_kernel.row<8xf32>, but 'x' holds !moe_kernel.row<64xf32>}}
    %a = moe_kernel.load @x : !moe_kernel.row<8xf32>
  } finish {
  }
}

// -----

// another element type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op has type i32, but 'alpha' holds f32}}
    %a = moe_kernel.load @alpha : i32
  } finish {
  }
}

// -----

// a buffer that is not legal itself
moe_kernel.program @p {
  moe_kernel.pass rows {
    %a = moe_kernel.load @z : f32
  } finish {
  }
  // expected-error@+1 {{'moe_kernel.buffer' op holds elements of type 'i64', expected f32, f64, bf16, f16, i32 or i1, in outputs also i16 or i64}}
  moe_kernel.buffer @z input i64 axes ["a", "b"] sizes [-1, -1]
}

// -----

// outside a pass
// expected-error@+1 {{'moe_kernel.load' op expects parent op 'moe_kernel.pass'}}
%a = moe_kernel.load @x : f32

// -----

// the offsets of the pieces
moe_kernel.program @p piece_offsets @o {
  moe_kernel.buffer @o input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op accesses the offsets of the pieces 'o'; moe_kernel.index says where a piece is}}
    %a = moe_kernel.load @o : i32
  } finish {
  }
}

// -----

// a row per piece after all pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @s input f32 axes ["sequence"] sizes [-2]
  moe_kernel.pass rows {
  } pieces {
  } finish {
    // expected-error@+1 {{'moe_kernel.load' op accesses 's', which has a row per piece, in the finish region}}
    %a = moe_kernel.load @s : f32
  }
}

// -----

// a row per token in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
  } pieces {
    // expected-error@+1 {{'moe_kernel.load' op accesses 'x', which has a row per token, after all tokens}}
    %a = moe_kernel.load @x : !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// a row of a token in a pass over pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.pass over_level 1 rows {
    // expected-error@+1 {{'moe_kernel.load' op accesses 'x', which has rows of level 0, in a pass over level 1}}
    %a = moe_kernel.load @x : f32
  } finish {
  }
}

// -----

// a row of a piece of pieces in a pass over tokens
moe_kernel.program @p piece_length 128 {
  moe_kernel.pieces length 2
  moe_kernel.buffer @x input f32 axes ["document"] sizes [-5]
  moe_kernel.pass rows {
  } pieces {
    // expected-error@+1 {{'moe_kernel.load' op accesses 'x', which has rows of level 2, in a pass over level 0}}
    %a = moe_kernel.load @x : f32
  } finish {
  }
}

// -----

// the offsets of pieces of pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.pieces offsets @x
  moe_kernel.buffer @x input i32 axes ["document.bound"] sizes [-6]
  moe_kernel.pass over_level 1 rows {
    // expected-error@+1 {{'moe_kernel.load' op accesses the offsets of the pieces 'x'; moe_kernel.index says where a piece is}}
    %a = moe_kernel.load @x : i32
  } finish {
  }
}
