// Layers: what each has of its own and what all share, rows of other tokens of the same layer, and what a layer collects.
moe_kernel.program @layered layers $Z piece_count $Z {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E] layered "layer"
  moe_kernel.buffer @weight input f32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @shared input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @bias input f32 axes ["layer", "expert"] sizes [-2, $E]
  moe_kernel.buffer @y output $T axes ["token", "expert"] sizes [-1, $E] layered "layer"
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K] layered "layer"
  moe_kernel.buffer @first output f32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @grad output $T axes ["token", "expert"] sizes [-1, $E] adds layered "layer"
  moe_kernel.buffer @grad_weight output f32 axes ["token"] sizes [-1] adds layered "layer"
  moe_kernel.buffer @kept saved i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @load output i32 axes ["layer", "expert"] sizes [-2, $E]
  moe_kernel.buffer @total metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @rows metric i32 axes [] sizes []
  moe_kernel.accumulator @c sum i32 sizes [$E] per_piece
  moe_kernel.accumulator @all sum i32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %w = moe_kernel.load @weight : f32
    %s = moe_kernel.load @shared : !moe_kernel.row<$Exf32>
    %b = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %t = moe_kernel.index token : i32
    %begin = moe_kernel.index piece_begin : i32
    %one = arith.constant 1 : i32
    %none = arith.constant -1 : i32
    %last = arith.subi %t, %one : i32
    %is_first = arith.cmpi eq, %t, %begin : i32
    %before = arith.select %is_first, %none, %last : i32
    %xb = moe_kernel.load_at @x[%before] : !moe_kernel.row<$Exf32>
    %wb = moe_kernel.load_at @weight[%before] : f32
    %y = moe_kernel.map (%x, %s, %b, %xb : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %c: f32, %d: f32, %e: f32):
      %0 = arith.mulf %a, %w : f32
      %1 = arith.addf %0, %c : f32
      %2 = arith.addf %1, %d : f32
      %3 = arith.mulf %e, %wb : f32
      %4 = arith.addf %2, %3 : f32
      moe_kernel.yield %4 : f32
    }
    %i, %v = moe_kernel.topk %y : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %m = moe_kernel.reduce maxnum %y : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %y, @y : !moe_kernel.row<$Exf32>
    moe_kernel.store %i, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.store %i, @kept : !moe_kernel.row<$Kxi32>
    moe_kernel.store %m, @first : f32
    moe_kernel.store %y, @grad : !moe_kernel.row<$Exf32>
    moe_kernel.store %m, @grad_weight : f32
    moe_kernel.count %i, @c : !moe_kernel.row<$Kxi32>
    moe_kernel.count %i, @all : !moe_kernel.row<$Kxi32>
  } pieces {
    %c = moe_kernel.read @c : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @load : !moe_kernel.row<$Exi32>
  } finish {
    %c = moe_kernel.read @all : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @total : !moe_kernel.row<$Exi32>
    %n = moe_kernel.size : i32
    moe_kernel.store %n, @rows : i32
  }
}
