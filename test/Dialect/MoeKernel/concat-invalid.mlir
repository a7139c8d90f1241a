// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.concat refuses.

// too few elements
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.concat' op puts '!moe_kernel.row<6xi32>' and '!moe_kernel.row<6xi32>' into '!moe_kernel.row<8xi32>'; expected one element type, and as many elements}}
    %c = moe_kernel.concat %i, %i : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<8xi32>
  } finish {
  }
}

// -----

// two element types
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.concat' op puts '!moe_kernel.row<6xi32>' and '!moe_kernel.row<6xf32>' into '!moe_kernel.row<12xi32>'; expected one element type, and as many elements}}
    %c = moe_kernel.concat %i, %v : !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32> -> !moe_kernel.row<12xi32>
  } finish {
  }
}

// -----

// a result of another type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.concat' op puts '!moe_kernel.row<6xi32>' and '!moe_kernel.row<6xi32>' into '!moe_kernel.row<12xf32>'; expected one element type, and as many elements}}
    %c = moe_kernel.concat %i, %i : !moe_kernel.row<6xi32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<12xf32>
  } finish {
  }
}
