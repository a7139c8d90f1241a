// RUN: moe-opt %s --split-input-file --moe-decompose --cse | FileCheck %s
// moe-decompose: each composite and its parts.

// softmax = e * (1 / sum(e)), e = exp(x - greatest x that is not NaN)
// CHECK-LABEL: @softmax
// CHECK-DAG: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f32>
// CHECK-DAG: %[[X:.*]] = moe.input "x"
// CHECK: %[[M:.*]] = moe.reduce maxnum %[[X]] over [expert]
// CHECK: %[[MB:.*]] = moe.broadcast %[[M]]
// CHECK: %[[D:.*]] = arith.subf %[[X]], %[[MB]]
// CHECK: %[[E:.*]] = math.exp %[[D]]
// CHECK: %[[S:.*]] = moe.reduce sum %[[E]] over [expert]
// CHECK: %[[ONES:.*]] = moe.broadcast %[[ONE]]
// CHECK: %[[I:.*]] = arith.divf %[[ONES]], %[[S]] : tensor<?xf32, #moe.axes<token>>
// CHECK: %[[IB:.*]] = moe.broadcast %[[I]]
// CHECK: %[[Y:.*]] = arith.mulf %[[E]], %[[IB]]
// CHECK: moe.output "y" = %[[Y]]
moe.gate @softmax {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.softmax %x over expert : tensor<?x6xf32, #moe.axes<token, expert>>
  moe.output "y" = %y : tensor<?x6xf32, #moe.axes<token, expert>>
}

// -----

// Over valid slots: both reductions know which.
// CHECK-LABEL: @softmax_of_valid_slots
// CHECK: %[[R:.*]] = moe.topk
// CHECK: moe.reduce maxnum %{{.*}} over [r.slot] valid %[[R]]
// CHECK: moe.reduce sum %{{.*}} over [r.slot] valid %[[R]]
moe.gate @softmax_of_valid_slots {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x6xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x6xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %y = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "y" = %y : tensor<?x2xf32, #moe.axes<token, r.slot>>
}

// -----

// normalize = x / sum(x)
// CHECK-LABEL: @normalize
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[S:.*]] = moe.reduce sum %[[X]] over [expert]
// CHECK: %[[SB:.*]] = moe.broadcast %[[S]]
// CHECK: arith.divf %[[X]], %[[SB]]
moe.gate @normalize {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.normalize %x over expert : tensor<?x6xf32, #moe.axes<token, expert>>
  moe.output "y" = %y : tensor<?x6xf32, #moe.axes<token, expert>>
}

// -----

// standardize = (x - mean) / (sqrt(mean((x - mean)^2)) + eps)
// CHECK-LABEL: @standardize
// CHECK-DAG: %[[N:.*]] = arith.constant dense<6.000000e+00> : tensor<f32>
// CHECK-DAG: %[[EPS:.*]] = arith.constant dense<9.99999974E-6> : tensor<f32>
// CHECK-DAG: %[[X:.*]] = moe.input "x"
// CHECK: %[[S:.*]] = moe.reduce sum %[[X]] over [expert]
// CHECK: %[[NB:.*]] = moe.broadcast %[[N]]
// CHECK: %[[M:.*]] = arith.divf %[[S]], %[[NB]]
// CHECK: %[[MB:.*]] = moe.broadcast %[[M]]
// CHECK: %[[C:.*]] = arith.subf %[[X]], %[[MB]]
// CHECK: %[[C2:.*]] = arith.mulf %[[C]], %[[C]]
// CHECK: %[[S2:.*]] = moe.reduce sum %[[C2]] over [expert]
// CHECK: %[[V:.*]] = arith.divf %[[S2]], %[[NB]]
// CHECK: %[[SD:.*]] = math.sqrt %[[V]]
// CHECK: %[[EB:.*]] = moe.broadcast %[[EPS]]
// CHECK: %[[D:.*]] = arith.addf %[[SD]], %[[EB]]
// CHECK: %[[DB:.*]] = moe.broadcast %[[D]]
// CHECK: arith.divf %[[C]], %[[DB]]
moe.gate @standardize {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.standardize %x, 1.0e-05 over expert : tensor<?x6xf32, #moe.axes<token, expert>>
  moe.output "y" = %y : tensor<?x6xf32, #moe.axes<token, expert>>
}

// -----

// logsumexp = m + log(sum(exp(x - m))), m the greatest x, or 0 where that is infinite
// CHECK-LABEL: @logsumexp
// CHECK-DAG: %[[INF:.*]] = arith.constant dense<0x7F800000> : tensor<f32>
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[X:.*]] = moe.input "x"
// CHECK: %[[G:.*]] = moe.reduce maxnum %[[X]] over [expert] to device
// CHECK: %[[A:.*]] = math.absf %[[G]]
// CHECK: %[[IB:.*]] = moe.broadcast %[[INF]]
// CHECK: %[[C:.*]] = arith.cmpf oeq, %[[A]], %[[IB]]
// CHECK: %[[ZB:.*]] = moe.broadcast %[[ZERO]]
// CHECK: %[[M:.*]] = arith.select %[[C]], %[[ZB]], %[[G]]
// CHECK: %[[ME:.*]] = moe.expand %[[M]] from device to expert
// CHECK: %[[D:.*]] = arith.subf %[[X]], %[[ME]]
// CHECK: %[[E:.*]] = math.exp %[[D]]
// CHECK: %[[S:.*]] = moe.reduce sum %[[E]] over [expert] to device
// CHECK: %[[L:.*]] = math.log %[[S]]
// CHECK: arith.addf %[[L]], %[[M]]
moe.gate @logsumexp {
  moe.axis @token
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.reduce logsumexp %x over [expert] to device : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, device>>
  moe.output "y" = %y : tensor<?x2xf32, #moe.axes<token, device>>
}

// -----

// The mean of equal groups divides by one number, of uneven groups by the size of each.
// CHECK-LABEL: @mean_of_groups
// CHECK-DAG: %[[THREE:.*]] = arith.constant dense<3.000000e+00> : tensor<f32>
// CHECK-DAG: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f32>
// CHECK: %[[A:.*]] = moe.reduce sum %{{.*}} over [expert] to device
// CHECK: %[[N:.*]] = moe.broadcast %[[THREE]]
// CHECK: arith.divf %[[A]], %[[N]]
// CHECK: %[[B:.*]] = moe.reduce sum %{{.*}} over [expert] to rack
// CHECK: %[[ONES:.*]] = moe.broadcast %[[ONE]] : tensor<f32> to tensor<6xf32, #moe.axes<expert>>
// CHECK: %[[SIZES:.*]] = moe.reduce sum %[[ONES]] over [expert] to rack : tensor<6xf32, #moe.axes<expert>> -> tensor<3xf32, #moe.axes<rack>>
// CHECK: %[[SB:.*]] = moe.broadcast %[[SIZES]]
// CHECK: arith.divf %[[B]], %[[SB]]
moe.gate @mean_of_groups {
  moe.axis @token
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  moe.axis @rack size 3 of @expert map [0, 1, 1, 2, 2, 2]
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %a = moe.reduce mean %x over [expert] to device : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, device>>
  %b = moe.reduce mean %x over [expert] to rack : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
  moe.output "a" = %a : tensor<?x2xf32, #moe.axes<token, device>>
  moe.output "b" = %b : tensor<?x3xf32, #moe.axes<token, rack>>
}

// -----

// Over the tokens and a row: the row first; divided by T * 6.
// CHECK-LABEL: @mean_over_tokens_and_experts
// CHECK-DAG: %[[SIX:.*]] = arith.constant dense<6.000000e+00> : tensor<f32>
// CHECK-DAG: %[[X:.*]] = moe.input "x"
// CHECK: %[[R:.*]] = moe.reduce sum %[[X]] over [expert]
// CHECK: %[[S:.*]] = moe.reduce sum %[[R]] over [token]
// CHECK: %[[T:.*]] = moe.size token
// CHECK: %[[TF:.*]] = arith.sitofp %[[T]]
// CHECK: %[[N:.*]] = arith.mulf %[[TF]], %[[SIX]]
// CHECK: arith.divf %[[S]], %[[N]]
moe.gate @mean_over_tokens_and_experts {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.reduce mean %x over [token, expert] : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "y" = %y : tensor<f32>
}

// -----

// Over the tokens and valid slots: the slots first, and only they are asked whether they are valid.
// CHECK-LABEL: @sum_over_tokens_and_valid_slots
// CHECK: %[[R:.*]] = moe.topk
// CHECK: %[[W:.*]] = moe.gather
// CHECK: %[[S:.*]] = moe.reduce sum %[[W]] over [r.slot] valid %[[R]]
// CHECK: moe.reduce sum %[[S]] over [token] :
moe.gate @sum_over_tokens_and_valid_slots {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x6xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x6xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %y = moe.reduce sum %w over [token, r.slot] valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<?x2xf32, #moe.axes<token, r.slot>> -> tensor<f32>
  moe.loss "y" = %y : tensor<f32>
}

// -----

// In a row, var = mean((x - mean)^2): it does not cancel. std = sqrt(var).
// CHECK-LABEL: @deviation_of_groups
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[S:.*]] = moe.reduce sum %[[X]] over [expert] to device
// CHECK: %[[M:.*]] = arith.divf %[[S]], %[[N:.*]] :
// CHECK: %[[ME:.*]] = moe.expand %[[M]] from device to expert
// CHECK: %[[C:.*]] = arith.subf %[[X]], %[[ME]]
// CHECK: %[[C2:.*]] = arith.mulf %[[C]], %[[C]]
// CHECK: %[[S2:.*]] = moe.reduce sum %[[C2]] over [expert] to device
// CHECK: %[[V:.*]] = arith.divf %[[S2]], %[[N]] :
// CHECK: math.sqrt %[[V]]
moe.gate @deviation_of_groups {
  moe.axis @token
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.reduce std %x over [expert] to device : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, device>>
  moe.output "y" = %y : tensor<?x2xf32, #moe.axes<token, device>>
}

// -----

// Over the tokens, var = max(mean(x^2) - mean(x)^2, 0): one pass is enough.
// CHECK-LABEL: @variance_over_tokens
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[X:.*]] = moe.input "x"
// CHECK: %[[S:.*]] = moe.reduce sum %[[X]] over [token]
// CHECK: %[[M:.*]] = arith.divf %[[S]]
// CHECK: %[[X2:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK: %[[S2:.*]] = moe.reduce sum %[[X2]] over [token]
// CHECK: %[[Q:.*]] = arith.divf %[[S2]]
// CHECK: %[[M2:.*]] = arith.mulf %[[M]], %[[M]]
// CHECK: %[[D:.*]] = arith.subf %[[Q]], %[[M2]]
// CHECK: %[[ZB:.*]] = moe.broadcast %[[ZERO]]
// CHECK: arith.maximumf %[[D]], %[[ZB]]
moe.gate @variance_over_tokens {
  moe.axis @token
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<?x6xf32, #moe.axes<token, expert>>
  %y = moe.reduce var %x over [token] : tensor<?x6xf32, #moe.axes<token, expert>> -> tensor<6xf32, #moe.axes<expert>>
  moe.metric "y" = %y : tensor<6xf32, #moe.axes<expert>>
}

// -----

// cv2 = var / mean / mean: the square of a small mean would underflow.
// CHECK-LABEL: @cv2
// CHECK: %[[M:.*]] = arith.divf
// CHECK: %[[V:.*]] = arith.divf
// CHECK: %[[Q:.*]] = arith.divf %[[V]], %[[M]] : tensor<f32>
// CHECK: arith.divf %[[Q]], %[[M]] : tensor<f32>
moe.gate @cv2 {
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<6xf32, #moe.axes<expert>>
  %y = moe.reduce cv2 %x over [expert] : tensor<6xf32, #moe.axes<expert>> -> tensor<f32>
  moe.loss "y" = %y : tensor<f32>
}

// -----

// Pointwise: none of moe's own functions is left.
// CHECK-LABEL: @pointwise
// CHECK-NOT: moe.{{sigmoid|softplus|normal_cdf|sign|detach}}
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[N:.*]] = arith.negf %[[X]]
// CHECK: %[[E:.*]] = math.exp %[[N]]
// CHECK: %[[D:.*]] = arith.addf %[[E]]
// CHECK: %[[A:.*]] = arith.divf %{{.*}}, %[[D]]
// CHECK: math.log1p
// CHECK: math.erfc
// CHECK: arith.cmpf olt
// CHECK: arith.cmpf ogt
// CHECK: moe.metric "a" = %[[A]]
// CHECK: moe.metric "e" = %[[X]]
moe.gate @pointwise {
  moe.axis @expert size 6
  %x = moe.input "x" : tensor<6xf32, #moe.axes<expert>>
  %a = moe.sigmoid %x : tensor<6xf32, #moe.axes<expert>>
  %b = moe.softplus %x : tensor<6xf32, #moe.axes<expert>>
  %c = moe.normal_cdf %x : tensor<6xf32, #moe.axes<expert>>
  %d = moe.sign %x : tensor<6xf32, #moe.axes<expert>>
  %e = moe.detach %x : tensor<6xf32, #moe.axes<expert>>
  moe.metric "a" = %a : tensor<6xf32, #moe.axes<expert>>
  moe.metric "b" = %b : tensor<6xf32, #moe.axes<expert>>
  moe.metric "c" = %c : tensor<6xf32, #moe.axes<expert>>
  moe.metric "d" = %d : tensor<6xf32, #moe.axes<expert>>
  moe.metric "e" = %e : tensor<6xf32, #moe.axes<expert>>
}

// -----

// Over pieces that may be empty: moe-apply-mask has said what is over none of them, and their number is not asked for again.
// CHECK-LABEL: @logsumexp_over_packed_pieces
// CHECK: moe.reduce maxnum %{{.*}} over [sequence]
// CHECK: moe.reduce sum %{{.*}} over [sequence]
// CHECK: math.log
// CHECK-NOT: moe.size sequence
// CHECK: moe.loss
moe.gate @logsumexp_over_packed_pieces {
  moe.axis @token
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %y = moe.input "y" : tensor<?xf32, #moe.axes<sequence>>
  %l = moe.reduce logsumexp %y over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}

// -----

// Over the tokens of all layers: the row first, then layers and tokens together.
// CHECK-LABEL: @over_layers
// CHECK: %[[R:.*]] = moe.reduce sum %{{.*}} over [expert] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<3x?xf32, #moe.axes<layer, token>>
// CHECK: moe.reduce sum %[[R]] over [layer, token] : tensor<3x?xf32, #moe.axes<layer, token>> -> tensor<f32>
moe.gate @over_layers {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %l = moe.reduce sum %x over [token, expert, layer] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}
