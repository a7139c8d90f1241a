// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.topk refuses.

// k > n
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.topk' op picks 7 positions and 7 values of 6}}
    %j, %w = moe_kernel.topk %v : !moe_kernel.row<6xf32> -> !moe_kernel.row<7xi32>, !moe_kernel.row<7xf32>
  } finish {
  }
}

// -----

// more positions than values
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    // expected-error@+1 {{'moe_kernel.topk' op picks 7 positions and 6 values of 64}}
    %j, %w = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<7xi32>, !moe_kernel.row<6xf32>
  } finish {
  }
}

// -----

// another element type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    // expected-error@+1 {{'moe_kernel.topk' op changes the element type from '!moe_kernel.row<64xf32>' to '!moe_kernel.row<6xf64>'}}
    %j, %w = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf64>
  } finish {
  }
}

// -----

// a mask of another size
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    %m = moe_kernel.chosen %i : !moe_kernel.row<6xi32> -> !moe_kernel.row<8xi1>
    // expected-error@+1 {{'moe_kernel.topk' op has a mask of 8 elements for a row of 64}}
    %j, %w = moe_kernel.topk %x mask %m : !moe_kernel.row<8xi1> : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
  } finish {
  }
}
