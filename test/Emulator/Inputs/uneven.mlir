// Uneven groups, every reduction, selections of slices, truth values in memory, one value per token.
moe_kernel.program @uneven {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @n input i32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @valid input i1 axes ["token"] sizes [-1]
  moe_kernel.buffer @allowed input i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @group_min output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @group_sum output i32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @group_top output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @spread output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @value output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @first output i32 axes ["token", "slot"] sizes [-1, 1]
  moe_kernel.buffer @is_first output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @is_picked output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @last output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @half output bf16 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @small output f16 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @greatest_out metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @least_out metric f32 axes [] sizes []
  moe_kernel.buffer @greatest_number metric f32 axes [] sizes []
  moe_kernel.buffer @most_out metric i32 axes [] sizes []
  moe_kernel.buffer @total_out metric f64 axes [] sizes []
  moe_kernel.buffer @firsts_out metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @valid_out status i32 axes [] sizes []
  moe_kernel.buffer @spread_max metric f32 axes [] sizes []
  moe_kernel.accumulator @greatest max f32 sizes [$E]
  moe_kernel.accumulator @least min f32 sizes []
  moe_kernel.accumulator @number maxnum f32 sizes []
  moe_kernel.accumulator @most max i32 sizes []
  moe_kernel.accumulator @total sum f64 sizes []
  moe_kernel.accumulator @firsts sum i32 sizes [$E]
  moe_kernel.accumulator @valid_tokens sum i32 sizes []
  moe_kernel.accumulator @rows sum f64 sizes [$G]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %n = moe_kernel.load @n : !moe_kernel.row<$Exi32>
    %valid = moe_kernel.load @valid : i1
    %allowed = moe_kernel.load @allowed : !moe_kernel.row<$Exi1>
    %one = arith.constant 1 : i32
    %zero = arith.constant 0 : i32
    %v = arith.select %valid, %one, %zero : i32
    moe_kernel.accumulate %v, @valid_tokens : i32
    %gmin = moe_kernel.reduce min %x groups [$GROUPS] : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %gmin, @group_min : !moe_kernel.row<$Gxf32>
    %gsum = moe_kernel.reduce sum %n groups [$GROUPS] : !moe_kernel.row<$Exi32> -> !moe_kernel.row<$Gxi32>
    moe_kernel.store %gsum, @group_sum : !moe_kernel.row<$Gxi32>
    %gtop = moe_kernel.group_top_sum %x, 1 groups [$GROUPS] : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.store %gtop, @group_top : !moe_kernel.row<$Gxf32>
    %wide = moe_kernel.map (%gsum : !moe_kernel.row<$Gxi32>) -> !moe_kernel.row<$Gxf64> {
    ^bb0(%a: i32):
      %0 = arith.sitofp %a : i32 to f64
      moe_kernel.yield %0 : f64
    }
    moe_kernel.accumulate %wide, @rows : !moe_kernel.row<$Gxf64>
    %all = moe_kernel.reduce sum %wide : !moe_kernel.row<$Gxf64> -> f64
    moe_kernel.accumulate %all, @total : f64
    %e = moe_kernel.expand %gmin groups [$GROUPS] : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Exf32>
    moe_kernel.store %e, @spread : !moe_kernel.row<$Exf32>
    moe_kernel.accumulate %x, @greatest : !moe_kernel.row<$Exf32>
    %min = moe_kernel.reduce min %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.accumulate %min, @least : f32
    %maxnum = moe_kernel.reduce maxnum %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.accumulate %maxnum, @number : f32
    %most = moe_kernel.reduce max %n : !moe_kernel.row<$Exi32> -> i32
    moe_kernel.accumulate %most, @most : i32
    %route, %value = moe_kernel.topk %x mask %allowed : !moe_kernel.row<$Exi1> : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    moe_kernel.store %route, @route : !moe_kernel.row<$Kxi32>
    %picked = moe_kernel.gather %x[%route] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    moe_kernel.store %picked, @value : !moe_kernel.row<$Kxf32>
    moe_kernel.store %picked, @half : !moe_kernel.row<$Kxf32>
    moe_kernel.store %picked, @small : !moe_kernel.row<$Kxf32>
    %last = moe_kernel.extract %picked[$L] : !moe_kernel.row<$Kxf32> -> f32
    moe_kernel.store %last, @last : f32
    %first = moe_kernel.slice %route : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<1xi32>
    moe_kernel.store %first, @first : !moe_kernel.row<1xi32>
    moe_kernel.count %first, @firsts : !moe_kernel.row<1xi32>
    %isfirst = moe_kernel.chosen %first : !moe_kernel.row<1xi32> -> !moe_kernel.row<$Exi1>
    moe_kernel.store %isfirst, @is_first : !moe_kernel.row<$Exi1>
    %ispicked = moe_kernel.chosen %route : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    moe_kernel.store %ispicked, @is_picked : !moe_kernel.row<$Exi1>
  } finish {
    %g = moe_kernel.read @greatest : !moe_kernel.row<$Exf32>
    moe_kernel.store %g, @greatest_out : !moe_kernel.row<$Exf32>
    %l = moe_kernel.read @least : f32
    moe_kernel.store %l, @least_out : f32
    %m = moe_kernel.read @number : f32
    moe_kernel.store %m, @greatest_number : f32
    %n = moe_kernel.read @most : i32
    moe_kernel.store %n, @most_out : i32
    %t = moe_kernel.read @total : f64
    %r = moe_kernel.read @rows : !moe_kernel.row<$Gxf64>
    %rs = moe_kernel.reduce sum %r : !moe_kernel.row<$Gxf64> -> f64
    %both = arith.addf %t, %rs : f64
    moe_kernel.store %both, @total_out : f64
    %f = moe_kernel.read @firsts : !moe_kernel.row<$Exi32>
    moe_kernel.store %f, @firsts_out : !moe_kernel.row<$Exi32>
    %v = moe_kernel.read @valid_tokens : i32
    moe_kernel.store %v, @valid_out : i32
    %gg = moe_kernel.reduce max %g groups [$GROUPS] : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %ee = moe_kernel.expand %gg groups [$GROUPS] : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Exf32>
    %mm = moe_kernel.reduce max %ee : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %mm, @spread_max : f32
  }
}
