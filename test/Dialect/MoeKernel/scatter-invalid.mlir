// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.scatter refuses.

// more elements than positions
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.scatter' op scatters '!moe_kernel.row<64xf32>' to '!moe_kernel.row<6xi32>' into '!moe_kernel.row<64xf32>', expected one index per element and one element type}}
    %y = moe_kernel.scatter %x to %i : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// another element type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.scatter' op scatters '!moe_kernel.row<6xf32>' to '!moe_kernel.row<6xi32>' into '!moe_kernel.row<64xf64>', expected one index per element and one element type}}
    %y = moe_kernel.scatter %v to %i : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf64>
  } finish {
  }
}

// -----

// integers
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.scatter' op operand #0 must be row of floats, but got '!moe_kernel.row<6xi32>'}}
    %y = moe_kernel.scatter %i to %i : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xi32>
  } finish {
  }
}
