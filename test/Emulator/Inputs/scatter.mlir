// Slots to elements at positions that a caller gives, which may be anything: $K slots, $E elements of $T, computed in $R;
// and gradients of arrays without tokens, which finish adds to what stands there.
moe_kernel.program @slots {
  moe_kernel.buffer @scores input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @factor input $T axes ["expert"] sizes [$E]
  moe_kernel.buffer @route input i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @scale input $T axes [] sizes []
  moe_kernel.buffer @weight output $T axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.pass rows {
    %x = moe_kernel.load @scores : !moe_kernel.row<$Ex$R>
    %i, %w = moe_kernel.topk %x : !moe_kernel.row<$Ex$R> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kx$R>
    moe_kernel.store %w, @weight : !moe_kernel.row<$Kx$R>
  } finish {
  }
}
moe_kernel.program @slots_backward backward_of @slots {
  moe_kernel.buffer @grad_weight input $T axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @route input i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @factor input $T axes ["expert"] sizes [$E]
  moe_kernel.buffer @grad_scores output $T axes ["token", "expert"] sizes [-1, $E] adds
  moe_kernel.buffer @grad_factor output $T axes ["expert"] sizes [$E] adds
  moe_kernel.buffer @grad_scale output $T axes [] sizes [] adds
  moe_kernel.accumulator @sums sum $R sizes [$E]
  moe_kernel.accumulator @all sum $R sizes []
  moe_kernel.pass rows {
    %g = moe_kernel.load @grad_weight : !moe_kernel.row<$Kx$R>
    %route = moe_kernel.load @route : !moe_kernel.row<$Kxi32>
    %factor = moe_kernel.load @factor : !moe_kernel.row<$Ex$R>
    %y = moe_kernel.scatter %g to %route : !moe_kernel.row<$Kx$R>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Ex$R>
    moe_kernel.accumulate %y, @sums : !moe_kernel.row<$Ex$R>
    %z = moe_kernel.map (%y, %factor : !moe_kernel.row<$Ex$R>, !moe_kernel.row<$Ex$R>) -> !moe_kernel.row<$Ex$R> {
    ^bb0(%a: $R, %b: $R):
      %0 = arith.mulf %a, %b : $R
      moe_kernel.yield %0 : $R
    }
    moe_kernel.store %z, @grad_scores : !moe_kernel.row<$Ex$R>
    %sum = moe_kernel.reduce sum %z : !moe_kernel.row<$Ex$R> -> $R
    moe_kernel.accumulate %sum, @all : $R
  } finish {
    %sums = moe_kernel.read @sums : !moe_kernel.row<$Ex$R>
    moe_kernel.store %sums, @grad_factor : !moe_kernel.row<$Ex$R>
    %all = moe_kernel.read @all : $R
    moe_kernel.store %all, @grad_scale : $R
  }
}
