// Lanes per row and vector width: as few lanes as keep a row in registers, 16-byte loads where the row allows them.
// RUN: split-file %s %t
// RUN: moe-opt %t/e8.mlir --emit=cuda | FileCheck %s --check-prefix=E8
// RUN: moe-opt %t/e64.mlir --emit=cuda | FileCheck %s --check-prefix=E64
// RUN: moe-opt %t/e63.mlir --emit=cuda | FileCheck %s --check-prefix=E63
// RUN: moe-opt %t/e256.mlir --emit=cuda | FileCheck %s --check-prefix=E256
// RUN: moe-opt %t/forced.mlir --emit=cuda | FileCheck %s --check-prefix=FORCED
// RUN: moe-opt %t/looped.mlir --emit=cuda | FileCheck %s --check-prefix=LOOPED

// A lane holds a row of 8 bf16 in one load; 32 rows share a warp without a shuffle.
// E8-LABEL: extern "C" __global__ void __launch_bounds__(256, 2) e8_forward(
// E8-NEXT: const unsigned short *__restrict__ x_in, float *__restrict__ y_out,
// E8-NOT: _lanes<
// E8: unsigned x_next[4] = {};
// E8: moe_load8(x_in, next * 8, x_next);
// E8-NOT: _lanes<
// E8: if (live) moe_store1(y_out, row, y);
//--- e8.mlir
moe_kernel.program @e8 {
  moe_kernel.buffer @x input bf16 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<8xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<8xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}

// E64-LABEL: e64_forward(
// E64: const int lane = threadIdx.x % 8; // of the 8 lanes that hold a row
// E64: moe_load4(x_in, next * 64 + j / 4 * 32 + lane * 4 + j % 4, &x_next[j]);
// E64: y = moe_maxnum_lanes<8>(y);
// E64: if (live && lane == 0) moe_store1(y_out, row, y);
//--- e64.mlir
moe_kernel.program @e64 {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<64xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}

// A row whose bytes are no multiple of 8 is loaded element by element; what lies behind its end takes no part.
// E63-LABEL: e63_forward(
// E63: if (j * 8 + lane < 63) x_next[j] = moe_load1(x_in, next * 63 + j * 8 + lane);
// E63: if (j * 8 + lane < 63) y = moe_maxnum(y, x[j]);
//--- e63.mlir
moe_kernel.program @e63 {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 63]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<63xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<63xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}

// A row over a whole warp: no row can be missing.
// E256-LABEL: e256_forward(
// E256-NOT: live
// E256: for (long long row = start; row < end; row += 8) {
// E256-NOT: live
// E256: if (lane == 0) moe_store1(y_out, row, y);
//--- e256.mlir
moe_kernel.program @e256 {
  moe_kernel.buffer @x input bf16 axes ["token", "expert"] sizes [-1, 256]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<256xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<256xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}

// FORCED-LABEL: forced_forward(
// FORCED: const int lane = threadIdx.x % 32;
// FORCED: moe_load2(x_in, next * 64 + lane * 2, x_next);
//--- forced.mlir
moe_kernel.program @forced attributes {moe_kernel.cuda_lanes = 32 : i64} {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<64xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}

// Above 1024 elements loops stay loops, and a block is one warp.
// LOOPED-LABEL: extern "C" __global__ void __launch_bounds__(32, 1) looped_forward(
// LOOPED-NOT: #pragma unroll
// LOOPED: for (int j = 0; j < 64; j += 4)
// LOOPED-NEXT: moe_load4(
//--- looped.mlir
moe_kernel.program @looped {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 2048]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<2048xf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<2048xf32> -> f32
    moe_kernel.store %m, @y : f32
  } finish {
  }
}
