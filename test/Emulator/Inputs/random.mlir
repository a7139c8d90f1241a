// Random numbers: two rounds of a counter of seed, offset, token and position through products of words; rows one behind
// another, positions beyond a row, rows of other tokens, and elements at positions of an array.
moe_kernel.program @drawn {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @far input i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @words output i32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @uniform output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @both output i32 axes ["token", "both"] sizes [-1, $B]
  moe_kernel.buffer @more output f32 axes ["token", "more"] sizes [-1, $M]
  moe_kernel.buffer @held output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @named output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @before output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @order output i32 axes ["place"] sizes [-4] per_token $K extra 3
  moe_kernel.buffer @load metric i32 axes ["expert"] sizes [$E]
  moe_kernel.accumulator @c sum i32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %far = moe_kernel.load @far : !moe_kernel.row<$Kxi32>
    %s0 = moe_kernel.index seed_low : i32
    %s1 = moe_kernel.index seed_high : i32
    %o = moe_kernel.index offset : i32
    %t0 = moe_kernel.index token_low : i32
    %t1 = moe_kernel.index token_high : i32
    %a = arith.constant -766435501 : i32
    %b = arith.constant -845247145 : i32
    %bump = arith.constant -1640531527 : i32
    %nine = arith.constant 9 : i32
    %w = moe_kernel.map -> !moe_kernel.row<$Exi32> {
      %e = moe_kernel.position : i32
      %l0, %h0 = arith.mului_extended %t0, %a : i32
      %l1, %h1 = arith.mului_extended %e, %b : i32
      %0 = arith.xori %h1, %t1 : i32
      %1 = arith.xori %0, %s0 : i32
      %2 = arith.xori %h0, %o : i32
      %3 = arith.xori %2, %s1 : i32
      %k = arith.addi %s0, %bump : i32
      %l2, %h2 = arith.mului_extended %1, %a : i32
      %l3, %h3 = arith.mului_extended %3, %b : i32
      %4 = arith.xori %h3, %l1 : i32
      %5 = arith.xori %4, %k : i32
      %6 = arith.addi %l0, %l2 : i32
      %7 = arith.xori %5, %6 : i32
      %8 = arith.xori %7, %l3 : i32
      %9 = arith.xori %8, %h2 : i32
      moe_kernel.yield %9 : i32
    }
    moe_kernel.store %w, @words : !moe_kernel.row<$Exi32>
    %one = arith.constant 1065353216 : i32
    %unit = arith.constant 1.0 : f32
    %u = moe_kernel.map (%w : !moe_kernel.row<$Exi32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%v: i32):
      %0 = arith.shrui %v, %nine : i32
      %1 = arith.ori %0, %one : i32
      %2 = arith.bitcast %1 : i32 to f32
      %3 = arith.subf %2, %unit : f32
      moe_kernel.yield %3 : f32
    }
    moe_kernel.store %u, @uniform : !moe_kernel.row<$Exf32>
    %i, %q = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %i2 = moe_kernel.concat %far, %i : !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Bxi32>
    moe_kernel.store %i2, @both : !moe_kernel.row<$Bxi32>
    %x2 = moe_kernel.concat %x, %q : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxf32> -> !moe_kernel.row<$Mxf32>
    moe_kernel.store %x2, @more : !moe_kernel.row<$Mxf32>
    %g = moe_kernel.gather %u[%far] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    moe_kernel.store %g, @held : !moe_kernel.row<$Kxf32>
    %n = moe_kernel.chosen %i2 : !moe_kernel.row<$Bxi32> -> !moe_kernel.row<$Exi1>
    moe_kernel.store %n, @named : !moe_kernel.row<$Exi1>
    moe_kernel.count %i2, @c : !moe_kernel.row<$Bxi32>
    %t = moe_kernel.index token : i32
    %two = arith.constant 2 : i32
    %p = arith.subi %t, %two : i32
    %y = moe_kernel.load_at @x[%p] : !moe_kernel.row<$Exf32>
    moe_kernel.store %y, @before : !moe_kernel.row<$Exf32>
    %size = arith.constant $K : i32
    %base = arith.muli %t, %size : i32
    %at = moe_kernel.map (%far : !moe_kernel.row<$Kxi32>) -> !moe_kernel.row<$Kxi32> {
    ^bb0(%v: i32):
      %e = moe_kernel.position : i32
      %0 = arith.addi %base, %e : i32
      moe_kernel.yield %0 : i32
    }
    moe_kernel.store_at %far, %at, @order : !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxi32>
  } finish {
    %c = moe_kernel.read @c : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @load : !moe_kernel.row<$Exi32>
    %n = moe_kernel.size : i32
    %size = arith.constant $K : i32
    %base = arith.muli %n, %size : i32
    %at = moe_kernel.map -> !moe_kernel.row<5xi32> {
      %e = moe_kernel.position : i32
      %0 = arith.addi %base, %e : i32
      moe_kernel.yield %0 : i32
    }
    moe_kernel.store_at %at, %at, @order : !moe_kernel.row<5xi32>, !moe_kernel.row<5xi32>
  }
}
