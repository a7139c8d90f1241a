// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.store refuses.

// a buffer that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.store' op names 'z', which is not a buffer of this program}}
    moe_kernel.store %a, @z : f32
  } finish {
  }
}

// -----

// an input
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    // expected-error@+1 {{'moe_kernel.store' op writes 'x', which has role input}}
    moe_kernel.store %x, @x : !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// a param
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
  } finish {
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.store' op writes 'alpha', which has role param}}
    moe_kernel.store %a, @alpha : f32
  }
}

// -----

// a loss, once per token
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.pass rows {
    %a = moe_kernel.load @alpha : f32
    // expected-error@+1 {{'moe_kernel.store' op writes 'l', which is one array for all tokens, once per token}}
    moe_kernel.store %a, @l : f32
  } finish {
  }
}

// -----

// a row per token after all tokens
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
    // expected-error@+1 {{'moe_kernel.store' op accesses 'y', which has a row per token, after all tokens}}
    moe_kernel.store %a, @y : f32
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
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    // expected-error@+1 {{'moe_kernel.store' op has type !moe_kernel.row<64xf32>, but 'y' holds f32}}
    moe_kernel.store %x, @y : !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// a row per piece in the rows
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @s output f32 axes ["sequence"] sizes [-2]
  moe_kernel.pass rows {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op accesses 's', which has a row per piece, in the rows region}}
    moe_kernel.store %a, @s : f32
  } finish {
  }
}

// -----

// one array in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.pass rows {
  } pieces {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op writes 'l', which is one array for all tokens, once per piece}}
    moe_kernel.store %a, @l : f32
  } finish {
  }
}

// -----

// a state outside of a step
moe_kernel.program @p {
  moe_kernel.buffer @b state f32 axes [] sizes [] init 0.0
  moe_kernel.pass rows {
  } finish {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op writes 'b', which has role state}}
    moe_kernel.store %a, @b : f32
  }
}

// -----

// a dispatch order
moe_kernel.program @p {
  moe_kernel.buffer @o output i32 axes ["row"] sizes [-4] per_token 1 extra 0
  moe_kernel.pass rows {
  } finish {
    %a = arith.constant 1 : i32
    // expected-error@+1 {{'moe_kernel.store' op writes 'o', which moe_kernel.store_at writes element by element}}
    moe_kernel.store %a, @o : i32
  }
}

// -----

// a 64-bit value into an array of i64
moe_kernel.program @p {
  moe_kernel.buffer @o output i64 axes [] sizes []
  moe_kernel.pass rows {
  } finish {
    %a = arith.constant 1 : i64
    // expected-error@+1 {{'moe_kernel.store' op operand #0 must be}}
    moe_kernel.store %a, @o : i64
  }
}

// -----

// a row of a token in a pass over pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @x output f32 axes ["token"] sizes [-1]
  moe_kernel.pass over_level 1 rows {
    %c = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op accesses 'x', which has rows of level 0, in a pass over level 1}}
    moe_kernel.store %c, @x : f32
  } finish {
  }
}

// -----

// a row of a piece of pieces in a pass over tokens
moe_kernel.program @p piece_length 128 {
  moe_kernel.pieces length 2
  moe_kernel.buffer @x output f32 axes ["document"] sizes [-5]
  moe_kernel.pass rows {
  } pieces {
    %c = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op accesses 'x', which has rows of level 2, in a pass over level 0}}
    moe_kernel.store %c, @x : f32
  } finish {
  }
}

// -----

// the offsets of pieces of pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.pieces offsets @x
  moe_kernel.buffer @x input i32 axes ["document.bound"] sizes [-6]
  moe_kernel.pass over_level 1 rows {
    %c = arith.constant 1 : i32
    // expected-error@+1 {{'moe_kernel.store' op writes 'x', which has role input}}
    moe_kernel.store %c, @x : i32
  } finish {
  }
}
