// RUN: moe-opt %s --moe-pipeline=forward-only --moe-kernel-pipeline --remarks-filter="moe.*" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// Five losses, one of them in no paper, and three metrics are one pass over the tokens, and a remark says so.
// REMARK: "gate 'five_losses': 5 losses, 3 metrics and 0 outputs in 1 pass over the tokens with 7 accumulators"
// REMARK-NOT: Missed

// CHECK-LABEL: @five_losses
// CHECK-DAG: moe_kernel.accumulator @f_sum sum i32 sizes [8]
// CHECK-DAG: moe_kernel.accumulator @P_sum sum f32 sizes [8]
// CHECK-DAG: moe_kernel.accumulator @z_sum sum f32 sizes []
// CHECK-DAG: moe_kernel.accumulator @entropy_sum sum f32 sizes []
// CHECK-DAG: moe_kernel.accumulator @odd_mean_sum sum f32 sizes []
// CHECK-DAG: moe_kernel.accumulator @greatest_logit_max max f32 sizes []
// CHECK-DAG: moe_kernel.accumulator @nonfinite sum i32 sizes []
// CHECK: moe_kernel.pass rows {
// The logits are read once.
// CHECK: %[[X:.*]] = moe_kernel.load @logits
// CHECK-NOT: moe_kernel.load
// CHECK: moe_kernel.topk %[[X]] : <8xf32> -> <2xi32>
// CHECK: moe_kernel.count %{{.*}}, @f_sum
// CHECK: moe_kernel.accumulate %{{.*}}, @P_sum
// CHECK: moe_kernel.accumulate %{{.*}}, @z_sum : f32
// CHECK: moe_kernel.accumulate %{{.*}}, @entropy_sum : f32
// The odd one: groups back and forth, a sorted value, scalars per token.
// CHECK: %[[G:.*]] = moe_kernel.reduce sum %[[X]] : <8xf32> -> !moe_kernel.row<2xf32>
// CHECK: %[[M:.*]] = moe_kernel.map(%[[G]] :
// CHECK: %[[ME:.*]] = moe_kernel.expand %[[M]] : <2xf32> -> <8xf32>
// CHECK: %[[D2:.*]] = moe_kernel.map(%[[X]], %[[ME]] :
// CHECK: %[[V:.*]] = moe_kernel.reduce sum %[[D2]] : <8xf32> -> !moe_kernel.row<2xf32>
// CHECK: %[[SD:.*]] = moe_kernel.map(%[[V]] :
// CHECK:   math.sqrt
// CHECK: %[[SV:.*]] = moe_kernel.reduce sum %[[SD]] : <2xf32> -> f32
// CHECK: %[[SG:.*]] = moe_kernel.map(%[[X]] :
// CHECK: %{{.*}}, %[[BEST:.*]] = moe_kernel.topk %[[SG]] : <8xf32> -> <3xi32>, <3xf32>
// CHECK: %[[K3:.*]] = moe_kernel.extract %[[BEST]][2]
// CHECK: math.tanh
// CHECK: %[[O:.*]] = arith.mulf %[[SV]], %[[K3]] : f32
// CHECK: %[[ODD:.*]] = arith.mulf %[[O]], %{{.*}} : f32
// CHECK: moe_kernel.accumulate %[[ODD]], @odd_mean_sum : f32
// CHECK: moe_kernel.accumulate %{{.*}}, @greatest_logit_max : f32
// CHECK: } finish {
// CHECK-DAG: moe_kernel.store %{{.*}}, @balance
// CHECK-DAG: moe_kernel.store %{{.*}}, @importance
// CHECK-DAG: moe_kernel.store %{{.*}}, @z
// CHECK-DAG: moe_kernel.store %{{.*}}, @entropy
// CHECK-DAG: moe_kernel.store %{{.*}}, @odd_mean
// CHECK-DAG: moe_kernel.store %{{.*}}, @greatest_load
// CHECK-DAG: moe_kernel.store %{{.*}}, @load
// CHECK-DAG: moe_kernel.store %{{.*}}, @greatest_logit
// CHECK-NOT: moe_kernel.pass
moe.gate @five_losses {
  moe.axis @token
  moe.axis @expert size 8
  moe.axis @device size 2 of @expert
  %logits = moe.input "logits" : tensor<?x8xf32, #moe.axes<token, expert>> loc("input logits : float[token, expert]")
  %s = moe.softmax %logits over expert : tensor<?x8xf32, #moe.axes<token, expert>> loc("s = softmax(logits, expert)")
  %r = moe.topk %logits over expert : tensor<?x8xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2> loc("r = topk(s, 2, expert)")
  %c = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x8xi1, #moe.axes<token, expert>> loc("f = count(r)")
  %ci = arith.extui %c : tensor<?x8xi1, #moe.axes<token, expert>> to tensor<?x8xi32, #moe.axes<token, expert>> loc("f = count(r)")
  %n = moe.reduce sum %ci over [token] : tensor<?x8xi32, #moe.axes<token, expert>> -> tensor<8xi32, #moe.axes<expert>> loc("f = count(r)")
  %f = arith.sitofp %n : tensor<8xi32, #moe.axes<expert>> to tensor<8xf32, #moe.axes<expert>> loc("f = count(r)")
  %P = moe.reduce mean %s over [token] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<8xf32, #moe.axes<expert>> loc("P = mean(s, token)")

  // load balance
  %fP = arith.mulf %f, %P : tensor<8xf32, #moe.axes<expert>>
  %l1 = moe.reduce sum %fP over [expert] : tensor<8xf32, #moe.axes<expert>> -> tensor<f32>
  moe.loss "balance" = %l1 : tensor<f32> loc("loss balance = sum(f * P)")
  // importance
  %l2 = moe.reduce cv2 %P over [expert] : tensor<8xf32, #moe.axes<expert>> -> tensor<f32>
  moe.loss "importance" = %l2 : tensor<f32> loc("loss importance = cv2(P)")
  // z
  %z = moe.reduce logsumexp %logits over [expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>> loc("z = logsumexp(logits, expert)")
  %z2 = arith.mulf %z, %z : tensor<?xf32, #moe.axes<token>> loc("z2 = z * z")
  %l3 = moe.reduce mean %z2 over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32> loc("loss z = mean(z2)")
  moe.loss "z" = %l3 : tensor<f32> loc("loss z = mean(z2)")
  // entropy
  %lg = math.log %s : tensor<?x8xf32, #moe.axes<token, expert>> loc("h = s * log(s)")
  %h = arith.mulf %s, %lg : tensor<?x8xf32, #moe.axes<token, expert>> loc("h = s * log(s)")
  %l4 = moe.reduce mean %h over [token, expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<f32> loc("loss entropy = mean(h)")
  moe.loss "entropy" = %l4 : tensor<f32> loc("loss entropy = mean(h)")
  // A loss that no paper has: of each token, the square root of the variance of the logits within each device, summed, times
  // the third-greatest sigmoid and the hyperbolic tangent of the mean logit; averaged over the tokens.
  %v = moe.reduce var %logits over [expert] to device : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, device>> loc("v = sqrt(var(logits, expert -> device))")
  %sd = math.sqrt %v : tensor<?x2xf32, #moe.axes<token, device>> loc("v = sqrt(var(logits, expert -> device))")
  %sv = moe.reduce sum %sd over [device] : tensor<?x2xf32, #moe.axes<token, device>> -> tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %sg = moe.sigmoid %logits : tensor<?x8xf32, #moe.axes<token, expert>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %k3 = moe.kth %sg, 3 over expert : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %ml = moe.reduce mean %logits over [expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %th = math.tanh %ml : tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %o1 = arith.mulf %sv, %k3 : tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %odd = arith.mulf %o1, %th : tensor<?xf32, #moe.axes<token>> loc("odd = sum(v, device) * kth(sigmoid(logits), 3, expert) * tanh(mean(logits, expert))")
  %l5 = moe.reduce mean %odd over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32> loc("loss odd_mean = mean(odd)")
  moe.loss "odd_mean" = %l5 : tensor<f32> loc("loss odd_mean = mean(odd)")

  %m1 = moe.reduce max %f over [expert] : tensor<8xf32, #moe.axes<expert>> -> tensor<f32>
  moe.metric "greatest_load" = %m1 : tensor<f32> loc("metric greatest_load = max(f)")
  moe.metric "load" = %n : tensor<8xi32, #moe.axes<expert>> loc("metric load = f")
  %m3 = moe.reduce max %logits over [token, expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<f32> loc("metric greatest_logit = max(logits)")
  moe.metric "greatest_logit" = %m3 : tensor<f32> loc("metric greatest_logit = max(logits)")
}
