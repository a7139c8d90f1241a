// y = w x; m = mean over tokens of y; l = sum of m^2. Its backward reads what forward saved: s, the sum of each token's
// x, and m2 = 2 m / T.
moe_kernel.program @pair attributes {moe.axes = [{name = "token", size = -1}, {name = "expert", size = 4}]} {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @w input f32 axes ["expert"] sizes [4]
  moe_kernel.buffer @saved_m2 saved f32 axes ["expert"] sizes [4]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @saved_s saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.accumulator @Y sum f32 sizes [4]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %w = moe_kernel.load @w : !moe_kernel.row<4xf32>
    %y = moe_kernel.map (%x, %w : !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32> {
    ^bb0(%a: f32, %b: f32):
      %p = arith.mulf %a, %b : f32
      moe_kernel.yield %p : f32
    }
    %s = moe_kernel.reduce sum %x : !moe_kernel.row<4xf32> -> f32
    moe_kernel.store %y, @y : !moe_kernel.row<4xf32>
    moe_kernel.store %s, @saved_s : f32
    moe_kernel.accumulate %y, @Y : !moe_kernel.row<4xf32>
  } finish {
    %two = arith.constant 2.0 : f32
    %n = moe_kernel.size : i32
    %t = arith.sitofp %n : i32 to f32
    %sum = moe_kernel.read @Y : !moe_kernel.row<4xf32>
    %m2, %sq = moe_kernel.map (%sum : !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32> {
    ^bb0(%a: f32):
      %m = arith.divf %a, %t : f32
      %d = arith.mulf %m, %two : f32
      %e = arith.divf %d, %t : f32
      %q = arith.mulf %m, %m : f32
      moe_kernel.yield %e, %q : f32, f32
    }
    %l = moe_kernel.reduce sum %sq : !moe_kernel.row<4xf32> -> f32
    moe_kernel.store %m2, @saved_m2 : !moe_kernel.row<4xf32>
    moe_kernel.store %l, @l : f32
  }
}
moe_kernel.program @pair_backward backward_of @pair attributes {moe.axes = [{name = "token", size = -1}, {name = "expert", size = 4}]} {
  moe_kernel.buffer @saved_s saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @w input f32 axes ["expert"] sizes [4]
  moe_kernel.buffer @y input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @grad_y input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @scale_l param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @saved_m2 saved f32 axes ["expert"] sizes [4]
  moe_kernel.buffer @grad_x output f32 axes ["token", "expert"] sizes [-1, 4] adds
  moe_kernel.buffer @grad_w output f32 axes ["expert"] sizes [4] adds
  moe_kernel.buffer @s output f32 axes ["token"] sizes [-1]
  moe_kernel.accumulator @W sum f32 sizes [4]
  moe_kernel.pass rows {
    %s = moe_kernel.load @saved_s : f32
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %w = moe_kernel.load @w : !moe_kernel.row<4xf32>
    %g = moe_kernel.load @grad_y : !moe_kernel.row<4xf32>
    %c = moe_kernel.load @scale_l : f32
    %m = moe_kernel.load @saved_m2 : !moe_kernel.row<4xf32>
    %dx, %dw = moe_kernel.map (%x, %w, %g, %m : !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32>) -> !moe_kernel.row<4xf32>, !moe_kernel.row<4xf32> {
    ^bb0(%a: f32, %b: f32, %d: f32, %e: f32):
      %0 = arith.mulf %e, %c : f32
      %1 = arith.addf %d, %0 : f32
      %2 = arith.mulf %1, %b : f32
      %3 = arith.mulf %1, %a : f32
      moe_kernel.yield %2, %3 : f32, f32
    }
    moe_kernel.store %dx, @grad_x : !moe_kernel.row<4xf32>
    moe_kernel.store %s, @s : f32
    moe_kernel.accumulate %dw, @W : !moe_kernel.row<4xf32>
  } finish {
    %dw = moe_kernel.read @W : !moe_kernel.row<4xf32>
    moe_kernel.store %dw, @grad_w : !moe_kernel.row<4xf32>
  }
}
