// RUN: moe-opt %s --split-input-file --moe-pipeline=forward-only --moe-kernel-pipeline --remarks-filter="moe.*" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// Programs that need several passes over the tokens: the reason stands in the pass and in a remark.

// REMARK: remark: [Passed] passes | Category:moe-fusion | Remark="gate 'deviation': 1 loss, 0 metrics and 0 outputs in 2 passes over the tokens with 3 accumulators"
// REMARK: loc("d = s - m"): [Missed] pass | Category:moe-fusion | Remark="gate 'deviation': pass 2 over the tokens, since 'd' needs 'm' for each token and that is known only after all tokens"

// CHECK-LABEL: @deviation
// CHECK: moe_kernel.buffer @m_known coefficient f32 axes ["expert"] sizes [4]
// CHECK: moe_kernel.pass rows {
// CHECK:   %[[S:.*]] = moe_kernel.load @s
// CHECK:   moe_kernel.accumulate %[[S]], @m_sum
// CHECK: } finish {
// CHECK:   %[[SUM:.*]] = moe_kernel.read @m_sum
// CHECK:   %[[MEAN:.*]] = moe_kernel.map(%[[SUM]] :
// CHECK:   moe_kernel.store %[[MEAN]], @m_known
// CHECK: moe_kernel.pass because "'d' needs 'm' for each token" rows {
// CHECK:   %[[S:.*]] = moe_kernel.load @s
// CHECK:   %[[M:.*]] = moe_kernel.load @m_known
// CHECK:   %[[D2:.*]] = moe_kernel.map(%[[S]], %[[M]] :
// CHECK:     arith.subf
// CHECK:     arith.mulf
// CHECK:   %[[ROW:.*]] = moe_kernel.reduce sum %[[D2]]
// CHECK:   moe_kernel.accumulate %[[ROW]], @deviation_sum
// CHECK: } finish {
// CHECK:   %[[L:.*]] = moe_kernel.read @deviation_sum
// CHECK:   %[[ZERO:.*]] = arith.select %{{.*}}, %{{.*}}, %[[L]] : f32
// CHECK:   moe_kernel.store %[[ZERO]], @deviation
moe.gate @deviation {
  moe.axis @token
  moe.axis @expert size 4
  %s = moe.input "s" : tensor<?x4xf32, #moe.axes<token, expert>> loc("input s : float[token, expert]")
  %m = moe.reduce mean %s over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>> loc("m = mean(s, token)")
  %mb = moe.broadcast %m : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>> loc("d = s - m")
  %d = arith.subf %s, %mb : tensor<?x4xf32, #moe.axes<token, expert>> loc("d = s - m")
  %d2 = arith.mulf %d, %d : tensor<?x4xf32, #moe.axes<token, expert>> loc("loss deviation = sum(d**2)")
  %l = moe.reduce sum %d2 over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32> loc("loss deviation = sum(d**2)")
  moe.loss "deviation" = %l : tensor<f32> loc("loss deviation = sum(d**2)")
}

// -----

// The maximum, then the sum of exponentials, then the result.
// REMARK: "gate 'softmax_over_tokens': 0 losses, 0 metrics and 1 output in 3 passes over the tokens with 3 accumulators"
// REMARK: "gate 'softmax_over_tokens': pass 2 over the tokens, since 'p' needs a reduction over the tokens for each token and that is known only after all tokens"
// REMARK: "gate 'softmax_over_tokens': pass 3 over the tokens, since 'p' needs a reduction over the tokens for each token and that is known only after all tokens"

// CHECK-LABEL: @softmax_over_tokens
// CHECK: moe_kernel.pass rows {
// CHECK:   moe_kernel.accumulate %{{.*}}, @p_maxnum
// CHECK: } finish {
// CHECK:   %[[MAX:.*]] = moe_kernel.read @p_maxnum
// CHECK:   moe_kernel.store %[[MAX]], @p_known
// CHECK: moe_kernel.pass because "'p' needs a reduction over the tokens for each token" rows {
// CHECK:   moe_kernel.load @p_known
// CHECK:   math.exp
// CHECK:   moe_kernel.accumulate %{{.*}}, @p_sum
// CHECK: } finish {
// CHECK:   moe_kernel.read @p_sum
// CHECK:   moe_kernel.store %{{.*}}, @p_known_2
// CHECK: moe_kernel.pass because "'p' needs a reduction over the tokens for each token" rows {
// CHECK:   moe_kernel.load @x
// CHECK:   moe_kernel.load @p_known :
// CHECK:   moe_kernel.load @p_known_2 :
// CHECK:   moe_kernel.store %{{.*}}, @p :
// CHECK: } finish {
// CHECK-NOT: @p_
// CHECK:   moe_kernel.store %{{.*}}, @empty
// CHECK:   moe_kernel.store %{{.*}}, @nonfinite_tokens
moe.gate @softmax_over_tokens {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>> loc("input x : float[token, expert]")
  %p = moe.softmax %x over token : tensor<?x4xf32, #moe.axes<token, expert>> loc("p = softmax(x, token)")
  moe.output "p" = %p : tensor<?x4xf32, #moe.axes<token, expert>> loc("output p")
}

// -----

// The maximum, then the sum: the rows of the second pass load the first as a coefficient, its finish reads what all passes
// have collected. No names: the operation stands for itself.
// REMARK: "gate 'logsumexp_over_tokens': 0 losses, 1 metric and 0 outputs in 2 passes over the tokens with 3 accumulators"
// REMARK: "gate 'logsumexp_over_tokens': pass 2 over the tokens, since moe.broadcast needs a reduction over the tokens for each token and that is known only after all tokens"

// CHECK-LABEL: @logsumexp_over_tokens
// CHECK-DAG: moe_kernel.accumulator @[[SUM:.*]] sum f32 sizes [4]
// CHECK-DAG: moe_kernel.accumulator @[[MAX:.*]] maxnum f32 sizes [4]
// CHECK: moe_kernel.accumulate %{{.*}}, @[[MAX]]
// CHECK: moe_kernel.store %{{.*}}, @coefficient
// CHECK: moe_kernel.pass because "moe.broadcast needs a reduction over the tokens for each token" rows {
// CHECK:   moe_kernel.load @coefficient
// CHECK:   math.exp
// CHECK:   moe_kernel.accumulate %{{.*}}, @[[SUM]]
// CHECK: } finish {
// CHECK-NOT: @coefficient
// CHECK-DAG:   moe_kernel.read @[[SUM]] :
// CHECK-DAG:   moe_kernel.read @[[MAX]] :
// CHECK:   math.log
// CHECK:   moe_kernel.store %{{.*}}, @z
moe.gate @logsumexp_over_tokens {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %z = moe.reduce logsumexp %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  moe.metric "z" = %z : tensor<4xf32, #moe.axes<expert>>
}

// -----

// What nothing reported depends on starts no pass.
// REMARK: "gate 'dead_code': 1 loss, 0 metrics and 0 outputs in 1 pass over the tokens with 2 accumulators"
// REMARK-NOT: pass 2

// CHECK-LABEL: @dead_code
// CHECK: moe_kernel.pass rows
// CHECK-NOT: moe_kernel.pass
moe.gate @dead_code {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %m = moe.reduce sum %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %b = moe.broadcast %m : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  %d = arith.subf %x, %b : tensor<?xf32, #moe.axes<token>>
  moe.loss "l" = %m : tensor<f32>
}

// -----

// A selection made from what the first pass collects: the rows of the second load it, its finish makes it again.
// REMARK: "gate 'selection_of_an_earlier_pass': 0 losses, 1 metric and 0 outputs in 2 passes over the tokens with 3 accumulators"
// REMARK: "gate 'selection_of_an_earlier_pass': pass 2 over the tokens, since moe.broadcast needs 'm' for each token and that is known only after all tokens"
// CHECK-LABEL: @selection_of_an_earlier_pass
// CHECK: moe_kernel.pass rows
// CHECK: moe_kernel.store %{{.*}}, @m_known : !moe_kernel.row<4xf32>
// CHECK: moe_kernel.pass because
// CHECK: } finish {
// CHECK: moe_kernel.read @m_sum
// CHECK: %[[Q:.*]], %{{.*}} = moe_kernel.topk
// CHECK: moe_kernel.gather %{{.*}}[%[[Q]]]
moe.gate @selection_of_an_earlier_pass {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %m = moe.reduce mean %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>> loc("m = mean(x, token)")
  %q = moe.topk %m over expert : tensor<4xf32, #moe.axes<expert>> -> !moe.selection<[], expert, q.slot, 2> loc("q = topk(m, 2, expert)")
  %b = moe.broadcast %m : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %d = arith.subf %x, %b : tensor<?x4xf32, #moe.axes<token, expert>>
  %a = math.absf %d : tensor<?x4xf32, #moe.axes<token, expert>>
  %v = moe.reduce mean %a over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %w = moe.gather %v[%q] : tensor<4xf32, #moe.axes<expert>>, !moe.selection<[], expert, q.slot, 2> -> tensor<2xf32, #moe.axes<q.slot>>
  moe.metric "w" = %w : tensor<2xf32, #moe.axes<q.slot>>
}
