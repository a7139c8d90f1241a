// Scalar code: parentheses only where C needs them, one variable for a value with several uses, literals that read back.
// RUN: moe-opt %s --emit=cuda | FileCheck %s
moe_kernel.program @expressions {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @z output f32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @n output i32 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @m output i1 axes ["token", "expert"] sizes [-1, 8]
  moe_kernel.buffer @h output f32 axes ["token", "expert"] sizes [-1, 8]
  // CHECK-LABEL: expressions_forward(
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<8xf32>
    %c = arith.constant 1.0e-20 : f32
    %inf = arith.constant 0xFF800000 : f32
    %two = arith.constant -2.0 : f32
    // CHECK: y[j] = x[j] * (x[j] + 1e-20f) - (x[j] - -2.0f);
    %y = moe_kernel.map (%x : !moe_kernel.row<8xf32>) -> !moe_kernel.row<8xf32> {
    ^bb0(%a: f32):
      %0 = arith.addf %a, %c : f32
      %1 = arith.mulf %a, %0 : f32
      %2 = arith.subf %a, %two : f32
      %3 = arith.subf %1, %2 : f32
      moe_kernel.yield %3 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<8xf32>
    // CHECK: const float [[T:[a-z0-9_]+]] = moe_sqrt(x[j]);
    // CHECK: z[j] = [[T]] > -MOE_INFINITY || !([[T]] <= x[j]) ? moe_fma([[T]], [[T]], x[j]) : -x[j];
    %z = moe_kernel.map (%x : !moe_kernel.row<8xf32>) -> !moe_kernel.row<8xf32> {
    ^bb0(%a: f32):
      %0 = math.sqrt %a : f32
      %1 = arith.cmpf ogt, %0, %inf : f32
      %2 = arith.cmpf ugt, %0, %a : f32
      %3 = arith.ori %1, %2 : i1
      %4 = math.fma %0, %0, %a : f32
      %5 = arith.negf %a : f32
      %6 = arith.select %3, %4, %5 : f32
      moe_kernel.yield %6 : f32
    }
    moe_kernel.store %z, @z : !moe_kernel.row<8xf32>
    %three = arith.constant 3 : i32
    %bits = arith.constant 23 : i32
    // CHECK: n[j] = ((int)moe_bits(x[j]) >> 23 & 3) + j << 3;
    // CHECK: m[j] = (unsigned)j < (unsigned)3 && x[j] == x[j];
    %n, %m = moe_kernel.map (%x : !moe_kernel.row<8xf32>) -> !moe_kernel.row<8xi32>, !moe_kernel.row<8xi1> {
    ^bb0(%a: f32):
      %p = moe_kernel.position : i32
      %0 = arith.bitcast %a : f32 to i32
      %1 = arith.shrsi %0, %bits : i32
      %2 = arith.andi %1, %three : i32
      %3 = arith.addi %2, %p : i32
      %4 = arith.shli %3, %three : i32
      %5 = arith.cmpi ult, %p, %three : i32
      %6 = arith.cmpf ord, %a, %a : f32
      %7 = arith.andi %5, %6 : i1
      moe_kernel.yield %4, %7 : i32, i1
    }
    moe_kernel.store %n, @n : !moe_kernel.row<8xi32>
    moe_kernel.store %m, @m : !moe_kernel.row<8xi1>
    // The name and the comment are the spec's.
    // CHECK: // h = relu(x) + 1
    // CHECK: h[j] = moe_max(x[j], 0.0f) + 1.0f;
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %h = moe_kernel.map (%x : !moe_kernel.row<8xf32>) -> !moe_kernel.row<8xf32> {
    ^bb0(%a: f32):
      %0 = arith.maximumf %a, %zero : f32 loc("h = relu(x) + 1")
      %1 = arith.addf %0, %one : f32 loc("h = relu(x) + 1")
      moe_kernel.yield %1 : f32
    }
    moe_kernel.store %h, @h : !moe_kernel.row<8xf32>
  } finish {
  }
}
