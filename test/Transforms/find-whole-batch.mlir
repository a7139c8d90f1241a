// RUN: moe-opt %s --moe-find-whole-batch --split-input-file | FileCheck %s
// moe-find-whole-batch: what makes a gate one that takes all its tokens in one call, and what does not.

// Sums that only losses, metrics and updates use can be added up over calls; so can what is finished for each piece.
// CHECK: moe.gate @accumulates {
moe.gate @accumulates {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %m = moe.reduce mean %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %q = arith.mulf %m, %m : tensor<4xf32, #moe.axes<expert>>
  %l = moe.reduce sum %q over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>
  %z = moe.reduce logsumexp %x over [token] to sequence : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x4xf32, #moe.axes<sequence, expert>>
  %e = moe.expand %z from sequence to token : tensor<?x4xf32, #moe.axes<sequence, expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %w = arith.subf %x, %e : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.loss "l" = %l : tensor<f32>
  moe.output "w" = %w : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// Capacity is per call by definition; so are plans. What nothing reported depends on is no reason either.
// CHECK: moe.gate @limited {
moe.gate @limited {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %n = moe.size token : tensor<i32>
  %c = arith.sitofp %n : tensor<i32> to tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %k = moe.limit %r capacity %c : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %o, %b, %p = moe.permute %k pad 1 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
  %unused = moe.softmax %x over token : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "p" = %p : tensor<?x2xi32, #moe.axes<token, r.slot>>
  moe.output "b" = %b : tensor<5xi32, #moe.axes<plan.bound>>
}

// -----

// CHECK: moe.gate @mean whole_batch "'w' needs 'm', a reduction over all tokens, for each token" {
moe.gate @mean {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %m = moe.reduce mean %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32> loc("m = mean(x, token)")
  %s = math.sqrt %m : tensor<f32> loc("m = mean(x, token)")
  %b = moe.broadcast %s : tensor<f32> to tensor<?xf32, #moe.axes<token>> loc("w = x - m")
  %w = arith.subf %x, %b : tensor<?xf32, #moe.axes<token>> loc("w = x - m")
  moe.output "w" = %w : tensor<?xf32, #moe.axes<token>>
}

// -----

// In one statement, without names; through a loss alone.
// CHECK: moe.gate @nameless whole_batch "'moe.broadcast' needs a reduction over all tokens for each token" {
moe.gate @nameless {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %m = moe.reduce max %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %b = moe.broadcast %m : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  %w = arith.subf %x, %b : tensor<?xf32, #moe.axes<token>>
  %l = moe.reduce sum %w over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}

// -----

// CHECK: moe.gate @size whole_batch "'w' needs the size of 'token' for each token" {
moe.gate @size {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %n = moe.size token : tensor<i32> loc("w = x / size(token)")
  %f = arith.sitofp %n : tensor<i32> to tensor<f32> loc("w = x / size(token)")
  %b = moe.broadcast %f : tensor<f32> to tensor<?xf32, #moe.axes<token>> loc("w = x / size(token)")
  %w = arith.divf %x, %b : tensor<?xf32, #moe.axes<token>> loc("w = x / size(token)")
  moe.output "w" = %w : tensor<?xf32, #moe.axes<token>>
}

// -----

// A value of each piece that uses one of the call.
// CHECK: moe.gate @pieces whole_batch "'share' needs 'n', a reduction over all tokens, for each piece" {
moe.gate @pieces {
  moe.axis @token
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce sum %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>> loc("s = sum(x, token -> sequence)")
  %n = moe.reduce sum %s over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32> loc("n = sum(s)")
  %b = moe.broadcast %n : tensor<f32> to tensor<?xf32, #moe.axes<sequence>> loc("share = s / n")
  %w = arith.divf %s, %b : tensor<?xf32, #moe.axes<sequence>> loc("share = s / n")
  moe.output "w" = %w : tensor<?xf32, #moe.axes<sequence>>
}

// -----

// Two passes that the spec does not show: the greatest first, then the sum of what is shifted by it.
// CHECK: moe.gate @logsumexp whole_batch "'z' is a logsumexp over all tokens, which needs the greatest of them first" {
moe.gate @logsumexp {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %z = moe.reduce logsumexp %x over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32> loc("z = logsumexp(x)")
  moe.loss "z" = %z : tensor<f32>
}

// -----

// CHECK: moe.gate @softmax whole_batch "'s' is a softmax over all of 'token'" {
moe.gate @softmax {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %s = moe.softmax %x over token : tensor<?xf32, #moe.axes<token>> loc("s = softmax(x, token)")
  moe.output "s" = %s : tensor<?xf32, #moe.axes<token>>
}

// -----

// A priority, unlike the capacity, is of each token.
// CHECK: moe.gate @priority whole_batch "'p' needs 'm', a reduction over all tokens, for each token" {
moe.gate @priority {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %m = moe.reduce mean %x over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32> loc("m = mean(x)")
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %p = moe.broadcast %m : tensor<f32> to tensor<?x2xf32, #moe.axes<token, r.slot>> loc("p = m")
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %p : tensor<?x2xf32, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// What is finished for each layer belongs to one call; what is reduced over layers and tokens can be added up.
// CHECK: moe.gate @layers whole_batch "'P' is finished for each 'layer'" {
moe.gate @layers {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<2x?x4xf32, #moe.axes<layer, token, expert>>
  %p = moe.reduce mean %x over [token] : tensor<2x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<2x4xf32, #moe.axes<layer, expert>> loc("P = mean(x, token)")
  moe.output "p" = %p : tensor<2x4xf32, #moe.axes<layer, expert>>
}

// -----

// CHECK: moe.gate @all_layers {
moe.gate @all_layers {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<2x?x4xf32, #moe.axes<layer, token, expert>>
  %p = moe.reduce mean %x over [layer, token] : tensor<2x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<4xf32, #moe.axes<expert>> loc("P = mean(x, layer, token)")
  moe.output "p" = %p : tensor<4xf32, #moe.axes<expert>>
}
