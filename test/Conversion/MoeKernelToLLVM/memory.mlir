// RUN: moe-opt %s --split-input-file --convert-moe-kernel-to-vector | FileCheck %s

// A row-major array is transposed in registers, four columns at a time; the last strip overlaps its neighbour.
// CHECK-LABEL: func.func @strips_rows0
// Rows beyond the end are staged: the last valid row stands for them.
// CHECK:       scf.if
// CHECK:         arith.minsi
// CHECK:       scf.for {{.*}} to %c4_i64
// CHECK:         arith.minsi {{.*}}, %c10_i64
// CHECK-COUNT-16: llvm.load {{.*}} {alignment = 2 : i64} : !llvm.ptr -> vector<4xi16>
// bf16 is widened exactly.
// CHECK:         arith.shli {{.*}} : vector<16xi32>
// CHECK:         arith.bitcast {{.*}} : vector<16xi32> to vector<16xf32>
// CHECK:         vector.shuffle {{.*}} [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29] : vector<16xf32>, vector<16xf32>
// CHECK-COUNT-4: llvm.store {{.*}} {alignment = 64 : i64} : vector<16xf32>
// And back.
// CHECK:       scf.for {{.*}} to %c4_i64
// CHECK-COUNT-16: llvm.store {{.*}} {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
moe_kernel.program @strips {
  moe_kernel.buffer @x input bf16 axes ["token", "expert"] sizes [-1, 14]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 14]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<14xf32>
    moe_kernel.store %x, @y : !moe_kernel.row<14xf32>
  } finish {
  }
}

// -----

// Counts: positions that count nothing go to a spare element of the histogram, the others are scalar increments.
// CHECK-LABEL: func.func @counts_rows0
// CHECK:       arith.select {{.*}} : vector<16xi1>, vector<16xi32>
// CHECK:       llvm.load {{.*}} -> i32
// CHECK:       arith.addi {{.*}}, %c1_i32 : i32
// CHECK:       llvm.store {{.*}} : i32
moe_kernel.program @counts {
  moe_kernel.buffer @i input i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.accumulator @n sum i32 sizes [8]
  moe_kernel.pass rows {
    %i = moe_kernel.load @i : !moe_kernel.row<2xi32>
    moe_kernel.count %i, @n : !moe_kernel.row<2xi32>
  } finish {
  }
}
