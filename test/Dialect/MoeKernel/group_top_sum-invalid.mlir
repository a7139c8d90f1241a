// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.group_top_sum refuses.

// n is 0
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.group_top_sum' op adds 0 elements of each group, the smallest of which holds 8}}
    %a = moe_kernel.group_top_sum %x, 0 : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
  } finish {
  }
}

// -----

// n > size of the smallest group
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.group_top_sum' op adds 2 elements of each group, the smallest of which holds 1}}
    %a = moe_kernel.group_top_sum %v, 2 groups [0, 0, 0, 1, 2, 2] : !moe_kernel.row<6xf32> -> !moe_kernel.row<3xf32>
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
    // expected-error@+1 {{'moe_kernel.group_top_sum' op changes the element type from '!moe_kernel.row<64xf32>' to '!moe_kernel.row<8xf64>'}}
    %a = moe_kernel.group_top_sum %x, 1 : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf64>
  } finish {
  }
}

// -----

// R2: groups that are not equal
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.group_top_sum' op makes 7 equal groups of 64 elements (R2)}}
    %a = moe_kernel.group_top_sum %x, 1 : !moe_kernel.row<64xf32> -> !moe_kernel.row<7xf32>
  } finish {
  }
}
