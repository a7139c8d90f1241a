// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.expand refuses.

// another element type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.expand' op changes the element type from '!moe_kernel.row<6xf32>' to '!moe_kernel.row<12xi32>'}}
    %a = moe_kernel.expand %v : !moe_kernel.row<6xf32> -> !moe_kernel.row<12xi32>
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
    // expected-error@+1 {{'moe_kernel.expand' op makes 6 equal groups of 64 elements (R2)}}
    %a = moe_kernel.expand %v : !moe_kernel.row<6xf32> -> !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// groups of another size
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.expand' op groups 6 elements, but the row has 64}}
    %a = moe_kernel.expand %v groups [0, 1, 2, 3, 4, 5] : !moe_kernel.row<6xf32> -> !moe_kernel.row<64xf32>
  } finish {
  }
}
