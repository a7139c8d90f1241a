// Documents of sequences: passes over tokens, over sequences and over documents. What sequences and documents collect, what
// they give back to their tokens, sums that rows and pieces add to, and the number of tokens in the finish of a pass over
// documents.
moe_kernel.program @nested $PIECES {
  moe_kernel.pieces $OUTER
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3] // by offsets
  moe_kernel.buffer @cu_documents input i32 axes ["document.bound"] sizes [-6] // by outer offsets
  moe_kernel.buffer @weight input f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @scale input f32 axes ["document", "expert"] sizes [-5, $E]
  moe_kernel.buffer @load coefficient i32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @norm coefficient f32 axes ["document"] sizes [-5]
  moe_kernel.buffer @share coefficient f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @mean coefficient f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @tokens coefficient f32 axes [] sizes []
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @scaled output f32 axes ["sequence", "expert"] sizes [-2, $E]
  moe_kernel.buffer @where output i32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @document_load output i32 axes ["document", "expert"] sizes [-5, $E]
  moe_kernel.buffer @saved_norm saved f32 axes ["document"] sizes [-5]
  moe_kernel.buffer @total metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @most metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @both metric f32 axes [] sizes []
  moe_kernel.buffer @scales metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @greatest metric f32 axes [] sizes []
  moe_kernel.buffer @count metric i32 axes [] sizes []
  moe_kernel.buffer @bad_offsets status i32 axes [] sizes [] // by any offsets
  moe_kernel.accumulator @c sum i32 sizes [$E] per_piece
  moe_kernel.accumulator @tokens_load sum i32 sizes [$E]
  moe_kernel.accumulator @d sum i32 sizes [$E] per_piece
  moe_kernel.accumulator @w sum f32 sizes [] per_piece
  moe_kernel.accumulator @greatest_load max i32 sizes [$E]
  moe_kernel.accumulator @rows_and_pieces sum f32 sizes []
  moe_kernel.accumulator @scales_of_both sum f64 sizes [$E]
  moe_kernel.accumulator @greatest_norm max f32 sizes []
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes [] // by any offsets
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    moe_kernel.count %i, @c : !moe_kernel.row<$Kxi32>
    moe_kernel.count %i, @tokens_load : !moe_kernel.row<$Kxi32>
  } pieces {
    %c = moe_kernel.read @c : !moe_kernel.row<$Exi32>
    moe_kernel.store %c, @load : !moe_kernel.row<$Exi32>
  } finish {
    %t = moe_kernel.size : i32
    %one = arith.constant 1 : i32
    %t1 = arith.maxsi %t, %one : i32
    %tf = arith.sitofp %t1 : i32 to f32
    %l = moe_kernel.read @tokens_load : !moe_kernel.row<$Exi32>
    %m = moe_kernel.map (%l : !moe_kernel.row<$Exi32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: i32):
      %0 = arith.sitofp %a : i32 to f32
      %1 = arith.divf %0, %tf : f32
      moe_kernel.yield %1 : f32
    }
    moe_kernel.store %m, @mean : !moe_kernel.row<$Exf32>
  }
  moe_kernel.pass because "documents are of sequences" over_level 1 rows {
    %l = moe_kernel.load @load : !moe_kernel.row<$Exi32>
    %w = moe_kernel.load @weight : f32
    %g = moe_kernel.load @scale : !moe_kernel.row<$Exf32>
    moe_kernel.accumulate %l, @d : !moe_kernel.row<$Exi32>
    moe_kernel.accumulate %w, @w : f32
    moe_kernel.accumulate %w, @rows_and_pieces : f32
    %s = moe_kernel.map (%g : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %w : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %s, @scaled : !moe_kernel.row<$Exf32>
    %sd = moe_kernel.map (%s : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf64> {
    ^bb0(%a: f32):
      %0 = arith.extf %a : f32 to f64
      moe_kernel.yield %0 : f64
    }
    moe_kernel.accumulate %sd, @scales_of_both : !moe_kernel.row<$Exf64>
    %n = moe_kernel.index token : i32
    %p = moe_kernel.index piece : i32
    %b = moe_kernel.index piece_begin : i32
    %z = moe_kernel.index piece_size : i32
    %k = arith.constant 1000 : i32
    %pk = arith.muli %p, %k : i32
    %nb = arith.subi %n, %b : i32
    %q = arith.addi %pk, %nb : i32
    %r = arith.addi %q, %z : i32
    moe_kernel.store %r, @where : i32
  } pieces {
    %d = moe_kernel.read @d : !moe_kernel.row<$Exi32>
    %w = moe_kernel.read @w : f32
    %g = moe_kernel.load @scale : !moe_kernel.row<$Exf32>
    %w2 = math.absf %w : f32
    %one = arith.constant 1.0 : f32
    %n = arith.addf %w2, %one : f32
    moe_kernel.store %d, @document_load : !moe_kernel.row<$Exi32>
    moe_kernel.store %n, @norm : f32
    moe_kernel.store %n, @saved_norm : f32
    moe_kernel.accumulate %d, @greatest_load : !moe_kernel.row<$Exi32>
    moe_kernel.accumulate %n, @rows_and_pieces : f32
    %gd = moe_kernel.map (%g : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf64> {
    ^bb0(%a: f32):
      %0 = arith.extf %a : f32 to f64
      moe_kernel.yield %0 : f64
    }
    moe_kernel.accumulate %gd, @scales_of_both : !moe_kernel.row<$Exf64>
  } finish {
  }
  moe_kernel.pass because "each sequence takes its part of the document" over_level 1 rows {
    %w = moe_kernel.load @weight : f32
    %n = moe_kernel.load @norm : f32
    %s = arith.divf %w, %n : f32
    moe_kernel.store %s, @share : f32
  } finish {
  }
  moe_kernel.pass because "of all documents" over_level 2 rows {
    %n = moe_kernel.load @norm : f32
    moe_kernel.accumulate %n, @greatest_norm : f32
  } finish {
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f32
    moe_kernel.store %tf, @tokens : f32
  }
  moe_kernel.pass because "tokens take it" rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %s = moe_kernel.load @share : f32
    %m = moe_kernel.load @mean : !moe_kernel.row<$Exf32>
    %t = moe_kernel.load @tokens : f32
    %y = moe_kernel.map (%x, %m : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %s : f32
      %1 = arith.addf %0, %b : f32
      %2 = arith.addf %1, %t : f32
      moe_kernel.yield %2 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<$Exf32>
  } finish {
    %t = moe_kernel.size : i32
    moe_kernel.store %t, @count : i32
    %l = moe_kernel.read @tokens_load : !moe_kernel.row<$Exi32>
    moe_kernel.store %l, @total : !moe_kernel.row<$Exi32>
    %m = moe_kernel.read @greatest_load : !moe_kernel.row<$Exi32>
    moe_kernel.store %m, @most : !moe_kernel.row<$Exi32>
    %b = moe_kernel.read @rows_and_pieces : f32
    moe_kernel.store %b, @both : f32
    %g = moe_kernel.read @greatest_norm : f32
    moe_kernel.store %g, @greatest : f32
    %sd = moe_kernel.read @scales_of_both : !moe_kernel.row<$Exf64>
    %s = moe_kernel.map (%sd : !moe_kernel.row<$Exf64>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f64):
      %0 = arith.truncf %a : f64 to f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %s, @scales : !moe_kernel.row<$Exf32>
    %seen = moe_kernel.read @bad_offsets_seen : i32 // by any offsets
    %none = arith.constant 0 : i32 // by any offsets
    %is_bad = arith.cmpi ne, %seen, %none : i32 // by any offsets
    %word = arith.extui %is_bad : i1 to i32 // by any offsets
    moe_kernel.store %word, @bad_offsets : i32 // by any offsets
  }
}
