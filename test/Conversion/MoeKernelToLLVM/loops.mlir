// RUN: moe-opt %s --split-input-file --convert-moe-kernel-to-vector | FileCheck %s

// Maps, reductions and accumulators of one row size share a loop; a row that only they use has no memory.
// CHECK-LABEL: func.func @fused_rows0
// CHECK:       scf.for {{.*}} step %c16_i64
// CHECK:         scf.for {{.*}} to %c32_i64 step %c4_i64
// CHECK:           %[[Y:.*]] = arith.mulf {{.*}} : vector<16xf32>
// CHECK-NOT:       llvm.store %[[Y]]
// An accumulator keeps what it has in the lanes of missing tokens.
// CHECK:           %[[OLD:.*]] = llvm.load {{.*}} -> vector<16xf32>
// CHECK:           %[[NEW:.*]] = arith.addf %[[OLD]], %[[Y]]
// CHECK:           %[[KEPT:.*]] = arith.select %{{.*}}, %[[NEW]], %[[OLD]] : vector<16xi1>, vector<16xf32>
// CHECK:           llvm.store %[[KEPT]]
// Four elements make a leaf of the sum, which stands in memory until all have come.
// CHECK:           %[[LOW:.*]] = arith.addf %[[Y]], %{{.*}} : vector<16xf32>
// CHECK:           %[[HIGH:.*]] = arith.addf {{.*}} : vector<16xf32>
// CHECK:           %[[LEAF:.*]] = arith.addf %[[LOW]], %[[HIGH]] : vector<16xf32>
// CHECK:           llvm.store %[[LEAF]]
// At the end the lanes are merged as a tree.
// CHECK:       vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// CHECK:       arith.addf {{.*}} : vector<8xf32>
// CHECK:       arith.addf {{.*}} : vector<4xf32>
// CHECK:       arith.addf {{.*}} : vector<2xf32>
// CHECK:       arith.addf {{.*}} : vector<1xf32>
// CHECK-LABEL: func.func @fused_finish0
moe_kernel.program @fused {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 32]
  moe_kernel.buffer @s output f32 axes ["token"] sizes [-1]
  moe_kernel.accumulator @P sum f32 sizes [32]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<32xf32>
    %y = moe_kernel.map (%x : !moe_kernel.row<32xf32>) -> !moe_kernel.row<32xf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %a : f32
      moe_kernel.yield %0 : f32
    }
    %s = moe_kernel.reduce sum %y : !moe_kernel.row<32xf32> -> f32
    moe_kernel.accumulate %y, @P : !moe_kernel.row<32xf32>
    moe_kernel.store %s, @s : f32
  } finish {
  }
}

// -----

// Equal blocks: a loop over the groups around a loop over their elements.
// CHECK-LABEL: func.func @blocks_rows0
// CHECK:       scf.for {{.*}} to %c8_i64 step %c1_i64
// CHECK:         scf.for {{.*}} to %c32_i64 step %c4_i64
// CHECK:           arith.maximumf {{.*}} : vector<16xf32>
// The two greatest of each group: no branch.
// CHECK:       scf.for {{.*}} to %c8_i64 step %c1_i64
// CHECK:         scf.for {{.*}} to %c32_i64 step %c1_i64 iter_args({{.*}}) -> (vector<16xi32>, vector<16xi32>)
// CHECK-NOT:       scf.if
// CHECK:           arith.maxsi
// CHECK-LABEL: func.func @blocks_finish0
moe_kernel.program @blocks {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 256]
  moe_kernel.buffer @m output f32 axes ["token", "group"] sizes [-1, 8]
  moe_kernel.buffer @t output f32 axes ["token", "group"] sizes [-1, 8]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<256xf32>
    %m = moe_kernel.reduce max %x : !moe_kernel.row<256xf32> -> !moe_kernel.row<8xf32>
    %t = moe_kernel.group_top_sum %x, 2 : !moe_kernel.row<256xf32> -> !moe_kernel.row<8xf32>
    moe_kernel.store %m, @m : !moe_kernel.row<8xf32>
    moe_kernel.store %t, @t : !moe_kernel.row<8xf32>
  } finish {
  }
}

// -----

// Sums of uneven groups: constant tables of where the leaves of each group start and who their members are.
// CHECK-DAG:   llvm.mlir.global internal constant @moe_table_{{.}}(dense<[0, 1, 2]> : tensor<3xi32>)
// CHECK-DAG:   llvm.mlir.global internal constant @moe_table_{{.}}(dense<[0, 3, -1, -1, 1, 2, 4, -1]> : tensor<8xi32>)
// CHECK-DAG:   llvm.mlir.global internal constant @moe_table_{{.}}(dense<[0, 1, 1, 0, 1]> : tensor<5xi32>)
// CHECK-LABEL: func.func @uneven_rows0
moe_kernel.program @uneven {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 5]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 5]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<5xf32>
    %m = moe_kernel.reduce sum %x groups [0, 1, 1, 0, 1] : !moe_kernel.row<5xf32> -> !moe_kernel.row<2xf32>
    %y = moe_kernel.expand %m groups [0, 1, 1, 0, 1] : !moe_kernel.row<2xf32> -> !moe_kernel.row<5xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<5xf32>
  } finish {
  }
}
