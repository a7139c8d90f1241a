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

// -----

// the number of tokens in a pass over pieces
moe_kernel.program @p piece_length 4 {
  moe_kernel.pass over_level 1 rows {
    // expected-error@+1 {{'moe_kernel.size' op is about tokens, in a pass over level 1}}
    %n = moe_kernel.size : i32
  } finish {
  }
}

// -----

// a random number of a piece
moe_kernel.program @p piece_length 4 {
  moe_kernel.pass over_level 1 rows {
    // expected-error@+1 {{'moe_kernel.index' op is about tokens, in a pass over level 1}}
    %n = moe_kernel.index token_low : i32
  } finish {
  }
}

// -----

// places in the queue of pieces
moe_kernel.program @p piece_length 4 {
  moe_kernel.buffer @i input i32 axes ["sequence", "slot"] sizes [-2, 2]
  moe_kernel.accumulator @q sum i32 sizes [4] ranked
  moe_kernel.pass over_level 1 rows {
    %i = moe_kernel.load @i : !moe_kernel.row<2xi32>
    // expected-error@+1 {{'moe_kernel.rank' op is about tokens, in a pass over level 1}}
    %r = moe_kernel.rank %i, @q : !moe_kernel.row<2xi32>
  } finish {
  }
}

// -----

// another piece
moe_kernel.program @p piece_length 4 {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.pass over_level 1 rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op accesses 'x', which has rows of level 0, in a pass over level 1}}
    %r = moe_kernel.load_at @x[%t] : f32
  } finish {
  }
}
