// Group-limited selection with a bias, equal groups: $E experts in $G groups, $H groups kept, $K experts.
moe_kernel.program @grouped {
  moe_kernel.buffer @logits input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @bias input f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @scale param f32 axes [] sizes [] init 2.5
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @weight output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @groups output i32 axes ["token", "slot"] sizes [-1, $H]
  moe_kernel.buffer @group_max output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @group_sum output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @hits metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @group_hits metric i32 axes ["group"] sizes [$G]
  moe_kernel.buffer @tokens metric i32 axes [] sizes []
  moe_kernel.buffer @average metric f32 axes ["expert"] sizes [$E]
  moe_kernel.accumulator @load sum i32 sizes [$E]
  moe_kernel.accumulator @group_load sum i32 sizes [$G]
  moe_kernel.accumulator @mean sum f32 sizes [$E]
  moe_kernel.pass rows {
    %c1 = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %logits = moe_kernel.load @logits : !moe_kernel.row<$Exf32>
    %bias = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %s, %b = moe_kernel.map (%logits, %bias : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32> {
    ^bb0(%x: f32, %y: f32):
      %0 = math.absf %x : f32
      %1 = arith.addf %0, %c1 : f32
      %2 = arith.divf %x, %1 : f32
      %3 = arith.addf %2, %y : f32
      moe_kernel.yield %2, %3 : f32, f32
    }
    moe_kernel.accumulate %s, @mean : !moe_kernel.row<$Exf32>
    %gm = moe_kernel.reduce max %b : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %gs = moe_kernel.group_top_sum %b, $N : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %gm, @group_max : !moe_kernel.row<$Gxf32>
    moe_kernel.store %gs, @group_sum : !moe_kernel.row<$Gxf32>
    %gi, %gv = moe_kernel.topk %gs : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Hxi32>, !moe_kernel.row<$Hxf32>
    moe_kernel.store %gi, @groups : !moe_kernel.row<$Hxi32>
    moe_kernel.count %gi, @group_load : !moe_kernel.row<$Hxi32>
    %gc = moe_kernel.chosen %gi : !moe_kernel.row<$Hxi32> -> !moe_kernel.row<$Gxi1>
    %mask = moe_kernel.expand %gc : !moe_kernel.row<$Gxi1> -> !moe_kernel.row<$Exi1>
    %route, %best = moe_kernel.topk %b mask %mask : !moe_kernel.row<$Exi1> : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    moe_kernel.store %route, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.count %route, @load : !moe_kernel.row<$Kxi32>
    %g = moe_kernel.gather %s[%route] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    %total = moe_kernel.reduce sum %g : !moe_kernel.row<$Kxf32> -> f32
    %scale = moe_kernel.load @scale : f32
    %abs = math.absf %total : f32
    %safe = arith.addf %abs, %c1 : f32
    %factor = arith.divf %scale, %safe : f32
    %w = moe_kernel.map (%g : !moe_kernel.row<$Kxf32>) -> !moe_kernel.row<$Kxf32> {
    ^bb0(%x: f32):
      %0 = arith.mulf %x, %factor : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %w, @weight : !moe_kernel.row<$Kxf32>
  } finish {
    %t = moe_kernel.size : i32
    moe_kernel.store %t, @tokens : i32
    %load = moe_kernel.read @load : !moe_kernel.row<$Exi32>
    moe_kernel.store %load, @hits : !moe_kernel.row<$Exi32>
    %gl = moe_kernel.read @group_load : !moe_kernel.row<$Gxi32>
    moe_kernel.store %gl, @group_hits : !moe_kernel.row<$Gxi32>
    %sum = moe_kernel.read @mean : !moe_kernel.row<$Exf32>
    %tf = arith.sitofp %t : i32 to f32
    %m = moe_kernel.map (%sum : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%x: f32):
      %0 = arith.divf %x, %tf : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %m, @average : !moe_kernel.row<$Exf32>
  }
}
