// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.index refuses.

// a token after all tokens
moe_kernel.program @p {
  moe_kernel.pass rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.index' op stands in the finish region; tokens are in rows}}
    %a = moe_kernel.index token : i32
  }
}

// -----

// a token of a piece
moe_kernel.program @p piece_length 128 {
  moe_kernel.pass rows {
  } pieces {
    // expected-error@+1 {{'moe_kernel.index' op stands in the pieces region; tokens are in rows}}
    %a = moe_kernel.index token_low : i32
  } finish {
  }
}

// -----

// a piece after all pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.pass rows {
  } pieces {
  } finish {
    // expected-error@+1 {{'moe_kernel.index' op asks for 'piece_begin' after all pieces}}
    %a = moe_kernel.index piece_begin : i32
  }
}

// -----

// a piece of a program without pieces
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{'moe_kernel.index' op asks for 'piece' in a program without pieces}}
    %a = moe_kernel.index piece : i32
  } finish {
  }
}

// -----

// the number of pieces of a program without pieces
moe_kernel.program @p {
  moe_kernel.pass rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.index' op asks for 'piece_count' in a program without pieces}}
    %a = moe_kernel.index piece_count : i32
  }
}

// -----

// what there is not
moe_kernel.program @p {
  moe_kernel.pass rows {
    // expected-error@+1 {{custom op 'moe_kernel.index' expected string or keyword containing one of the following enum values for attribute 'what'}}
    %a = moe_kernel.index row : i32
  } finish {
  }
}

// -----

// a piece of the last level
moe_kernel.program @p piece_length 128 {
  moe_kernel.pass over_level 1 rows {
    // expected-error@+1 {{'moe_kernel.index' op asks for 'piece_begin' in a program without pieces of that level}}
    %a = moe_kernel.index piece_begin : i32
  } finish {
  }
}

// -----

// the number of pieces of the last level
moe_kernel.program @p piece_length 128 {
  moe_kernel.pieces length 2
  moe_kernel.pass over_level 2 rows {
  } finish {
    // expected-error@+1 {{'moe_kernel.index' op asks for 'piece_count' in a program without pieces of that level}}
    %a = moe_kernel.index piece_count : i32
  }
}
