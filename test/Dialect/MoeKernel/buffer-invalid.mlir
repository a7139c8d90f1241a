// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.buffer refuses.

// elements of another type
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op holds elements of type 'i64', expected f32, f64, bf16, f16, i32 or i1, in outputs also i16 or i64}}
  moe_kernel.buffer @a input i64 axes [] sizes []
}

// -----

// more axes than sizes
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op names 2 axes, but has 1 sizes}}
  moe_kernel.buffer @a input f32 axes ["token", "expert"] sizes [-1]
}

// -----

// size 0
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size 0 on axis 1; sizes are 1 to 1048576, and negative only for the outermost axis}}
  moe_kernel.buffer @a input f32 axes ["token", "expert"] sizes [-1, 0]
}

// -----

// a negative size
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size -15 on axis 0; sizes are 1 to 1048576, and negative only for the outermost axis}}
  moe_kernel.buffer @a input f32 axes ["token"] sizes [-15]
}

// -----

// a size beyond any row
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size 1048577 on axis 0; sizes are 1 to 1048576, and negative only for the outermost axis}}
  moe_kernel.buffer @a input f32 axes ["expert"] sizes [1048577]
}

// -----

// the tokens inside
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size -1 on axis 1; sizes are 1 to 1048576, and negative only for the outermost axis}}
  moe_kernel.buffer @a input f32 axes ["expert", "token"] sizes [64, -1]
}

// -----

// two axes after the tokens
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has rank 3; after the axis of the tokens or pieces, a buffer has one axis at most}}
  moe_kernel.buffer @a input f32 axes ["token", "device", "expert"] sizes [-1, 8, 64]
}

// -----

// two axes without tokens
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has rank 2; after the axis of the tokens or pieces, a buffer has one axis at most}}
  moe_kernel.buffer @a input f32 axes ["device", "expert"] sizes [8, 64]
}

// -----

// a loss for each token
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a loss with a row per token or piece; only inputs, outputs, saved arrays and coefficients have that}}
  moe_kernel.buffer @a loss f32 axes ["token"] sizes [-1]
}

// -----

// a param with axes
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a param with axes; a param is one value}}
  moe_kernel.buffer @a param f32 axes ["expert"] sizes [64] init 1.0
}

// -----

// a param without default
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a param without default: write `init`}}
  moe_kernel.buffer @a param f32 axes [] sizes []
}

// -----

// a default of what is no param
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has a default, but is not a param or state}}
  moe_kernel.buffer @a input f32 axes [] sizes [] init 1.0
}

// -----

// a role that is not there
moe_kernel.program @p {
  // expected-error@+1 {{custom op 'moe_kernel.buffer' expected string or keyword containing one of the following enum values for attribute 'role' [input, param, output, loss, metric, status, coefficient, saved, state]}}
  moe_kernel.buffer @a scratch f32 axes [] sizes []
}

// -----

// outside a program
// expected-error@+1 {{'moe_kernel.buffer' op expects parent op 'moe_kernel.program'}}
moe_kernel.buffer @a input f32 axes [] sizes []

// -----

// an input that is added to
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op adds to what stands in it, which only an output of floats can}}
  moe_kernel.buffer @a input f32 axes ["expert"] sizes [64] adds
}

// -----

// indices that are added to
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op adds to what stands in it, which only an output of floats can}}
  moe_kernel.buffer @a output i32 axes ["expert"] sizes [64] adds
}

// -----

// i64 elsewhere than in an output
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op holds elements of type 'i64', expected f32, f64, bf16, f16, i32 or i1, in outputs also i16 or i64}}
  moe_kernel.buffer @a saved i64 axes ["token"] sizes [-1]
}

// -----

// pieces that are not outermost
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size -2 on axis 1; sizes are 1 to 1048576, and negative only for the outermost axis}}
  moe_kernel.buffer @a input f32 axes ["token", "sequence"] sizes [-1, -2]
}

// -----

// a metric of each piece
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a metric with a row per token or piece; only inputs, outputs, saved arrays and coefficients have that}}
  moe_kernel.buffer @a metric f32 axes ["sequence"] sizes [-2]
}

// -----

// a state of each token
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a state with a row per token or piece; only inputs, outputs, saved arrays and coefficients have that}}
  moe_kernel.buffer @a state f32 axes ["token"] sizes [-1] init 0.0
}

// -----

// a state without default
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is a state without default: write `init`}}
  moe_kernel.buffer @a state f32 axes ["expert"] sizes [64]
}

// -----

// offsets that are an output
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has one more element than there are pieces, as only an input of i32 offsets has}}
  moe_kernel.buffer @o output i32 axes ["b"] sizes [-3]
}

// -----

// offsets of floats
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has one more element than there are pieces, as only an input of i32 offsets has}}
  moe_kernel.buffer @o input f32 axes ["b"] sizes [-3]
}

// -----

// rows of offsets
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has rank 2; after the axis of the tokens or pieces, a buffer has one axis at most}}
  moe_kernel.buffer @o input i32 axes ["b", "expert"] sizes [-3, 64]
}

// -----

// a dispatch order that is an input
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size -4, as only an output of i32 has}}
  moe_kernel.buffer @o input i32 axes ["row"] sizes [-4] per_token 2 extra 0
}

// -----

// a dispatch order of an unknown number of elements
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has size -4, but does not say how many elements that are: write `per_token` and `extra`}}
  moe_kernel.buffer @o output i32 axes ["row"] sizes [-4] per_token 2
}

// -----

// elements per token of an ordinary array
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has `per_token` or `extra` elements, but not size -4}}
  moe_kernel.buffer @o output i32 axes ["token"] sizes [-1] extra 3
}

// -----

// a dispatch order without elements
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op holds 0 elements per token and 3 more}}
  moe_kernel.buffer @o output i32 axes ["row"] sizes [-4] per_token 0 extra 3
}

// -----

// a dispatch order of less than that
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op holds 2 elements per token and -1 more}}
  moe_kernel.buffer @o output i32 axes ["row"] sizes [-4] per_token 2 extra -1
}

// -----

// rows of pieces in a program without
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op has a row per piece of level 1 in a program with 0}}
  moe_kernel.buffer @a input f32 axes ["sequence"] sizes [-2]
}

// -----

// rows of a level that is not there
moe_kernel.program @p piece_length 4 {
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.buffer' op has a row per piece of level 3 in a program with 2}}
  moe_kernel.buffer @a input f32 axes ["document", "expert"] sizes [-7, 4]
}

// -----

// a metric of each piece of pieces
moe_kernel.program @p piece_length 4 {
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.buffer' op is a metric with a row per token or piece; only inputs, outputs, saved arrays and coefficients have that}}
  moe_kernel.buffer @a metric f32 axes ["document"] sizes [-5]
}

// -----

// offsets of pieces of pieces that are an output
moe_kernel.program @p piece_length 4 {
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.buffer' op has one more element than there are pieces, as only an input of i32 offsets has}}
  moe_kernel.buffer @o output i32 axes ["b"] sizes [-6]
}

// -----

// rows of offsets of pieces of pieces
moe_kernel.program @p piece_length 4 {
  moe_kernel.pieces length 2
  // expected-error@+1 {{'moe_kernel.buffer' op has rank 2; after the axis of the tokens or pieces, a buffer has one axis at most}}
  moe_kernel.buffer @o input i32 axes ["b", "expert"] sizes [-6, 4]
}

// -----

// layers of a program without
moe_kernel.program @p {
  // expected-error@+1 {{'moe_kernel.buffer' op is layered in a program without layers}}
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1] layered "layer"
}

// -----

// layers of what has no tokens
moe_kernel.program @p layers 2 {
  // expected-error@+1 {{'moe_kernel.buffer' op is layered, as only inputs and outputs with a row per token or piece can be}}
  moe_kernel.buffer @x input f32 axes ["expert"] sizes [4] layered "layer"
}

// -----

// layers of a coefficient
moe_kernel.program @p layers 2 {
  // expected-error@+1 {{'moe_kernel.buffer' op is layered, as only inputs and outputs with a row per token or piece can be}}
  moe_kernel.buffer @x coefficient f32 axes ["token"] sizes [-1] layered "layer"
}

// -----

// layers of offsets
moe_kernel.program @p layers 2 piece_offsets @o {
  // expected-error@+1 {{'moe_kernel.buffer' op is layered, as only inputs and outputs with a row per token or piece can be}}
  moe_kernel.buffer @o input i32 axes ["b"] sizes [-3] layered "layer"
}

// -----

// layers of a dispatch order
moe_kernel.program @p layers 2 {
  // expected-error@+1 {{'moe_kernel.buffer' op is layered, as only inputs and outputs with a row per token or piece can be}}
  moe_kernel.buffer @o output i32 axes ["row"] sizes [-4] per_token 2 extra 0 layered "layer"
}
