// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.program refuses.

// another operation
moe_kernel.program @p {
  // expected-error@+1 {{'arith.constant' op has no place in a program, which holds levels of pieces, buffers, accumulators and passes}}
  %a = arith.constant 1.0 : f32
}

// -----

// a declaration after a pass
moe_kernel.program @p {
  moe_kernel.pass rows {
  } finish {
  }
  // expected-error@+1 {{'moe_kernel.accumulator' op is declared after a pass; declarations come first}}
  moe_kernel.accumulator @P sum f32 sizes []
}

// -----

// a coefficient that no earlier pass stores
moe_kernel.program @p {
  moe_kernel.buffer @m coefficient f32 axes [] sizes []
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.load' op loads coefficient 'm', which no earlier pass stores}}
    %a = moe_kernel.load @m : f32
  } finish {
    %a = arith.constant 1.0 : f32
    moe_kernel.store %a, @m : f32
  }
}

// -----

// two symbols of one name
moe_kernel.program @p {
  // expected-note@+1 {{see existing symbol definition here}}
  moe_kernel.accumulator @P sum f32 sizes []
  // expected-error@+1 {{redefinition of symbol named 'P'}}
  moe_kernel.accumulator @P sum f32 sizes []
}

// -----

// pieces in two ways
// expected-error@+1 {{'moe_kernel.program' op has more than one of length, offsets and count of pieces; one of them says where they are}}
moe_kernel.program @p piece_length 4 piece_offsets @o {
  moe_kernel.buffer @o input i32 axes ["sequence.bound"] sizes [-3]
}

// -----

// pieces of no token
// expected-error@+1 {{'moe_kernel.program' op has pieces of length 0; expected 1 or more}}
moe_kernel.program @p piece_length 0 {}

// -----

// offsets that are not there
// expected-error@+1 {{'moe_kernel.program' op takes the offsets of its pieces from 'o', which is not a buffer of sizes [-3]}}
moe_kernel.program @p piece_offsets @o {}

// -----

// offsets that are another array
// expected-error@+1 {{'moe_kernel.program' op takes the offsets of its pieces from 'o', which is not a buffer of sizes [-3]}}
moe_kernel.program @p piece_offsets @o {
  moe_kernel.buffer @o input i32 axes ["token"] sizes [-1]
}

// -----

// a pieces region without pieces
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.pass' op has a pieces region in a program without pieces}}
  moe_kernel.pass rows {
  } pieces {
  } finish {
  }
}

// -----

// a step with rows
moe_kernel.program @p step_of @q {
  // expected-error@+1 {{'moe_kernel.pass' op has no place in a step, which is one pass with finish only}}
  moe_kernel.pass rows {
    %a = arith.constant 1.0 : f32
  } finish {
  }
}

// -----

// a step with pieces
moe_kernel.program @p step_of @q piece_length 4 {
  // expected-error@+1 {{'moe_kernel.pass' op has no place in a step, which is one pass with finish only}}
  moe_kernel.pass rows {
  } pieces {
  } finish {
  }
}

// -----

// a step of two passes
moe_kernel.program @p step_of @q {
  moe_kernel.pass rows {
  } finish {
  }
  // expected-error@+1 {{'moe_kernel.pass' op has no place in a step, which is one pass with finish only}}
  moe_kernel.pass rows {
  } finish {
  }
}

// -----

// another token's coefficient that no earlier pass stores
moe_kernel.program @p {
  moe_kernel.buffer @m coefficient f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %t = moe_kernel.index token : i32
    // expected-error@+1 {{'moe_kernel.load_at' op loads coefficient 'm', which no earlier pass stores}}
    %a = moe_kernel.load_at @m[%t] : f32
  } finish {
  }
}

// -----

// pieces of a length and in a number
// expected-error@+1 {{'moe_kernel.program' op has more than one of length, offsets and count of pieces; one of them says where they are}}
moe_kernel.program @p piece_length 4 piece_count 2 {}

// -----

// no pieces
// expected-error@+1 {{'moe_kernel.program' op has 0 pieces; expected 1 or more}}
moe_kernel.program @p piece_count 0 {}

// -----

// no layers
// expected-error@+1 {{'moe_kernel.program' op has 0 layers; expected 1 or more}}
moe_kernel.program @p layers 0 {}

// -----

// fewer layers than none
// expected-error@+1 {{'moe_kernel.program' op has -2 layers; expected 1 or more}}
moe_kernel.program @p layers -2 {}

// -----

// a loss before all passes are over
moe_kernel.program @p {
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.pass rows {
  } finish {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op stores 'l' in the finish of a pass before the last one, which makes coefficients, and outputs of this call}}
    moe_kernel.store %a, @l : f32
  }
  moe_kernel.pass rows {
  } finish {
  }
}

// -----

// what is kept for backward before all passes are over
moe_kernel.program @p {
  moe_kernel.buffer @m saved f32 axes [] sizes []
  moe_kernel.pass rows {
  } finish {
    %a = arith.constant 1.0 : f32
    // expected-error@+1 {{'moe_kernel.store' op stores 'm' in the finish of a pass before the last one, which makes coefficients, and outputs of this call}}
    moe_kernel.store %a, @m : f32
  }
  moe_kernel.pass rows {
  } finish {
  }
}

// -----

// a pass over pieces that are not there
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.pass' op runs over level 1 in a program whose levels are 0 to 0}}
  moe_kernel.pass over_level 1 rows {
  } finish {
  }
}

// -----

// a pass over a level that is not there
moe_kernel.program @p piece_length 2 {
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.pass' op runs over level 3 in a program whose levels are 0 to 2}}
  moe_kernel.pass over_level 3 rows {
  } finish {
  }
}

// -----

// a pass over nothing
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.pass' op runs over level -1 in a program whose levels are 0 to 0}}
  moe_kernel.pass over_level -1 rows {
  } finish {
  }
}

// -----

// a pieces region over the last level
moe_kernel.program @p piece_length 2 {
  // expected-error@+1 {{'moe_kernel.pass' op has a pieces region in a program without pieces of that level}}
  moe_kernel.pass over_level 1 rows {
  } pieces {
  } finish {
  }
}
