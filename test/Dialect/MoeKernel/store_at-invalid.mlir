// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.store_at refuses.

// an array that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.store_at' op names 'order', which is not an output of sizes [-4] of this program}}
    moe_kernel.store_at %i, %i, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// an array with a row per token
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @order output i32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.store_at' op names 'order', which is not an output of sizes [-4] of this program}}
    moe_kernel.store_at %i, %i, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// more values than positions
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 6 extra 0
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %s = moe_kernel.slice %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<2xi32>
    // expected-error@+1 {{'moe_kernel.store_at' op writes '!moe_kernel.row<6xi32>' at '!moe_kernel.row<2xi32>'; expected one position per value}}
    moe_kernel.store_at %i, %s, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<2xi32>
  } finish {
  }
}

// -----

// in the pieces
moe_kernel.program @p piece_length 128 {
  moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 6 extra 0
  moe_kernel.pass rows {
  } pieces {
    %z = arith.constant 0 : i32
    %i = moe_kernel.map -> !moe_kernel.row<6xi32> {
      moe_kernel.yield %z : i32
    }
    // expected-error@+1 {{'moe_kernel.store_at' op stands in the pieces region}}
    moe_kernel.store_at %i, %i, @order : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32>
  } finish {
  }
}
