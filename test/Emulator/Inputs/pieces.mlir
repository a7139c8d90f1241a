// Sequences: what their tokens read and write of them, accumulators of their own, and what they add to those of all.
moe_kernel.program @pieces $PIECES {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3] // by offsets
  moe_kernel.buffer @scale input f32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @bonus input f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @route output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @where output i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @load output i32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @share output f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @saved_load saved i32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @balance loss f32 axes [] sizes []
  moe_kernel.buffer @busiest metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @total metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @bad_offsets status i32 axes [] sizes [] // by offsets
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes [] // by offsets
  moe_kernel.accumulator @P sum f32 sizes [$E]
  moe_kernel.accumulator @c sum i32 sizes [$E] per_piece
  moe_kernel.accumulator @s sum f32 sizes [$E] per_piece
  moe_kernel.accumulator @top max f32 sizes [] per_piece
  moe_kernel.accumulator @b sum f32 sizes []
  moe_kernel.accumulator @most max i32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %g = moe_kernel.load @scale : !moe_kernel.row<$Exf32>
    %bonus = moe_kernel.load @bonus : f32
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    moe_kernel.store %i, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.count %i, @c : !moe_kernel.row<$Kxi32>
    moe_kernel.accumulate %x, @s : !moe_kernel.row<$Exf32>
    %m = moe_kernel.reduce max %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.accumulate %m, @top : f32
    moe_kernel.accumulate %x, @P : !moe_kernel.row<$Exf32>
    %p = moe_kernel.index piece : i32
    %begin = moe_kernel.index piece_begin : i32
    %t = moe_kernel.index token : i32
    %k = arith.constant 1000 : i32
    %pk = arith.muli %p, %k : i32
    %d = arith.subi %t, %begin : i32
    %w = arith.addi %pk, %d : i32
    moe_kernel.store %w, @where : i32
    %y = moe_kernel.map (%x, %g : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %0, %bonus : f32
      moe_kernel.yield %1 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<$Exf32>
  } pieces {
    %c = moe_kernel.read @c : !moe_kernel.row<$Exi32>
    %s = moe_kernel.read @s : !moe_kernel.row<$Exf32>
    %m = moe_kernel.read @top : f32
    %n = moe_kernel.index piece_size : i32
    %one = arith.constant 1 : i32
    %n1 = arith.maxsi %n, %one : i32
    %nf = arith.sitofp %n1 : i32 to f32
    %f = moe_kernel.map (%c, %s : !moe_kernel.row<$Exi32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: i32, %b: f32):
      %0 = arith.sitofp %a : i32 to f32
      %1 = arith.divf %0, %nf : f32
      %2 = arith.divf %b, %nf : f32
      %3 = arith.mulf %1, %2 : f32
      moe_kernel.yield %3 : f32
    }
    %sum = moe_kernel.reduce sum %f : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.accumulate %sum, @b : f32
    moe_kernel.accumulate %c, @most : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @load : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @saved_load : !moe_kernel.row<$Exi32>
    moe_kernel.store %m, @share : f32
  } finish {
    %seen = moe_kernel.read @bad_offsets_seen : i32 // by offsets
    %none = arith.constant 0 : i32 // by offsets
    %is_bad = arith.cmpi ne, %seen, %none : i32 // by offsets
    %word = arith.extui %is_bad : i1 to i32 // by offsets
    moe_kernel.store %word, @bad_offsets : i32 // by offsets
    %b = moe_kernel.read @b : f32
    %pc = moe_kernel.index piece_count : i32
    %pf = arith.sitofp %pc : i32 to f32
    %q = arith.divf %b, %pf : f32
    moe_kernel.store %q, @balance : f32
    %mo = moe_kernel.read @most : !moe_kernel.row<$Exi32>
    moe_kernel.store %mo, @busiest : !moe_kernel.row<$Exi32>
    %P = moe_kernel.read @P : !moe_kernel.row<$Exf32>
    moe_kernel.store %P, @total : !moe_kernel.row<$Exf32>
  }
}
