// RUN: moe-opt %s --split-input-file --convert-moe-kernel-to-vector | FileCheck %s

// A short list lives in SSA values: k keys and k positions go around the loop, and are touched only where some lane beats
// the last key.
// CHECK-LABEL: func.func @registers_rows0
// CHECK:       scf.for {{.*}} iter_args({{.*}}) -> (vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>)
// CHECK:         arith.cmpf uno, {{.*}} : vector<16xf32>
// CHECK:         %[[BEATS:.*]] = arith.cmpi sgt, {{.*}} : vector<16xi32>
// CHECK:         %[[ANY:.*]] = vector.reduction <or>, %[[BEATS]] : vector<16xi1> into i1
// CHECK:         scf.if %[[ANY]]
// CHECK:           arith.minsi
// CHECK:           arith.maxsi
// CHECK:         else
// Gather: by lane, nothing where the position is negative.
// CHECK:       %[[NAMED:.*]] = arith.cmpi ult, {{.*}} : vector<16xi32>
// CHECK:       llvm.intr.masked.gather {{.*}}, %[[NAMED]], {{.*}} {alignment = 4 : i32} : (vector<16x!llvm.ptr>, vector<16xi1>, vector<16xf32>)
// Membership of few positions: one compare with each.
// CHECK:       scf.for
// CHECK:         arith.cmpi eq, {{.*}} : vector<16xi32>
// CHECK:         arith.cmpi eq, {{.*}} : vector<16xi32>
// CHECK:         arith.ori
moe_kernel.program @registers {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 32]
  moe_kernel.buffer @y output f32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @c output i1 axes ["token", "expert"] sizes [-1, 32]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<32xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<32xf32> -> !moe_kernel.row<2xi32>, !moe_kernel.row<2xf32>
    %y = moe_kernel.gather %x[%i] : !moe_kernel.row<32xf32>, !moe_kernel.row<2xi32> -> !moe_kernel.row<2xf32>
    %c = moe_kernel.chosen %i : !moe_kernel.row<2xi32> -> !moe_kernel.row<32xi1>
    moe_kernel.store %y, @y : !moe_kernel.row<2xf32>
    moe_kernel.store %c, @c : !moe_kernel.row<32xi1>
  } finish {
  }
}

// -----

// A long list lives in scratch memory: the new element moves up while it beats its left neighbour in some lane.
// CHECK-LABEL: func.func @memory_rows0
// CHECK:       scf.if
// CHECK:         scf.while
// CHECK:           vector.reduction <or>
// CHECK:           scf.condition
// Membership of many positions: one compare with the last of them, and its position for ties.
// CHECK:       arith.cmpi eq, {{.*}} : vector<16xi32>
// CHECK:       arith.cmpi sle, {{.*}} : vector<16xi32>
moe_kernel.program @memory {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @c output i1 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<64xf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<64xf32> -> !moe_kernel.row<20xi32>, !moe_kernel.row<20xf32>
    %c = moe_kernel.chosen %i : !moe_kernel.row<20xi32> -> !moe_kernel.row<64xi1>
    moe_kernel.store %c, @c : !moe_kernel.row<64xi1>
  } finish {
  }
}

// -----

// A mask is a blend of keys.
// CHECK-LABEL: func.func @mask_rows0
// CHECK:       scf.for {{.*}} iter_args({{.*}}) -> (vector<16xi32>, vector<16xi32>, vector<16xi32>, vector<16xi32>)
// CHECK:       %[[MASK:.*]] = arith.cmpi ne, {{.*}} : vector<16xi8>
// CHECK:       arith.select %[[MASK]], {{.*}} : vector<16xi1>, vector<16xi32>
moe_kernel.program @mask {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 32]
  moe_kernel.buffer @n input i1 axes ["token", "expert"] sizes [-1, 32]
  moe_kernel.buffer @i output i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<32xf32>
    %n = moe_kernel.load @n : !moe_kernel.row<32xi1>
    %i, %v = moe_kernel.topk %x mask %n : !moe_kernel.row<32xi1> : !moe_kernel.row<32xf32> -> !moe_kernel.row<2xi32>, !moe_kernel.row<2xf32>
    moe_kernel.store %i, @i : !moe_kernel.row<2xi32>
  } finish {
  }
}
