// RUN: moe-opt %s --split-input-file --moe-kernel-split-uniform --convert-moe-kernel-to-vector | FileCheck %s

// Scatter: zero the row, write the positions to memory with those outside as a spare element, then one scalar addition
// per slot and lane.
// CHECK-LABEL: func.func @scatters_rows0
// CHECK:       scf.for {{.*}} to %c64_i64 step %c4_i64
// CHECK-COUNT-4: llvm.store %cst{{.*}} : vector<16xf32>
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ult, %[[POSITION:.*]], %[[SIZE:.*]] : vector<16xi32>
// CHECK-NEXT:  arith.select %[[INSIDE]], %[[POSITION]], %[[SIZE]] : vector<16xi1>, vector<16xi32>
// CHECK:       scf.for {{.*}} to %c6_i64 step %c1_i64
// CHECK-COUNT-16: arith.addf {{.*}} : f32
// CHECK-NOT:   arith.addf {{.*}} : f32
// CHECK-LABEL: func.func @scatters_finish0
moe_kernel.program @scatters {
  moe_kernel.buffer @w input f32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @i saved i32 axes ["token", "slot"] sizes [-1, 6]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %w = moe_kernel.load @w : !moe_kernel.row<6xf32>
    %i = moe_kernel.load @i : !moe_kernel.row<6xi32>
    %y = moe_kernel.scatter %w to %i : !moe_kernel.row<6xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<64xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<64xf32>
  } finish {
  }
}

// -----

// A saved array that the caller does not keep: one test per tile, outside the loops over the row.
// CHECK-LABEL: func.func @keeps_rows0
// CHECK:       %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK:       scf.for {{.*}} step %c16_i64
// CHECK:         %[[KEPT:.*]] = llvm.icmp "ne" %{{.*}}, %[[NULL]]
// CHECK:         scf.if %[[KEPT]] {
// CHECK:           scf.for
// CHECK-LABEL: func.func @keeps_finish0
// CHECK:       llvm.icmp "ne"
// CHECK:       scf.if
// CHECK:         scf.for
// What the call says of adding is read only where something can be added to.
// CHECK-NOT:   [16]
moe_kernel.program @keeps {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @kept saved f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @sum saved f32 axes ["expert"] sizes [64]
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    moe_kernel.accumulate %x, @P : !moe_kernel.row<64xf32>
    moe_kernel.store %x, @kept : !moe_kernel.row<64xf32>
  } finish {
    %P = moe_kernel.read @P : !moe_kernel.row<64xf32>
    moe_kernel.store %P, @sum : !moe_kernel.row<64xf32>
  }
}

// -----

// Short rows in strips of four columns. Bit 3 of the phase says whether to add: bf16 is widened, added in f32 and rounded
// once. The last of the overlapping strips is read before the others are written.
// CHECK-LABEL: func.func @gradient_rows0
// CHECK:       %[[AT:.*]] = llvm.getelementptr %arg0[16]
// CHECK:       %[[PHASE:.*]] = llvm.load %[[AT]] {{.*}} -> i32
// CHECK:       %[[BIT:.*]] = arith.andi %[[PHASE]], %c8_i32
// CHECK:       %[[ADDS:.*]] = arith.cmpi ne, %[[BIT]], %c0_i32
// CHECK:       scf.for {{.*}} step %c16_i64
// CHECK:         scf.if %[[ADDS]] {
// CHECK-COUNT-16:  llvm.load {{.*}} -> vector<4xi16>
// CHECK:           scf.for {{.*}} to %c3_i64
// CHECK-COUNT-16:    llvm.load {{.*}} -> vector<4xi16>
// CHECK:             arith.addf {{.*}} : vector<16xf32>
// CHECK:             arith.trunci {{.*}} : vector<16xi32> to vector<16xi16>
// CHECK-COUNT-16:    llvm.store {{.*}} : vector<4xi16>
// CHECK:         } else {
// CHECK-NOT:       arith.addf
// CHECK:           scf.for {{.*}} to %c4_i64
moe_kernel.program @gradient {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 14]
  moe_kernel.buffer @y output bf16 axes ["token", "expert"] sizes [-1, 14] adds
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<14xf32>
    moe_kernel.store %x, @y : !moe_kernel.row<14xf32>
  } finish {
  }
}

// -----

// Longer rows 16 columns at a time: transposed to rows, which are added to and written whole.
// CHECK-LABEL: func.func @blocks_rows0
// CHECK:         scf.if
// CHECK-COUNT-16:  llvm.load {{.*}} -> vector<16xf32>
// CHECK:           scf.for {{.*}} to %c2_i64
// CHECK-COUNT-16:    llvm.load {{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
// CHECK:             vector.shuffle {{.*}} [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
// CHECK:             arith.addf {{.*}} : vector<16xf32>
// CHECK:             llvm.store {{.*}} {alignment = 4 : i64} : vector<16xf32>
moe_kernel.program @blocks {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 40]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 40] adds
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<40xf32>
    moe_kernel.store %x, @y : !moe_kernel.row<40xf32>
  } finish {
  }
}

// -----

// What is the same for all tokens, even inside a map, is computed before the tiles, with one lane; a tile reads one row.
// CHECK-LABEL: func.func @once_rows0
// CHECK:       arith.mulf {{.*}} : f32
// CHECK:       scf.for {{.*}} to %c64_i64
// CHECK:         arith.mulf {{.*}} : f32
// CHECK:         arith.addf {{.*}} : f32
// CHECK:       scf.for {{.*}} step %c16_i64
// CHECK-NOT:     arith.mulf
// CHECK:         scf.for {{.*}} to %c64_i64
// CHECK:           vector.broadcast {{.*}} : f32 to vector<16xf32>
// CHECK-NEXT:      arith.addf {{.*}} : vector<16xf32>
// CHECK-NOT:     arith.mulf
// CHECK-LABEL: func.func @once_finish0
moe_kernel.program @once {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @a saved f32 axes ["expert"] sizes [64]
  moe_kernel.buffer @b saved bf16 axes ["expert"] sizes [64]
  moe_kernel.buffer @p param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %a = moe_kernel.load @a : !moe_kernel.row<64xf32>
    %b = moe_kernel.load @b : !moe_kernel.row<64xf32>
    %p = moe_kernel.load @p : f32
    %y = moe_kernel.map (%x, %a, %b : !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%v: f32, %c: f32, %d: f32):
      %0 = arith.mulf %p, %p : f32
      %1 = arith.mulf %c, %0 : f32
      %2 = arith.addf %1, %d : f32
      %3 = arith.addf %v, %2 : f32
      moe_kernel.yield %3 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<64xf32>
  } finish {
  }
}
