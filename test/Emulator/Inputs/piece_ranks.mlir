// Queues: the rank of each choice among those of all tokens before, and among those of its sequence; the second pass counts
// again what has a place. Choices are spread so that some positions name nothing.
moe_kernel.program @queues $PIECES {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3] // by offsets
  moe_kernel.buffer @choice coefficient i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @first coefficient f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @limit coefficient i32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @place output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @turn output i64 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @kept output i16 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @again output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @best output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @load metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @kept_load metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @bad_offsets status i32 axes [] sizes [] // by offsets
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes [] // by offsets
  moe_kernel.accumulator @all sum i32 sizes [$E] ranked
  moe_kernel.accumulator @own sum i32 sizes [$E] per_piece ranked
  moe_kernel.accumulator @held sum i32 sizes [$E] ranked
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %zero = arith.constant 0.0 : f32
    %none = arith.constant -1 : i32
    %c = moe_kernel.map (%i, %v : !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>) -> !moe_kernel.row<$Kxi32> {
    ^bb0(%a: i32, %b: f32):
      %0 = arith.cmpf ogt, %b, %zero : f32
      %1 = arith.select %0, %a, %none : i32
      moe_kernel.yield %1 : i32
    }
    moe_kernel.store %c, @choice : !moe_kernel.row<$Kxi32>
    moe_kernel.count %c, @all : !moe_kernel.row<$Kxi32>
    moe_kernel.count %c, @own : !moe_kernel.row<$Kxi32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %m, @first : f32
  } pieces {
    %c = moe_kernel.read @own : !moe_kernel.row<$Exi32>
    %two = arith.constant 2 : i32
    %l = moe_kernel.map (%c : !moe_kernel.row<$Exi32>) -> !moe_kernel.row<$Exi32> {
    ^bb0(%a: i32):
      %0 = arith.addi %a, %two : i32
      %1 = arith.divsi %0, %two : i32
      moe_kernel.yield %1 : i32
    }
    moe_kernel.store %l, @limit : !moe_kernel.row<$Exi32>
  } finish {
  }
  moe_kernel.pass because "a queue's order is known after all tokens" rows {
    %c = moe_kernel.load @choice : !moe_kernel.row<$Kxi32>
    %l = moe_kernel.load @limit : !moe_kernel.row<$Exi32>
    %m = moe_kernel.load @first : f32
    %p = moe_kernel.rank %c, @all : !moe_kernel.row<$Kxi32>
    %q = moe_kernel.rank %c, @own : !moe_kernel.row<$Kxi32>
    moe_kernel.store %p, @place : !moe_kernel.row<$Kxi32>
    moe_kernel.store %q, @turn : !moe_kernel.row<$Kxi32>
    moe_kernel.store %m, @best : f32
    %s = moe_kernel.gather %l[%c] : !moe_kernel.row<$Exi32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxi32>
    %none = arith.constant -1 : i32
    %k = moe_kernel.map (%c, %q, %s : !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxi32>) -> !moe_kernel.row<$Kxi32> {
    ^bb0(%a: i32, %b: i32, %d: i32):
      %0 = arith.cmpi slt, %b, %d : i32
      %1 = arith.select %0, %a, %none : i32
      moe_kernel.yield %1 : i32
    }
    moe_kernel.store %k, @kept : !moe_kernel.row<$Kxi32>
    moe_kernel.store %k, @choice : !moe_kernel.row<$Kxi32>
    moe_kernel.count %k, @held : !moe_kernel.row<$Kxi32>
  } finish {
  }
  moe_kernel.pass because "and so is the order of what is kept" rows {
    %c = moe_kernel.load @choice : !moe_kernel.row<$Kxi32>
    %p = moe_kernel.rank %c, @held : !moe_kernel.row<$Kxi32>
    moe_kernel.store %p, @again : !moe_kernel.row<$Kxi32>
  } finish {
    %c = moe_kernel.read @all : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @load : !moe_kernel.row<$Exi32>
    %k = moe_kernel.read @held : !moe_kernel.row<$Exi32>
    moe_kernel.store %k, @kept_load : !moe_kernel.row<$Exi32>
    %seen = moe_kernel.read @bad_offsets_seen : i32 // by offsets
    %none = arith.constant 0 : i32 // by offsets
    %is_bad = arith.cmpi ne, %seen, %none : i32 // by offsets
    %word = arith.extui %is_bad : i1 to i32 // by offsets
    moe_kernel.store %word, @bad_offsets : i32 // by offsets
  }
}
