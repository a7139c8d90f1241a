// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.pieces refuses.

// pieces of what has no pieces
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.pieces' op divides pieces in a program without pieces}}
  moe_kernel.pieces length 4
}

// -----

// pieces in no way
moe_kernel.program @p piece_length 4 {
  // expected-error@+1 {{'moe_kernel.pieces' op has neither length, offsets nor count}}
  moe_kernel.pieces
}

// -----

// pieces in two ways
moe_kernel.program @p piece_length 4 {
  // expected-error@+1 {{'moe_kernel.pieces' op has more than one of length, offsets and count of pieces; one of them says where they are}}
  moe_kernel.pieces length 4 count 2
}

// -----

// pieces of no pieces
moe_kernel.program @p piece_length 4 {
  // expected-error@+1 {{'moe_kernel.pieces' op has pieces of length 0; expected 1 or more}}
  moe_kernel.pieces length 0
}

// -----

// no pieces
moe_kernel.program @p piece_length 4 {
  // expected-error@+1 {{'moe_kernel.pieces' op has 0 pieces; expected 1 or more}}
  moe_kernel.pieces count 0
}

// -----

// offsets of the level below
moe_kernel.program @p piece_offsets @o {
  // expected-error@+1 {{'moe_kernel.pieces' op takes the offsets of its pieces from 'o', which is not a buffer of sizes [-6]}}
  moe_kernel.pieces offsets @o
  moe_kernel.buffer @o input i32 axes ["sequence.bound"] sizes [-3]
}

// -----

// offsets that are not there
moe_kernel.program @p piece_length 4 {
  moe_kernel.pieces count 2
  // expected-error@+1 {{'moe_kernel.pieces' op takes the offsets of its pieces from 'o', which is not a buffer of sizes [-8]}}
  moe_kernel.pieces offsets @o
}

// -----

// one level too many
moe_kernel.program @p piece_length 2 {
  moe_kernel.pieces length 2
  moe_kernel.pieces length 2
  moe_kernel.pieces length 2
  moe_kernel.pieces length 2
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.pieces' op is level 7 of pieces; 6 is the most}}
  moe_kernel.pieces length 2
}

// -----

// after a pass
moe_kernel.program @p piece_length 2 {
  moe_kernel.pass rows {
  } finish {
  }
  // expected-error@+1 {{'moe_kernel.pieces' op is declared after a pass; declarations come first}}
  moe_kernel.pieces length 2
}

// -----

// outside a program
// expected-error@+1 {{'moe_kernel.pieces' op expects parent op 'moe_kernel.program'}}
moe_kernel.pieces length 2
