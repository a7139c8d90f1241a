// RUN: moe-opt %s --convert-moe-kernel-to-vector | FileCheck %s

// Rows of several layers: the array of an input or output with tokens is a table of pointers, from which the layer of the
// call (at 72 in moe_cpu_call) takes one, so far back that its rows stand at their numbers (the layer's first is at 80).
// What never leaves the call, and the rows of pieces, are arrays as ever.
moe_kernel.program @layers layers 4 piece_length 2 {
  moe_kernel.pieces count 4
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @kept coefficient f32 axes ["group"] sizes [-2]
  moe_kernel.buffer @load output f32 axes ["layer"] sizes [-5]
  moe_kernel.accumulator @s sum f32 sizes [] per_piece
  moe_kernel.accumulator @l sum f32 sizes [] per_piece

  // CHECK-LABEL: func.func @layers_rows0(
  // CHECK-SAME: %[[CALL:[a-z0-9]+]]: !llvm.ptr, %[[BEGIN:[a-z0-9]+]]: i64
  // CHECK: %[[ARRAYS:.*]] = llvm.load %[[CALL]]
  // CHECK: %[[TABLE:.*]] = llvm.load %[[ARRAYS]]
  // CHECK: %[[LAYER_AT:.*]] = llvm.getelementptr %[[CALL]][72]
  // CHECK: %[[LAYER:.*]] = llvm.load %[[LAYER_AT]] {{.*}} -> i64
  // CHECK: %[[FIRST_AT:.*]] = llvm.getelementptr %[[CALL]][80]
  // CHECK: %[[FIRST:.*]] = llvm.load %[[FIRST_AT]] {{.*}} -> i64
  // CHECK: %[[BACK:.*]] = arith.subi %{{.*}}, %[[FIRST]] : i64
  // CHECK: %[[ENTRY:.*]] = llvm.getelementptr %[[TABLE]][%[[LAYER]]] {{.*}} !llvm.ptr
  // CHECK: %[[ROWS:.*]] = llvm.load %[[ENTRY]]
  // CHECK: %[[BASE:.*]] = llvm.getelementptr %[[ROWS]][%[[BACK]]] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<24 x i8>
  // CHECK: scf.for %[[TILE:.*]] = %[[BEGIN]]
  // CHECK: llvm.getelementptr %[[BASE]][%[[TILE]]] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<24 x i8>
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<6xf32>
    %s = moe_kernel.reduce sum %x : !moe_kernel.row<6xf32> -> f32
    moe_kernel.accumulate %s, @s : f32
  } pieces {
    %s = moe_kernel.read @s : f32
    moe_kernel.store %s, @kept : f32
  } finish {}

  // A pass over groups: their array is read 16 at a time, as those of tokens are.
  // CHECK-LABEL: func.func @layers_rows1(
  // CHECK-NOT: llvm.getelementptr %{{.*}}[72]
  // CHECK: scf.for
  // CHECK: llvm.load {{.*}} -> vector<16xf32>
  // CHECK-LABEL: func.func @layers_pieces1(
  moe_kernel.pass because "layers" over_level 1 rows {
    %s = moe_kernel.load @kept : f32
    moe_kernel.accumulate %s, @l : f32
  } pieces {
    %l = moe_kernel.read @l : f32
    moe_kernel.store %l, @load : f32
  } finish {}
}
