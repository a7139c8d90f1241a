// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.reduce refuses.

// another element type
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.reduce' op changes the element type from '!moe_kernel.row<64xf32>' to 'i32'}}
    %a = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> i32
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
    // expected-error@+1 {{'moe_kernel.reduce' op makes 7 equal groups of 64 elements (R2)}}
    %a = moe_kernel.reduce sum %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<7xf32>
  } finish {
  }
}

// -----

// R3: an empty group
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.reduce' op leaves group 1 empty (R3)}}
    %a = moe_kernel.reduce sum %v groups [0, 0, 0, 2, 2, 2] : !moe_kernel.row<6xf32> -> !moe_kernel.row<3xf32>
  } finish {
  }
}

// -----

// a group that is not there
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.reduce' op names group 3, outside 0..2}}
    %a = moe_kernel.reduce sum %v groups [0, 0, 0, 1, 1, 3] : !moe_kernel.row<6xf32> -> !moe_kernel.row<3xf32>
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
    // expected-error@+1 {{'moe_kernel.reduce' op groups 2 elements, but the row has 6}}
    %a = moe_kernel.reduce sum %v groups [0, 1] : !moe_kernel.row<6xf32> -> !moe_kernel.row<2xf32>
  } finish {
  }
}

// -----

// groups of a scalar
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.reduce' op has groups, but a scalar result}}
    %a = moe_kernel.reduce sum %v groups [0, 0, 0, 0, 0, 0] : !moe_kernel.row<6xf32> -> f32
  } finish {
  }
}

// -----

// maxnum of integers
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.reduce' op combines i32 by maxnum, which is for floats: use max}}
    %a = moe_kernel.reduce maxnum %i : !moe_kernel.row<6xi32> -> i32
  } finish {
  }
}
