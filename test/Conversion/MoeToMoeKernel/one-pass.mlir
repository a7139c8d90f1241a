// RUN: moe-opt %s --split-input-file --moe-pipeline=forward-only --moe-kernel-pipeline --remarks-filter="moe.*" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// One pass holds it all: bf16 logits, uneven and nested groups, counts of two selections, metrics with an axis, scalars per
// token, values that rows and finish both need, inputs that only one of them or none needs.

// REMARK: "gate 'everything': 1 loss, 3 metrics and 4 outputs in 1 pass over the tokens with 3 accumulators"

// CHECK-LABEL: moe_kernel.program @everything attributes
// CHECK-SAME: {name = "token", size = -1 : i64}, {name = "expert", size = 6 : i64}
// CHECK-SAME: {map = array<i32: 0, 1, 1, 2, 2, 2>, name = "device", of = "expert", size = 3 : i64}
// The order of the interface is the order of the spec; what is not used keeps its buffer.
// CHECK-NEXT: moe_kernel.buffer @x input bf16 axes ["token", "expert"] sizes [-1, 6]
// CHECK-NEXT: moe_kernel.buffer @unused input i32 axes ["token"] sizes [-1]
// CHECK-NEXT: moe_kernel.buffer @bias input f32 axes ["expert"] sizes [6]
// CHECK-NEXT: moe_kernel.buffer @scale input f32 axes ["token"] sizes [-1]
// CHECK-NEXT: moe_kernel.buffer @last input f32 axes ["expert"] sizes [6]
// CHECK-NEXT: moe_kernel.buffer @a param f32 axes [] sizes [] init 2.000000e+00
// CHECK-NEXT: moe_kernel.buffer @load metric i32 axes ["device"] sizes [3]
// CHECK-NEXT: moe_kernel.buffer @h metric i32 axes ["expert"] sizes [6]
// CHECK-NEXT: moe_kernel.buffer @lastmean metric f32 axes ["device"] sizes [3]
// CHECK-NEXT: moe_kernel.buffer @constant loss f32 axes [] sizes []
// CHECK-NEXT: moe_kernel.buffer @w output bf16 axes ["token", "expert"] sizes [-1, 6]
// CHECK-NEXT: moe_kernel.buffer @t output f32 axes ["token"] sizes [-1]
// CHECK-NEXT: moe_kernel.buffer @uniform output f32 axes ["expert"] sizes [6]
// CHECK-NEXT: moe_kernel.buffer @g output i32 axes ["token", "g.slot"] sizes [-1, 1]
// CHECK-NEXT: moe_kernel.buffer @empty status i32 axes [] sizes []
// CHECK-NEXT: moe_kernel.buffer @nonfinite_tokens status i32 axes [] sizes []
// CHECK-NEXT: moe_kernel.accumulator @f_sum sum i32 sizes [6]
// CHECK-NEXT: moe_kernel.accumulator @h_sum sum i32 sizes [6]
// CHECK-NEXT: moe_kernel.accumulator @nonfinite sum i32 sizes []

// CHECK-NEXT: moe_kernel.pass rows {
// CHECK-DAG: %[[X:.*]] = moe_kernel.load @x : !moe_kernel.row<6xf32>
// CHECK-DAG: %[[BIAS:.*]] = moe_kernel.load @bias
// CHECK-DAG: %[[SCALE:.*]] = moe_kernel.load @scale : f32
// CHECK-DAG: %[[A:.*]] = moe_kernel.load @a : f32
// CHECK-NOT: moe_kernel.load
// CHECK: %[[B:.*]] = moe_kernel.map(%[[X]], %[[BIAS]] :
// CHECK: %[[GS:.*]] = moe_kernel.reduce max %[[B]] groups [0, 1, 1, 1, 1, 1] : <6xf32> -> !moe_kernel.row<2xf32>
// CHECK: %[[G:.*]], %{{.*}} = moe_kernel.topk %[[GS]] : <2xf32>
// CHECK: %[[IN:.*]] = moe_kernel.chosen %[[G]] : <1xi32> -> <2xi1>
// CHECK: %[[MASK:.*]] = moe_kernel.expand %[[IN]] groups [0, 1, 1, 1, 1, 1]
// CHECK: %[[R:.*]], %{{.*}} = moe_kernel.topk %[[B]] mask %[[MASK]]
// CHECK: %[[Q:.*]], %{{.*}} = moe_kernel.topk %[[X]] : <6xf32> -> <3xi32>
// CHECK: moe_kernel.count %[[R]], @f_sum
// CHECK: moe_kernel.count %[[Q]], @h_sum
// CHECK: %[[A2:.*]] = arith.mulf %[[A]], %[[A]] : f32
// CHECK: moe_kernel.map(%[[B]] :
// CHECK:   arith.mulf %{{.*}}, %[[A2]] : f32
// CHECK:   arith.mulf %{{.*}}, %[[SCALE]] : f32
// CHECK: moe_kernel.store %{{.*}}, @w : !moe_kernel.row<6xf32>
// CHECK: %[[T:.*]] = arith.mulf %[[SCALE]], %[[SCALE]] : f32
// CHECK: moe_kernel.store %[[T]], @t : f32
// CHECK: moe_kernel.store %[[G]], @g : !moe_kernel.row<1xi32>
// A token counts once, whichever of its inputs is not finite.
// CHECK: %[[BAD:.*]] = arith.ori
// CHECK: %[[ONE:.*]] = arith.extui %[[BAD]] : i1 to i32
// CHECK: moe_kernel.accumulate %[[ONE]], @nonfinite

// CHECK: } finish {
// CHECK-DAG: %[[NAN:.*]] = arith.constant 0x7FC00000 : f32
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-DAG: %[[LAST:.*]] = moe_kernel.load @last
// CHECK-DAG: %[[A:.*]] = moe_kernel.load @a
// CHECK-DAG: %[[F:.*]] = moe_kernel.read @f_sum
// CHECK-DAG: %[[H:.*]] = moe_kernel.read @h_sum
// CHECK: moe_kernel.reduce sum %[[F]] groups [0, 1, 1, 2, 2, 2] : <6xi32> -> !moe_kernel.row<3xi32>
// The mean of uneven groups divides by the size of each.
// CHECK: %[[TOTAL:.*]] = moe_kernel.reduce sum %[[LAST]] groups [0, 1, 1, 2, 2, 2]
// CHECK: %[[SIZES:.*]] = moe_kernel.reduce sum %{{.*}} groups [0, 1, 1, 2, 2, 2]
// Without tokens, metrics are NaN (counts 0) and losses 0, even those that depend on no token.
// CHECK: %[[N:.*]] = moe_kernel.size
// CHECK: %[[EMPTY:.*]] = arith.cmpi eq, %[[N]]
// CHECK: moe_kernel.store %{{.*}}, @load
// CHECK: moe_kernel.map(%[[H]] :
// CHECK: moe_kernel.store %{{.*}}, @h
// CHECK: moe_kernel.map(%[[TOTAL]], %[[SIZES]] :
// CHECK:   arith.divf
// CHECK:   arith.select %[[EMPTY]], %[[NAN]]
// CHECK: moe_kernel.store %{{.*}}, @lastmean
// CHECK: %[[A2:.*]] = arith.mulf %[[A]], %[[A]] : f32
// CHECK: %[[L:.*]] = arith.select %[[EMPTY]], %[[ZERO]], %[[A2]] : f32
// CHECK: moe_kernel.store %[[L]], @constant
// CHECK: %[[U:.*]] = moe_kernel.map -> !moe_kernel.row<6xf32> {
// CHECK-NEXT: moe_kernel.yield %[[A2]] : f32
// CHECK: moe_kernel.store %[[U]], @uniform
// CHECK: moe_kernel.store %{{.*}}, @empty
// CHECK: moe_kernel.store %{{.*}}, @nonfinite_tokens
// CHECK-NOT: moe_kernel.pass
moe.gate @everything {
  moe.axis @token
  moe.axis @expert size 6
  moe.axis @device size 3 of @expert map [0, 1, 1, 2, 2, 2]
  moe.axis @node size 2 of @device map [0, 1, 1]
  %x = moe.input "x" : tensor<?x6xbf16, #moe.axes<token, expert>> loc("input x : bf16[token, expert]")
  %unused = moe.input "unused" : tensor<?xi32, #moe.axes<token>> loc("input unused : i32[token]")
  %bias = moe.input "bias" : tensor<6xf32, #moe.axes<expert>> loc("input bias : f32[expert]")
  %scale = moe.input "scale" : tensor<?xf32, #moe.axes<token>> loc("input scale : f32[token]")
  %last = moe.input "last" : tensor<6xf32, #moe.axes<expert>> loc("input last : f32[expert]")
  %a = moe.param "a" = 2.0 : tensor<f32> loc("param a : f32 = 2")
  %s = arith.extf %x : tensor<?x6xbf16, #moe.axes<token, expert>> to tensor<?x6xf32, #moe.axes<token, expert>> loc("s = x")
  %bb = moe.broadcast %bias : tensor<6xf32, #moe.axes<expert>> to tensor<?x6xf32, #moe.axes<token, expert>> loc("b = s + bias")
  %b = arith.addf %s, %bb : tensor<?x6xf32, #moe.axes<token, expert>> loc("b = s + bias")
  %gs = moe.reduce max %b over [expert] to node : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, node>> loc("gs = max(b, expert -> node)")
  %g = moe.topk %gs over node : tensor<?x2xf32, #moe.axes<token, node>> -> !moe.selection<[token], node, g.slot, 1> loc("g = topk(gs, 1, node)")
  %r = moe.topk %b over expert among %g : !moe.selection<[token], node, g.slot, 1> : tensor<?x6xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1> loc("r = topk(b, 1, expert, among = g)")
  %q = moe.topk %s over expert : tensor<?x6xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, q.slot, 3> loc("q = topk(s, 3, expert)")
  %rc = moe.chosen %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x6xi1, #moe.axes<token, expert>> loc("f = count(r)")
  %ri = arith.extui %rc : tensor<?x6xi1, #moe.axes<token, expert>> to tensor<?x6xi32, #moe.axes<token, expert>> loc("f = count(r)")
  %f = moe.reduce sum %ri over [token] : tensor<?x6xi32, #moe.axes<token, expert>> -> tensor<6xi32, #moe.axes<expert>> loc("f = count(r)")
  %qc = moe.chosen %q : !moe.selection<[token], expert, q.slot, 3> -> tensor<?x6xi1, #moe.axes<token, expert>> loc("h = count(q)")
  %qi = arith.extui %qc : tensor<?x6xi1, #moe.axes<token, expert>> to tensor<?x6xi32, #moe.axes<token, expert>> loc("h = count(q)")
  %h = moe.reduce sum %qi over [token] : tensor<?x6xi32, #moe.axes<token, expert>> -> tensor<6xi32, #moe.axes<expert>> loc("h = count(q)")
  %fd = moe.reduce sum %f over [expert] to device : tensor<6xi32, #moe.axes<expert>> -> tensor<3xi32, #moe.axes<device>> loc("metric load = sum(f, expert -> device)")
  %lf = moe.reduce mean %last over [expert] to device : tensor<6xf32, #moe.axes<expert>> -> tensor<3xf32, #moe.axes<device>> loc("metric lastmean = mean(last, expert -> device)")
  moe.metric "load" = %fd : tensor<3xi32, #moe.axes<device>> loc("metric load = sum(f, expert -> device)")
  moe.metric "h" = %h : tensor<6xi32, #moe.axes<expert>> loc("metric h = h")
  moe.metric "lastmean" = %lf : tensor<3xf32, #moe.axes<device>> loc("metric lastmean = mean(last, expert -> device)")
  %a2 = arith.mulf %a, %a : tensor<f32> loc("loss constant = a * a")
  moe.loss "constant" = %a2 : tensor<f32> loc("loss constant = a * a")
  %a2b = moe.broadcast %a2 : tensor<f32> to tensor<?x6xf32, #moe.axes<token, expert>> loc("w = b * a * a * scale")
  %w0 = arith.mulf %b, %a2b : tensor<?x6xf32, #moe.axes<token, expert>> loc("w = b * a * a * scale")
  %sb = moe.broadcast %scale : tensor<?xf32, #moe.axes<token>> to tensor<?x6xf32, #moe.axes<token, expert>> loc("w = b * a * a * scale")
  %w = arith.mulf %w0, %sb : tensor<?x6xf32, #moe.axes<token, expert>> loc("w = b * a * a * scale")
  moe.output "w" = %w store bf16 : tensor<?x6xf32, #moe.axes<token, expert>> loc("output w : bf16")
  %t = arith.mulf %scale, %scale : tensor<?xf32, #moe.axes<token>> loc("t = scale * scale")
  moe.output "t" = %t : tensor<?xf32, #moe.axes<token>> loc("output t")
  %ab = moe.broadcast %a2 : tensor<f32> to tensor<6xf32, #moe.axes<expert>> loc("output uniform = expand(a * a)")
  moe.output "uniform" = %ab : tensor<6xf32, #moe.axes<expert>> loc("output uniform = expand(a * a)")
  moe.output "g" = %g : !moe.selection<[token], node, g.slot, 1> loc("output g")
}

// -----

// A gate without tokens is all finish, and is never empty.
// REMARK: "gate 'no_tokens': 1 loss, 0 metrics and 1 output in 1 pass over the tokens with 0 accumulators"

// CHECK-LABEL: @no_tokens
// CHECK: moe_kernel.pass rows {
// CHECK-NEXT: } finish {
// CHECK: %[[X:.*]] = moe_kernel.load @x
// CHECK: %[[L:.*]] = moe_kernel.reduce sum %[[X]]
// CHECK: moe_kernel.store %[[L]], @l
// CHECK: moe_kernel.store %{{.*}}, @r : !moe_kernel.row<2xi32>
moe.gate @no_tokens {
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<4xf32, #moe.axes<expert>>
  %l = moe.reduce sum %x over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>
  %r = moe.topk %x over expert : tensor<4xf32, #moe.axes<expert>> -> !moe.selection<[], expert, r.slot, 2>
  moe.loss "l" = %l : tensor<f32>
  moe.output "r" = %r : !moe.selection<[], expert, r.slot, 2>
}

// -----

// Names that other symbols have already get a number; inputs of f64 are checked in f64.
// CHECK-LABEL: @names
// CHECK: moe_kernel.buffer @s_sum input f64
// CHECK: moe_kernel.accumulator @s_sum_2 sum f64 sizes []
// CHECK: moe_kernel.accumulator @nonfinite_2 sum i32 sizes []
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f64
// CHECK: arith.mulf %{{.*}}, %[[ZERO]] : f64
// CHECK: moe_kernel.accumulate %{{.*}}, @nonfinite_2
moe.gate @names {
  moe.axis @token
  %x = moe.input "s_sum" : tensor<?xf64, #moe.axes<token>> loc("input s_sum : f64[token]")
  %s = moe.reduce sum %x over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64> loc("s = sum(s_sum)")
  moe.loss "nonfinite" = %s : tensor<f64> loc("loss nonfinite = s")
}
