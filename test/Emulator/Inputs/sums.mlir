// Sums along a row, of equal blocks, of uneven groups, and of what a finish region reads.
moe_kernel.program @sums {
  moe_kernel.buffer @x input $T axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @total output $R axes ["token"] sizes [-1]
  moe_kernel.buffer @blocks output $R axes ["token", "block"] sizes [-1, $G]
  moe_kernel.buffer @uneven output $R axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @finished metric $R axes [] sizes []
  moe_kernel.accumulator @column sum $R sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Ex$R>
    moe_kernel.accumulate %x, @column : !moe_kernel.row<$Ex$R>
    %total = moe_kernel.reduce sum %x : !moe_kernel.row<$Ex$R> -> $R
    moe_kernel.store %total, @total : $R
    %blocks = moe_kernel.reduce sum %x : !moe_kernel.row<$Ex$R> -> !moe_kernel.row<$Gx$R>
    moe_kernel.store %blocks, @blocks : !moe_kernel.row<$Gx$R>
    %uneven = moe_kernel.reduce sum %x groups [$GROUPS] : !moe_kernel.row<$Ex$R> -> !moe_kernel.row<$Gx$R>
    moe_kernel.store %uneven, @uneven : !moe_kernel.row<$Gx$R>
  } finish {
    %column = moe_kernel.read @column : !moe_kernel.row<$Ex$R>
    %all = moe_kernel.reduce sum %column : !moe_kernel.row<$Ex$R> -> $R
    moe_kernel.store %all, @finished : $R
  }
}
