// A gate with pieces and a state, and its step.
moe_kernel.program @held piece_offsets @offsets {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @offsets input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @level state f32 axes [] sizes [] init 0.5
  moe_kernel.buffer @y output i64 axes ["sequence"] sizes [-2]
  moe_kernel.accumulator @n sum i32 sizes [] per_piece
  moe_kernel.accumulator @s sum f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @s : f32
    %one = arith.constant 1 : i32
    moe_kernel.accumulate %one, @n : i32
  } pieces {
    %n = moe_kernel.read @n : i32
    moe_kernel.store %n, @y : i32
  } finish {
  }
}
moe_kernel.program @held_step step_of @held {
  moe_kernel.buffer @level state f32 axes [] sizes [] init 0.5
  moe_kernel.accumulator @n sum i32 sizes [] per_piece
  moe_kernel.accumulator @s sum f32 sizes []
  moe_kernel.pass rows {
  } finish {
    %s = moe_kernel.read @s : f32
    moe_kernel.store %s, @level : f32
  }
}
