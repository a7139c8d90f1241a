// States: a bias per expert and a scale, read by the forward program; each is updated from the old values of both.
moe_kernel.program @biased {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [$E] init 0.0
  moe_kernel.buffer @scale state f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @greatest metric f32 axes [] sizes []
  moe_kernel.accumulator @load sum i32 sizes [$E]
  moe_kernel.accumulator @m max f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %b = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %s = moe_kernel.load @scale : f32
    %y = moe_kernel.map (%x, %b : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %s : f32
      %1 = arith.addf %0, %c : f32
      moe_kernel.yield %1 : f32
    }
    %i, %v = moe_kernel.topk %y : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    moe_kernel.store %i, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.count %i, @load : !moe_kernel.row<$Kxi32>
    %m = moe_kernel.reduce max %y : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.accumulate %m, @m : f32
  } finish {
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @greatest : f32
  }
}
moe_kernel.program @biased_step step_of @biased {
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [$E] init 0.0
  moe_kernel.buffer @scale state f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @rate param f32 axes [] sizes [] init 0.5
  moe_kernel.accumulator @load sum i32 sizes [$E]
  moe_kernel.accumulator @m max f32 sizes []
  moe_kernel.pass rows {} finish {
    %u = moe_kernel.load @rate : f32
    %b = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %l = moe_kernel.read @load : !moe_kernel.row<$Exi32>
    %n = moe_kernel.size : i32
    %nf = arith.sitofp %n : i32 to f32
    %c = moe_kernel.map (%b, %l : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exi32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %d: i32):
      %0 = arith.sitofp %d : i32 to f32
      %1 = arith.divf %0, %nf : f32
      %2 = arith.mulf %1, %u : f32
      %3 = arith.subf %a, %2 : f32
      moe_kernel.yield %3 : f32
    }
    moe_kernel.store %c, @bias : !moe_kernel.row<$Exf32>
    %s = moe_kernel.load @scale : f32
    %old = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %sum = moe_kernel.reduce sum %old : !moe_kernel.row<$Exf32> -> f32
    %m = moe_kernel.read @m : f32
    %p = arith.mulf %s, %m : f32
    %q = arith.addf %p, %sum : f32
    moe_kernel.store %q, @scale : f32
  }
}
