// Two passes: the second needs the mean that the first one finishes. f64 rows; selection of f64.
moe_kernel.program @passes {
  moe_kernel.buffer @x input f64 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @mean coefficient f64 axes ["expert"] sizes [$E]
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @part output i32 axes ["token", "slot"] sizes [-1, $H]
  moe_kernel.buffer @group output f64 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @variance metric f64 axes ["expert"] sizes [$E]
  moe_kernel.accumulator @sum sum f64 sizes [$E]
  moe_kernel.accumulator @squares sum f64 sizes [$E]
  moe_kernel.accumulator @load sum i32 sizes [$E]
  moe_kernel.buffer @counts metric i32 axes ["expert"] sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf64>
    moe_kernel.accumulate %x, @sum : !moe_kernel.row<$Exf64>
  } finish {
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f64
    %s = moe_kernel.read @sum : !moe_kernel.row<$Exf64>
    %m = moe_kernel.map (%s : !moe_kernel.row<$Exf64>) -> !moe_kernel.row<$Exf64> {
    ^bb0(%a: f64):
      %0 = arith.divf %a, %tf : f64
      moe_kernel.yield %0 : f64
    }
    moe_kernel.store %m, @mean : !moe_kernel.row<$Exf64>
  }
  moe_kernel.pass because "mean(x, token) is needed per token" rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf64>
    %m = moe_kernel.load @mean : !moe_kernel.row<$Exf64>
    %d = moe_kernel.map (%x, %m : !moe_kernel.row<$Exf64>, !moe_kernel.row<$Exf64>) -> !moe_kernel.row<$Exf64> {
    ^bb0(%a: f64, %b: f64):
      %0 = arith.subf %a, %b : f64
      %1 = arith.mulf %0, %0 : f64
      moe_kernel.yield %1 : f64
    }
    moe_kernel.accumulate %d, @squares : !moe_kernel.row<$Exf64>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf64> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf64>
    moe_kernel.store %i, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.count %i, @load : !moe_kernel.row<$Kxi32>
    %p = moe_kernel.slice %i : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Hxi32>
    moe_kernel.store %p, @part : !moe_kernel.row<$Hxi32>
    %g = moe_kernel.group_top_sum %x, $N : !moe_kernel.row<$Exf64> -> !moe_kernel.row<$Gxf64>
    moe_kernel.store %g, @group : !moe_kernel.row<$Gxf64>
  } finish {
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f64
    %s = moe_kernel.read @squares : !moe_kernel.row<$Exf64>
    %m = moe_kernel.map (%s : !moe_kernel.row<$Exf64>) -> !moe_kernel.row<$Exf64> {
    ^bb0(%a: f64):
      %0 = arith.divf %a, %tf : f64
      moe_kernel.yield %0 : f64
    }
    moe_kernel.store %m, @variance : !moe_kernel.row<$Exf64>
    %c = moe_kernel.read @load : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @counts : !moe_kernel.row<$Exi32>
  }
}
