// RUN: moe-opt %s --moe-kernel-fuse-maps | FileCheck %s
// moe-kernel-fuse-maps: what merges, and what must not.

moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @z output f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @w output f32 axes ["token", "slot"] sizes [-1, 2]

  // A chain is one map; its middle is not a result.
  // CHECK: moe_kernel.pass rows {
  // CHECK-NEXT: %[[X:.*]] = moe_kernel.load @x
  // CHECK-NEXT: %[[Y:.*]] = moe_kernel.map(%[[X]] : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
  // CHECK-NEXT: ^bb0(%[[E:.*]]: f32):
  // CHECK-NEXT: %[[A:.*]] = math.exp %[[E]] : f32
  // CHECK-NEXT: %[[B:.*]] = arith.mulf %[[A]], %[[E]] : f32
  // CHECK-NEXT: %[[C:.*]] = arith.addf %[[B]], %[[A]] : f32
  // CHECK-NEXT: moe_kernel.yield %[[C]] : f32
  // CHECK-NEXT: }
  // CHECK-NEXT: moe_kernel.store %[[Y]], @y
  // CHECK-NEXT: } finish {
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %a = moe_kernel.map (%x : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = math.exp %e : f32
      moe_kernel.yield %0 : f32
    }
    %b = moe_kernel.map (%a, %x : !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32, %f: f32):
      %0 = arith.mulf %e, %f : f32
      moe_kernel.yield %0 : f32
    }
    %c = moe_kernel.map (%b, %a : !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32, %f: f32):
      %0 = arith.addf %e, %f : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %c, @y : !moe_kernel.row<4xf32>
  } finish {
  }

  // A scalar that the second map uses is made from the first: they stay two.
  // CHECK: %[[A:.*]] = moe_kernel.map(
  // CHECK: %[[S:.*]] = moe_kernel.reduce sum %[[A]]
  // CHECK: moe_kernel.map(%[[A]] :
  // CHECK: arith.divf %{{.*}}, %[[S]] : f32
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %a = moe_kernel.map (%x : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = math.exp %e : f32
      moe_kernel.yield %0 : f32
    }
    %s = moe_kernel.reduce sum %a : !moe_kernel.row<4xf32> -> f32
    %b = moe_kernel.map (%a : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = arith.divf %e, %s : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %b, @y : !moe_kernel.row<4xf32>
  } finish {
  }

  // A result that is stored between the two maps keeps them apart; one that is stored after them is a result of the merged map.
  // CHECK: %[[A:.*]] = moe_kernel.map(
  // CHECK: moe_kernel.store %[[A]], @y
  // CHECK: %[[BC:.*]]:2 = moe_kernel.map(%[[A]] :
  // CHECK: moe_kernel.yield %{{.*}}, %{{.*}} : f32, f32
  // CHECK: moe_kernel.store %[[BC]]#0, @y
  // CHECK: moe_kernel.store %[[BC]]#1, @z
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %a = moe_kernel.map (%x : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = math.exp %e : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %a, @y : !moe_kernel.row<4xf32>
    %b = moe_kernel.map (%a : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = arith.negf %e : f32
      moe_kernel.yield %0 : f32
    }
    %c = moe_kernel.map (%b : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = math.absf %e : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %b, @y : !moe_kernel.row<4xf32>
    moe_kernel.store %c, @z : !moe_kernel.row<4xf32>
  } finish {
  }

  // Maps that nobody uses go away, with the inputs and results that nobody needs.
  // CHECK: moe_kernel.pass rows {
  // CHECK-NEXT: %[[X:.*]] = moe_kernel.load @x
  // CHECK-NEXT: %[[A:.*]] = moe_kernel.map(%[[X]] : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32):
  // CHECK-NEXT: math.exp
  // CHECK-NEXT: moe_kernel.yield
  // CHECK-NEXT: }
  // CHECK-NEXT: moe_kernel.store %[[A]], @y
  // CHECK-NEXT: } finish {
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %u, %a = moe_kernel.map (%x, %x : !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32> {
    ^bb0(%e: f32, %f: f32):
      %0 = math.exp %e : f32
      %1 = math.absf %f : f32
      moe_kernel.yield %1, %0 : f32, f32
    }
    %d = moe_kernel.map (%a : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      moe_kernel.yield %e : f32
    }
    moe_kernel.store %a, @y : !moe_kernel.row<4xf32>
  } finish {
  }

  // Rows of different sizes stay apart.
  // CHECK: moe_kernel.map({{.*}} : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32>
  // CHECK: moe_kernel.map({{.*}} : !moe_kernel.row<2xf32>) -> !moe_kernel.row<2xf32>
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %a = moe_kernel.map (%x : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%e: f32):
      %0 = math.exp %e : f32
      moe_kernel.yield %0 : f32
    }
    %s = moe_kernel.slice %a : !moe_kernel.row<4xf32> -> !moe_kernel.row<2xf32>
    %b = moe_kernel.map (%s : !moe_kernel.row<2xf32>) -> !moe_kernel.row<2xf32> {
    ^bb0(%e: f32):
      %0 = math.exp %e : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %b, @w : !moe_kernel.row<2xf32>
  } finish {
  }
}

// What follows from the position alone is made again in each map that uses it, however they are ordered: no row of it
// is kept.
// CHECK-LABEL: moe_kernel.program @positions
// CHECK: moe_kernel.pass rows {
// CHECK: %[[X:.*]] = moe_kernel.load @x
// CHECK-NEXT: %[[S:.*]] = moe_kernel.map(%[[X]] : !moe_kernel.row<4xi32>) -> !moe_kernel.row<4xi32> {
// CHECK: moe_kernel.position
// CHECK: arith.andi
// CHECK: %[[R:.*]] = moe_kernel.reduce sum %[[S]]
// CHECK-NEXT: %[[Y:.*]] = moe_kernel.map(%[[X]] : !moe_kernel.row<4xi32>) -> !moe_kernel.row<4xi32> {
// CHECK: moe_kernel.position
// CHECK: arith.andi
// CHECK: arith.muli %{{.*}}, %[[R]]
// CHECK: moe_kernel.store %[[Y]], @y
moe_kernel.program @positions {
  moe_kernel.buffer @x input i32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @y output i32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.pass rows {
    %one = arith.constant 1 : i32
    %x = moe_kernel.load @x : !moe_kernel.row<4xi32>
    %n = moe_kernel.map -> !moe_kernel.row<4xi32> {
      %p = moe_kernel.position : i32
      moe_kernel.yield %p : i32
    }
    %low = moe_kernel.map (%n : !moe_kernel.row<4xi32>) -> !moe_kernel.row<4xi32> {
    ^bb0(%p: i32):
      %0 = arith.andi %p, %one : i32
      moe_kernel.yield %0 : i32
    }
    %a = moe_kernel.map (%x, %low : !moe_kernel.row<4xi32>, !moe_kernel.row<4xi32>) -> !moe_kernel.row<4xi32> {
    ^bb0(%e: i32, %p: i32):
      %0 = arith.muli %e, %p : i32
      moe_kernel.yield %0 : i32
    }
    %s = moe_kernel.reduce sum %a : !moe_kernel.row<4xi32> -> i32
    %b = moe_kernel.map (%x, %low : !moe_kernel.row<4xi32>, !moe_kernel.row<4xi32>) -> !moe_kernel.row<4xi32> {
    ^bb0(%e: i32, %p: i32):
      %0 = arith.subi %e, %p : i32
      %1 = arith.muli %0, %s : i32
      moe_kernel.yield %1 : i32
    }
    moe_kernel.store %b, @y : !moe_kernel.row<4xi32>
  } finish {}
}
