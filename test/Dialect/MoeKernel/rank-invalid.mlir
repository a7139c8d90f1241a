// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.rank refuses.

// an accumulator that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.rank' op names 'queue', which is not a ranked accumulator of this program}}
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// an accumulator that is not ranked
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.accumulator @queue sum i32 sizes [64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.rank' op names 'queue', which is not a ranked accumulator of this program}}
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// after all tokens
moe_kernel.program @p {
  moe_kernel.accumulator @queue sum i32 sizes [64] ranked
  moe_kernel.pass rows {
  } finish {
    %z = arith.constant 0 : i32
    %i = moe_kernel.map -> !moe_kernel.row<6xi32> {
      moe_kernel.yield %z : i32
    }
    // expected-error@+1 {{'moe_kernel.rank' op stands in the finish region; tokens are in rows}}
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
  }
}

// -----

// in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.accumulator @queue sum i32 sizes [64] ranked
  moe_kernel.pass rows {
  } pieces {
    %z = arith.constant 0 : i32
    %i = moe_kernel.map -> !moe_kernel.row<6xi32> {
      moe_kernel.yield %z : i32
    }
    // expected-error@+1 {{'moe_kernel.rank' op stands in the pieces region; tokens are in rows}}
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// floats
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.accumulator @queue sum i32 sizes [64] ranked
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.rank' op operand #0 must be row of i32}}
    %r = moe_kernel.rank %v, @queue : !moe_kernel.row<6xf32>
  } finish {
  }
}
