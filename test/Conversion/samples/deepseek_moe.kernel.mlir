// RUN: moe-opt %s --verify-roundtrip
// The DeepSeekMoE gate after fusion: one pass over the tokens.
moe_kernel.program @deepseek_moe {
  moe_kernel.buffer @alpha1 param f32 axes [] sizes [] init 1.0e-02
  moe_kernel.buffer @alpha2 param f32 axes [] sizes [] init 5.0e-02
  moe_kernel.buffer @logits input f32 axes ["token", "expert"] sizes [-1, 64]
  moe_kernel.buffer @expert_balance loss f32 axes [] sizes []
  moe_kernel.buffer @device_balance loss f32 axes [] sizes []
  moe_kernel.buffer @max_violation metric f32 axes [] sizes []
  moe_kernel.buffer @weight output f32 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @route output i32 axes ["token", "route.slot"] sizes [-1, 6]
  moe_kernel.buffer @empty status i32 axes [] sizes []
  moe_kernel.buffer @nonfinite_tokens status i32 axes [] sizes []
  moe_kernel.accumulator @count sum i32 sizes [64]
  moe_kernel.accumulator @P sum f32 sizes [64]
  moe_kernel.accumulator @nonfinite sum i32 sizes []
  moe_kernel.pass rows {
    %c0 = arith.constant 0.0 : f32
    %logits = moe_kernel.load @logits : !moe_kernel.row<64xf32>
    %bad = moe_kernel.map (%logits : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%x: f32):
      %0 = arith.mulf %x, %c0 : f32
      moe_kernel.yield %0 : f32
    }
    %badsum = moe_kernel.reduce sum %bad : !moe_kernel.row<64xf32> -> f32
    %isbad = arith.cmpf une, %badsum, %c0 : f32
    %badcount = arith.extui %isbad : i1 to i32
    moe_kernel.accumulate %badcount, @nonfinite : i32
    %m = moe_kernel.reduce maxnum %logits : !moe_kernel.row<64xf32> -> f32
    %e = moe_kernel.map (%logits : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%x: f32):
      %0 = arith.subf %x, %m : f32
      %1 = math.exp %0 : f32
      moe_kernel.yield %1 : f32
    }
    %z = moe_kernel.reduce sum %e : !moe_kernel.row<64xf32> -> f32
    %s = moe_kernel.map (%e : !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32> {
    ^bb0(%x: f32):
      %0 = arith.divf %x, %z : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.accumulate %s, @P : !moe_kernel.row<64xf32>
    %route, %best = moe_kernel.topk %logits : !moe_kernel.row<64xf32> -> !moe_kernel.row<6xi32>, !moe_kernel.row<6xf32>
    moe_kernel.count %route, @count : !moe_kernel.row<6xi32>
    moe_kernel.store %route, @route : !moe_kernel.row<6xi32>
    %weight = moe_kernel.gather %s[%route] : !moe_kernel.row<64xf32>, !moe_kernel.row<6xi32> -> !moe_kernel.row<6xf32>
    moe_kernel.store %weight, @weight : !moe_kernel.row<6xf32>
  } finish {
    %c0 = arith.constant 0.0 : f32
    %c1 = arith.constant 1.0 : f32
    %c6 = arith.constant 6.0 : f32
    %c8 = arith.constant 8.0 : f32
    %c64 = arith.constant 64.0 : f32
    %nan = arith.constant 0x7FC00000 : f32
    %i0 = arith.constant 0 : i32
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f32
    %kt = arith.mulf %c6, %tf : f32
    %count = moe_kernel.read @count : !moe_kernel.row<64xi32>
    %Psum = moe_kernel.read @P : !moe_kernel.row<64xf32>
    %f, %P, %fP = moe_kernel.map (%count, %Psum : !moe_kernel.row<64xi32>, !moe_kernel.row<64xf32>) -> !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32>, !moe_kernel.row<64xf32> {
    ^bb0(%n: i32, %p: f32):
      %0 = arith.sitofp %n : i32 to f32
      %1 = arith.mulf %0, %c64 : f32
      %2 = arith.divf %1, %kt : f32
      %3 = arith.divf %p, %tf : f32
      %4 = arith.mulf %2, %3 : f32
      moe_kernel.yield %2, %3, %4 : f32, f32, f32
    }
    %empty = arith.cmpi eq, %t, %i0 : i32
    %emptyi = arith.extui %empty : i1 to i32
    moe_kernel.store %emptyi, @empty : i32
    %sum = moe_kernel.reduce sum %fP : !moe_kernel.row<64xf32> -> f32
    %alpha1 = moe_kernel.load @alpha1 : f32
    %l1 = arith.mulf %alpha1, %sum : f32
    %l1z = arith.select %empty, %c0, %l1 : f32
    moe_kernel.store %l1z, @expert_balance : f32
    %fd0 = moe_kernel.reduce sum %f : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    %Pd = moe_kernel.reduce sum %P : !moe_kernel.row<64xf32> -> !moe_kernel.row<8xf32>
    %fPd = moe_kernel.map (%fd0, %Pd : !moe_kernel.row<8xf32>, !moe_kernel.row<8xf32>) -> !moe_kernel.row<8xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.divf %a, %c8 : f32
      %1 = arith.mulf %0, %b : f32
      moe_kernel.yield %1 : f32
    }
    %sumd = moe_kernel.reduce sum %fPd : !moe_kernel.row<8xf32> -> f32
    %alpha2 = moe_kernel.load @alpha2 : f32
    %l2 = arith.mulf %alpha2, %sumd : f32
    %l2z = arith.select %empty, %c0, %l2 : f32
    moe_kernel.store %l2z, @device_balance : f32
    %maxf = moe_kernel.reduce max %f : !moe_kernel.row<64xf32> -> f32
    %v = arith.subf %maxf, %c1 : f32
    %vn = arith.select %empty, %nan, %v : f32
    moe_kernel.store %vn, @max_violation : f32
    %bad = moe_kernel.read @nonfinite : i32
    moe_kernel.store %bad, @nonfinite_tokens : i32
  }
}
