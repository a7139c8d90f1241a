// RUN: moe-opt %s --split-input-file --verify-diagnostics
// What moe_kernel.gather refuses.

// another size
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.gather' op has result type '!moe_kernel.row<8xf32>', expected the size of its indices and the element type of '!moe_kernel.row<64xf32>'}}
    %w = moe_kernel.gather %x[%i] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<8xf32>
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
    // expected-error@+1 {{'moe_kernel.gather' op has result type '!moe_kernel.row<6xi32>', expected the size of its indices and the element type of '!moe_kernel.row<64xf32>'}}
    %w = moe_kernel.gather %x[%i] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xi32>
  } finish {
  }
}

// -----

// positions that are floats
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 1.000000e-02
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    // expected-error@+1 {{'moe_kernel.gather' op operand #1 must be row of i32, but got '!moe_kernel.row<6xf32>'}}
    %w = moe_kernel.gather %x[%v] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xf32> -> !moe_kernel.row<6xf32>
  } finish {
  }
}
