// RUN: moe-opt %s --split-input-file --moe-pipeline --remarks-filter="moe-backward" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t.remarks
// moe-derive-backward and moe-cut-backward: what the backward gate is handed, and what it computes again.

// A route that the caller has already is asked of the caller; a load is finished by the forward gate; a score is computed
// again; the gradient is added to what stands there when the call says so.
// CHECK-LABEL: moe.gate @route_is_output {
// CHECK: moe.output "route"
// CHECK: moe.output "saved_{{.*}}" = %{{.*}} saved : tensor<64xf32, #moe.axes<expert>>
// CHECK-LABEL: moe.gate @route_is_output_backward backward_of @route_is_output {
// CHECK: moe.axis @r.slot size 6
// CHECK: %[[X:.*]] = moe.input "x" : tensor<?x64xf32
// CHECK: moe.softmax %[[X]]
// CHECK: %[[I:.*]] = moe.input "route" : tensor<?x6xi32, #moe.axes<token, r.slot>>
// CHECK: %[[R:.*]] = moe.forced %[[I]]
// CHECK: moe.input "saved_{{.*}}" saved : tensor<64xf32, #moe.axes<expert>>
// CHECK-NOT: moe.topk
// CHECK-NOT: over [token]
// CHECK: %[[G:.*]] = moe.input "grad_weight"
// CHECK: moe.scatter %[[G]] to %[[R]]
// CHECK: moe.output "grad_x" = %{{.*}} adds : tensor<?x64xf32
// REMARK: gate 'route_is_output' saves for backward 0 bytes per token and 260 bytes per call
moe.gate @route_is_output {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %s[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %c = moe.chosen %r : !moe.selection<[token], expert, r.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
  %m = arith.extui %c : tensor<?x64xi1, #moe.axes<token, expert>> to tensor<?x64xi32, #moe.axes<token, expert>>
  %n = moe.reduce sum %m over [token] : tensor<?x64xi32, #moe.axes<token, expert>> -> tensor<64xi32, #moe.axes<expert>>
  %f = arith.sitofp %n : tensor<64xi32, #moe.axes<expert>> to tensor<64xf32, #moe.axes<expert>>
  %p = moe.reduce mean %s over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
  %fp = arith.mulf %f, %p : tensor<64xf32, #moe.axes<expert>>
  %l = moe.reduce sum %fp over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
  moe.loss "balance" = %l : tensor<f32>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 6>
  moe.output "weight" = %w : tensor<?x6xf32, #moe.axes<token, r.slot>>
}

// -----

// A route that only the gate knows is saved, 4 bytes per slot; so is the index of the greatest.
// CHECK-LABEL: moe.gate @route_is_hidden {
// CHECK: moe.output "saved_value" = %{{.*}} saved : !moe.selection<[token], expert, r.slot, 6>
// CHECK-LABEL: moe.gate @route_is_hidden_backward
// CHECK: moe.input "saved_value" saved : tensor<?x6xi32, #moe.axes<token, r.slot>>
// REMARK: gate 'route_is_hidden' saves for backward 24 bytes per token ('saved_value') and 0 bytes per call
moe.gate @route_is_hidden {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  moe.output "weight" = %w : tensor<?x6xf32, #moe.axes<token, r.slot>>
}

// -----

// What `gradient` lists: a param, and an input without tokens; not the logits.
// CHECK-LABEL: moe.gate @listed_backward backward_of @listed gradient ["alpha", "bias"] {
// CHECK-NOT: moe.output "grad_x"
// CHECK: moe.output "grad_bias" = %{{.*}} adds : tensor<64xf32
// CHECK: moe.output "grad_alpha" = %{{.*}} adds : tensor<f32>
// CHECK-NOT: moe.output "grad_x"
moe.gate @listed gradient ["alpha", "bias"] {
  moe.axis @token
  moe.axis @expert size 64
  %b = moe.input "bias" : tensor<64xf32, #moe.axes<expert>>
  %a = moe.param "alpha" = 1.0 : tensor<f32>
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %bt = moe.broadcast %b : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32, #moe.axes<token, expert>>
  %y = arith.addf %x, %bt : tensor<?x64xf32, #moe.axes<token, expert>>
  %s = moe.softmax %y over expert : tensor<?x64xf32, #moe.axes<token, expert>>
  %at = moe.broadcast %a : tensor<f32> to tensor<?x64xf32, #moe.axes<token, expert>>
  %z = arith.mulf %s, %at : tensor<?x64xf32, #moe.axes<token, expert>>
  moe.output "z" = %z : tensor<?x64xf32, #moe.axes<token, expert>>
}

// -----

// Nothing to take gradients of, nothing to take them with respect to: no backward gate.
// CHECK-LABEL: moe.gate @metrics_only {
// CHECK-LABEL: moe.gate @no_float_input {
// CHECK-NOT: backward_of
moe.gate @metrics_only {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %p = moe.reduce mean %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
  moe.metric "p" = %p : tensor<64xf32, #moe.axes<expert>>
}

moe.gate @no_float_input {
  moe.axis @token
  %a = moe.param "alpha" = 1.0 : tensor<f32>
  moe.loss "l" = %a : tensor<f32>
}

// -----

// Packed sequences: what is finished for each sequence is an array that is saved; the offsets and the applied mask are
// inputs of both gates; the filtered route that the caller has is asked of the caller; states and updates have no gradient.
// CHECK-LABEL: moe.gate @pieces {
// CHECK: moe.update "bias"
// CHECK: moe.output "saved_{{.*}}" = %{{.*}} saved : tensor<?x4xf32, #moe.axes<sequence, expert>>
// CHECK-LABEL: moe.gate @pieces_backward backward_of @pieces {
// CHECK: moe.axis @r.slot size 2
// CHECK: moe.axis @sequence of @token offsets "o"
// CHECK: moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
// CHECK-NOT: moe.state
// CHECK: moe.mask token by %{{.*}} applied
// CHECK: moe.input "route" : tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK-NOT: moe.topk
// CHECK: moe.input "saved_{{.*}}" saved : tensor<?x4xf32, #moe.axes<sequence, expert>>
// CHECK-NOT: over [token]
// CHECK-NOT: moe.update
// CHECK: moe.expand %{{.*}} from sequence to token
// CHECK: moe.output "grad_x"
// REMARK: gate 'pieces' saves for backward 0 bytes per token, {{[0-9]+}} bytes per piece
moe.gate @pieces {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token offsets "o"
  %o = moe.input "o" : tensor<?xi32, #moe.axes<sequence.bound>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %b = moe.state "bias" = 0.0 : tensor<4xf32, #moe.axes<expert>>
  %bt = moe.broadcast %b : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %s = moe.sigmoid %x : tensor<?x4xf32, #moe.axes<token, expert>>
  %sb = arith.addf %s, %bt : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %sb over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %s[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %c = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x4xi32, #moe.axes<token, expert>>
  %n = moe.reduce sum %c over [token] to sequence : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<?x4xi32, #moe.axes<sequence, expert>>
  %f = arith.sitofp %n : tensor<?x4xi32, #moe.axes<sequence, expert>> to tensor<?x4xf32, #moe.axes<sequence, expert>>
  %p = moe.reduce mean %s over [token] to sequence : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x4xf32, #moe.axes<sequence, expert>>
  %fp = arith.mulf %f, %p : tensor<?x4xf32, #moe.axes<sequence, expert>>
  %d = moe.reduce sum %fp over [expert] : tensor<?x4xf32, #moe.axes<sequence, expert>> -> tensor<?xf32, #moe.axes<sequence>>
  %l = moe.reduce mean %d over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32>
  %m = moe.reduce sum %f over [sequence] : tensor<?x4xf32, #moe.axes<sequence, expert>> -> tensor<4xf32, #moe.axes<expert>>
  moe.update "bias" = %m : tensor<4xf32, #moe.axes<expert>>
  moe.loss "balance" = %l : tensor<f32>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
  moe.output "weight" = %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
}

// -----

// What a limit has kept is saved, not computed again: the ranks of the tokens are known to the forward gate alone. Random
// numbers are drawn again, from the same stream.
// CHECK-LABEL: moe.gate @limited {
// CHECK: moe.random uniform stream 3
// CHECK: moe.output "saved_{{.*}}" = %{{.*}} saved : !moe.selection<[token], expert, r.slot, 2>
// CHECK-LABEL: moe.gate @limited_backward
// CHECK-NOT: moe.rank
// CHECK: moe.random uniform stream 3
// REMARK: gate 'limited' saves for backward 8 bytes per token ('saved_value') and 0 bytes per call
moe.gate @limited {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %u = moe.random uniform stream 3 : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %y = arith.mulf %x, %u : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %y over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %k = moe.limit %r capacity %c : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %y[%k] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "weight" = %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
}

// -----

// A shared expert beyond the axis is no element of it: a restored selection would take its slot for empty. What comes
// before the slots were appended is saved, and they are appended again.
// CHECK-LABEL: moe.gate @appended {
// CHECK: moe.output "saved_{{.*}}" = %{{.*}} saved : !moe.selection<[token], expert, q.slot, 2>
// CHECK-LABEL: moe.gate @appended_backward
// CHECK: %[[I:.*]] = moe.input "saved_{{.*}}" saved : tensor<?x2xi32, #moe.axes<token, q.slot>>
// CHECK: %[[Q:.*]] = moe.forced %[[I]]
// CHECK: moe.append %[[Q]], [4]
// REMARK: gate 'appended' saves for backward 8 bytes per token
moe.gate @appended {
  moe.axis @token
  moe.axis @expert size 4
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %q = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, q.slot, 2>
  %a = moe.append %q, [4] : !moe.selection<[token], expert, q.slot, 2> -> !moe.selection<[token], expert, a.slot, 3>
  %w = moe.gather %x[%a] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, a.slot, 3> -> tensor<?x3xf32, #moe.axes<token, a.slot>>
  moe.output "weight" = %w : tensor<?x3xf32, #moe.axes<token, a.slot>>
}
