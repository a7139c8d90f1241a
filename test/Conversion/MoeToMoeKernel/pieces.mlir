// Tokens in pieces: what is summed over the tokens of a piece is known in the pieces region of the same pass; what later tokens
// need of it is stored there, one row per piece; what is summed over pieces is known in finish.
// RUN: moe-opt %s -split-input-file --convert-moe-to-moe-kernel --cse | FileCheck %s

// CHECK-LABEL: moe_kernel.program @balance
// CHECK-SAME: piece_offsets @cu_seqlens
// CHECK-DAG: buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3]
// CHECK-DAG: buffer @piece_load output i32 axes ["sequence", "expert"] sizes [-2, 4]
// CHECK-DAG: buffer @bad_offsets status i32
// CHECK-DAG: accumulator @load_sum sum i32 sizes [4] per_piece
// CHECK-DAG: accumulator @total_sum sum f32 sizes []{{$}}
// CHECK: pass rows {
// CHECK: count %{{.*}}, @load_sum
// CHECK: } pieces {
// CHECK: %[[LOAD:.*]] = moe_kernel.read @load_sum
// CHECK: accumulate %{{.*}}, @total_sum
// CHECK-NOT: accumulate
// CHECK: store %[[LOAD]], @piece_load
// CHECK: } finish {
// CHECK: moe_kernel.read @total_sum
// CHECK-NOT: read @load_sum
// CHECK: store %{{.*}}, @total
// CHECK-NOT: moe_kernel.pass
moe.gate @balance {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x4xi1, #moe.axes<token, expert>>
  %i = arith.extui %m : tensor<?x4xi1, #moe.axes<token, expert>> to tensor<?x4xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %i over [token] to sequence : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<?x4xi32, #moe.axes<sequence, expert>> loc("load = count")
  %f = arith.sitofp %c : tensor<?x4xi32, #moe.axes<sequence, expert>> to tensor<?x4xf32, #moe.axes<sequence, expert>>
  %s = moe.reduce max %f over [expert] : tensor<?x4xf32, #moe.axes<sequence, expert>> -> tensor<?xf32, #moe.axes<sequence>>
  %t = moe.reduce sum %s over [sequence] : tensor<?xf32, #moe.axes<sequence>> -> tensor<f32> loc("loss total = sum")
  moe.loss "total" = %t : tensor<f32>
  moe.output "piece_load" = %c : tensor<?x4xi32, #moe.axes<sequence, expert>>
}

// -----

// Each token needs what its piece has in all: a second pass, which loads the row of its piece; the sum over all tokens is there
// as well, stored by finish.
// CHECK-LABEL: moe_kernel.program @normalised
// CHECK-SAME: piece_length 128
// CHECK-DAG: buffer @[[P:.*]] coefficient f32 axes ["sequence"] sizes [-2]
// CHECK-DAG: buffer @[[A:.*]] coefficient f32 axes [] sizes []
// CHECK: pass rows {
// CHECK: } pieces {
// CHECK: store %{{.*}}, @[[P]] : f32
// CHECK: } finish {
// CHECK: store %{{.*}}, @[[A]] : f32
// CHECK: pass because
// CHECK-DAG: load @[[P]] : f32
// CHECK-DAG: load @[[A]] : f32
// CHECK: moe_kernel.index piece_size : i32
// CHECK: moe_kernel.index token : i32
// CHECK: moe_kernel.index piece_begin : i32
// CHECK: store %{{.*}}, @y : f32
// CHECK-NOT: pieces
moe.gate @normalised {
  moe.axis @token
  moe.axis @sequence of @token length 128
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %p = moe.reduce sum %x over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
  %a = moe.reduce sum %x over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
  %e = moe.expand %p from sequence to token : tensor<?xf32, #moe.axes<sequence>> to tensor<?xf32, #moe.axes<token>>
  %b = moe.broadcast %a : tensor<f32> to tensor<?xf32, #moe.axes<token>>
  %n = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  %m = moe.expand %n from sequence to token : tensor<?xi32, #moe.axes<sequence>> to tensor<?xi32, #moe.axes<token>>
  %i = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  %q = arith.divsi %i, %m : tensor<?xi32, #moe.axes<token>>
  %f = arith.sitofp %q : tensor<?xi32, #moe.axes<token>> to tensor<?xf32, #moe.axes<token>>
  %y = arith.divf %e, %b : tensor<?xf32, #moe.axes<token>>
  %z = arith.addf %y, %f : tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %z : tensor<?xf32, #moe.axes<token>>
}
