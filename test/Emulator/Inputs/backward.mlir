// A gate with a loss and its backward, written by hand: $E experts, $K slots, logits of $T. Forward saves the route, the
// sum of the scores at it, and one row per expert; backward recomputes the scores.
moe_kernel.program @gate {
  moe_kernel.buffer @logits input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 0.25
  moe_kernel.buffer @balance loss f32 axes [] sizes []
  moe_kernel.buffer @weight output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @kept saved i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @total saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @share saved f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @mean saved f32 axes [] sizes []
  moe_kernel.accumulator @load sum i32 sizes [$E]
  moe_kernel.accumulator @P sum f32 sizes [$E]
  moe_kernel.pass rows {
    %one = arith.constant 1.0 : f32
    %x = moe_kernel.load @logits : !moe_kernel.row<$Exf32>
    %s = moe_kernel.map (%x : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = math.absf %a : f32
      %1 = arith.addf %0, %one : f32
      %2 = arith.divf %a, %1 : f32
      moe_kernel.yield %2 : f32
    }
    %route, %w = moe_kernel.topk %s : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %total = moe_kernel.reduce sum %w : !moe_kernel.row<$Kxf32> -> f32
    %c = moe_kernel.chosen %route : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    moe_kernel.store %w, @weight : !moe_kernel.row<$Kxf32>
    moe_kernel.store %route, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.store %c, @kept : !moe_kernel.row<$Exi1>
    moe_kernel.store %total, @total : f32
    moe_kernel.accumulate %s, @P : !moe_kernel.row<$Exf32>
    moe_kernel.count %route, @load : !moe_kernel.row<$Kxi32>
  } finish {
    %one = arith.constant 1 : i32
    %n = moe_kernel.size : i32
    %m = arith.maxsi %n, %one : i32
    %nf = arith.sitofp %m : i32 to f32
    %load = moe_kernel.read @load : !moe_kernel.row<$Exi32>
    %P = moe_kernel.read @P : !moe_kernel.row<$Exf32>
    %share, %product = moe_kernel.map (%load, %P : !moe_kernel.row<$Exi32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32> {
    ^bb0(%a: i32, %b: f32):
      %0 = arith.sitofp %a : i32 to f32
      %1 = arith.divf %0, %nf : f32
      %2 = arith.mulf %1, %b : f32
      moe_kernel.yield %1, %2 : f32, f32
    }
    %sum = moe_kernel.reduce sum %product : !moe_kernel.row<$Exf32> -> f32
    %mean = arith.divf %sum, %nf : f32
    moe_kernel.store %mean, @balance : f32
    moe_kernel.store %share, @share : !moe_kernel.row<$Exf32>
    moe_kernel.store %mean, @mean : f32
  }
}
moe_kernel.program @gate_backward backward_of @gate {
  moe_kernel.buffer @logits input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @grad_weight input f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 0.25
  moe_kernel.buffer @scale_balance param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @total saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @share saved f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @mean saved f32 axes [] sizes []
  moe_kernel.buffer @grad_logits output $T axes ["token", "expert"] sizes [-1, $E] adds
  moe_kernel.buffer @grad_sum output $T axes ["token"] sizes [-1] adds
  moe_kernel.pass rows {
    %one = arith.constant 1.0 : f32
    %x = moe_kernel.load @logits : !moe_kernel.row<$Exf32>
    %g = moe_kernel.load @grad_weight : !moe_kernel.row<$Kxf32>
    %route = moe_kernel.load @route : !moe_kernel.row<$Kxi32>
    %total = moe_kernel.load @total : f32
    %alpha = moe_kernel.load @alpha : f32
    %scale = moe_kernel.load @scale_balance : f32
    %share = moe_kernel.load @share : !moe_kernel.row<$Exf32>
    %mean = moe_kernel.load @mean : f32
    %factor = arith.mulf %alpha, %scale : f32
    %uniform = moe_kernel.map (%share : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %factor : f32
      %1 = arith.addf %0, %mean : f32
      moe_kernel.yield %1 : f32
    }
    %most = moe_kernel.reduce max %share : !moe_kernel.row<$Exf32> -> f32
    %first = moe_kernel.extract %share[0] : !moe_kernel.row<$Exf32> -> f32
    %bound = arith.addf %most, %first : f32
    %gs = moe_kernel.scatter %g to %route : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %c = moe_kernel.chosen %route : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    %gx = moe_kernel.map (%x, %gs, %c, %uniform : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exi1>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32, %chosen: i1, %u: f32):
      %0 = math.absf %a : f32
      %1 = arith.addf %0, %one : f32
      %2 = arith.mulf %1, %1 : f32
      %3 = arith.addf %b, %u : f32
      %4 = arith.divf %3, %2 : f32
      %5 = arith.addf %4, %total : f32
      %6 = arith.select %chosen, %5, %4 : f32
      %7 = arith.mulf %6, %bound : f32
      moe_kernel.yield %7 : f32
    }
    moe_kernel.store %gx, @grad_logits : !moe_kernel.row<$Exf32>
    %sum = moe_kernel.reduce sum %gs : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %sum, @grad_sum : f32
  } finish {
  }
}
