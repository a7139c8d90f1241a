// Ranks, dispatch plans and shifts: a second pass that takes the small arrays of the first from memory instead of the logits.
// RUN: moe-opt %s -split-input-file --convert-moe-to-moe-kernel --cse | FileCheck %s

// CHECK-LABEL: moe_kernel.program @queue
// CHECK-DAG: buffer @[[R:.*]] coefficient i32 axes ["token", "r.slot"] sizes [-1, 2]
// CHECK-DAG: accumulator @[[Q:.*]] sum i32 sizes [4] ranked
// CHECK: pass rows {
// CHECK: load @logits
// CHECK: %[[I:.*]], %{{.*}} = moe_kernel.topk
// CHECK-DAG: count %[[I]], @[[Q]]
// CHECK-DAG: store %[[I]], @[[R]]
// CHECK: pass because "{{.*}} needs the place of each slot among those of all tokens"
// CHECK-NOT: @logits
// CHECK: %[[K:.*]] = moe_kernel.load @[[R]]
// CHECK: moe_kernel.rank %[[K]], @[[Q]]
// CHECK: arith.select
// CHECK-DAG: store %{{.*}}, @route : !moe_kernel.row<2xi32>
// CHECK-DAG: store %{{.*}}, @weight : !moe_kernel.row<2xf32>
moe.gate @queue {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %p = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %three = arith.constant dense<3> : tensor<i32>
  %c = moe.broadcast %three : tensor<i32> to tensor<?x2xi32, #moe.axes<token, r.slot>>
  %k = arith.cmpi slt, %p, %c : tensor<?x2xi32, #moe.axes<token, r.slot>>
  %f = moe.filter %r by %k : !moe.selection<[token], expert, r.slot, 2>, tensor<?x2xi1, #moe.axes<token, r.slot>>
  %w = moe.gather %x[%f] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "route" = %f : !moe.selection<[token], expert, r.slot, 2>
  moe.output "weight" = %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
}

// -----

// By slot: counted by slot and element; what all tokens of the piece have in earlier slots comes on top.
// CHECK-LABEL: moe_kernel.program @by_slot
// CHECK-DAG: buffer @queue_totals coefficient i32 axes ["sequence", "queue"] sizes [-2, 8]
// CHECK-DAG: accumulator @[[Q:.*]] sum i32 sizes [8] per_piece ranked
// CHECK: pass rows {
// CHECK: count %{{.*}}, @[[Q]]
// CHECK: } pieces {
// CHECK: %[[N:.*]] = moe_kernel.read @[[Q]]
// CHECK: store %[[N]], @queue_totals
// CHECK: pass because
// CHECK: %[[RANK:.*]] = moe_kernel.rank %{{.*}}, @[[Q]]
// CHECK: %[[T:.*]] = moe_kernel.load @queue_totals : !moe_kernel.row<8xi32>
// CHECK: moe_kernel.gather %[[T]]
// CHECK-NOT: moe_kernel.gather
// CHECK: store %{{.*}}, @place
moe.gate @by_slot {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 8
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %p = moe.rank %r by_slot per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  moe.output "place" = %p : tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// A plan: the first pass empties the order and leaves the segments, the second places each slot.
// CHECK-LABEL: moe_kernel.program @dispatch
// CHECK-DAG: buffer @order output i32 axes ["plan.row"] sizes [-4] per_token 2 extra 60
// CHECK-DAG: buffer @segments coefficient i32 axes ["queue"] sizes [5]
// CHECK: pass rows {
// CHECK: count
// CHECK: store_at %{{.*}}, %{{.*}}, @order : <2xi32>
// CHECK: } finish {
// CHECK-DAG: store %[[E:.*]], @segments : !moe_kernel.row<5xi32>
// CHECK-DAG: store %[[E]], @offset : !moe_kernel.row<5xi32>
// CHECK-DAG: store_at %{{.*}}, %{{.*}}, @order : <60xi32>
// CHECK: pass because
// CHECK: %[[S:.*]] = moe_kernel.load @segments
// CHECK: moe_kernel.rank
// CHECK: moe_kernel.gather %[[S]]
// CHECK-DAG: store_at %{{.*}}, %[[P:.*]], @order : <2xi32>
// CHECK-DAG: store %{{.*}}, @position
// CHECK: } finish {
// CHECK-NOT: @offset
// CHECK: store %{{.*}}, @empty
moe.gate @dispatch {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %o, %b, %p = moe.permute %r pad 16 : !moe.selection<[token], expert, r.slot, 2>
         -> tensor<?xi32, #moe.axes<plan.row>>, tensor<5xi32, #moe.axes<plan.bound>>, tensor<?x2xi32, #moe.axes<token, r.slot>>
  moe.output "order" = %o : tensor<?xi32, #moe.axes<plan.row>>
  moe.output "offset" = %b : tensor<5xi32, #moe.axes<plan.bound>>
  moe.output "position" = %p : tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// -----

// An input can be read at another token at once; what is computed is stored first.
// CHECK-LABEL: moe_kernel.program @shifted
// CHECK: pass rows {
// CHECK: %[[B:.*]] = arith.subi
// CHECK: load_at @x[%[[B]]] : f32
// CHECK: store %{{.*}}, @[[D:double.*]] : f32
// CHECK: pass because
// CHECK: load_at @[[D]]
moe.gate @shifted {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %y = moe.shift %x, 2 over token : tensor<?xf32, #moe.axes<token>>
  %d = arith.addf %x, %x : tensor<?xf32, #moe.axes<token>> loc("double = x + x")
  %z = moe.shift %d, 1 over token : tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %y : tensor<?xf32, #moe.axes<token>>
  moe.output "z" = %z : tensor<?xf32, #moe.axes<token>>
}

// -----

// What is carried is collected in rows and only read after all tokens.
// CHECK-LABEL: moe_kernel.program @reduced_twice
// CHECK: pass rows {
// CHECK-DAG: store %{{.*}}, @[[L:best.*]] : f32
// CHECK: pass because
// CHECK: %[[B:.*]] = moe_kernel.load @[[L]] : f32
// CHECK: } finish {
// CHECK-NOT: load @[[L]]
// CHECK: store %{{.*}}, @spread
moe.gate @reduced_twice {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %b = moe.sum_top %x, 2 over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>> loc("best = sum_top")
  %m = moe.reduce max %b over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %n = moe.broadcast %m : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  %d = arith.subf %b, %n : tensor<?xf32, #moe.axes<token>>
  %s = moe.reduce sum %d over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %t = moe.reduce sum %b over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %u = arith.addf %s, %t : tensor<f32>
  moe.metric "spread" = %u : tensor<f32>
}
