// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.extract refuses.

// beyond the end
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.extract' op takes element 6 of '!moe_kernel.row<6xf32>'}}
    %w = moe_kernel.extract %v[6] : !moe_kernel.row<6xf32> -> f32
  } finish {
  }
}

// -----

// a negative position
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.extract' op takes element -1 of '!moe_kernel.row<6xf32>'}}
    %w = moe_kernel.extract %v[-1] : !moe_kernel.row<6xf32> -> f32
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
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.extract' op changes the element type from '!moe_kernel.row<6xf32>' to 'i32'}}
    %w = moe_kernel.extract %v[0] : !moe_kernel.row<6xf32> -> i32
  } finish {
  }
}
