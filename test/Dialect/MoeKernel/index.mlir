// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe_kernel.index. Every number of a token, a piece and a call.
// CHECK: moe_kernel.index token : i32
// CHECK: moe_kernel.index token_low : i32
// CHECK: moe_kernel.index token_high : i32
// CHECK: moe_kernel.index piece : i32
// CHECK: moe_kernel.index piece_begin : i32
// CHECK: moe_kernel.index piece_size : i32
// CHECK: moe_kernel.index piece_count : i32
// CHECK: moe_kernel.index seed_low : i32
// CHECK: moe_kernel.index seed_high : i32
// CHECK: moe_kernel.index offset : i32
// CHECK: moe_kernel.index piece : i32
// CHECK: moe_kernel.index piece_begin : i32
// CHECK: moe_kernel.index piece_size : i32
// CHECK: moe_kernel.index piece_count : i32
// CHECK: moe_kernel.index seed_low : i32
// CHECK: moe_kernel.index piece_count : i32
// CHECK: moe_kernel.index seed_low : i32
// CHECK: moe_kernel.index seed_high : i32
// CHECK: moe_kernel.index offset : i32
moe_kernel.program @p piece_length 128 {
  moe_kernel.pass rows {
    %token = moe_kernel.index token : i32
    %token_low = moe_kernel.index token_low : i32
    %token_high = moe_kernel.index token_high : i32
    %piece = moe_kernel.index piece : i32
    %piece_begin = moe_kernel.index piece_begin : i32
    %piece_size = moe_kernel.index piece_size : i32
    %piece_count = moe_kernel.index piece_count : i32
    %seed_low = moe_kernel.index seed_low : i32
    %seed_high = moe_kernel.index seed_high : i32
    %offset = moe_kernel.index offset : i32
  } pieces {
    %piece = moe_kernel.index piece : i32
    %piece_begin = moe_kernel.index piece_begin : i32
    %piece_size = moe_kernel.index piece_size : i32
    %piece_count = moe_kernel.index piece_count : i32
    %seed_low = moe_kernel.index seed_low : i32
  } finish {
    %piece_count = moe_kernel.index piece_count : i32
    %seed_low = moe_kernel.index seed_low : i32
    %seed_high = moe_kernel.index seed_high : i32
    %offset = moe_kernel.index offset : i32
  }
}
