// States are read like inputs; their updates are a program of their own, with the accumulators of the gate, all of which forward
// collects whether it needs them itself or not.
// RUN: moe-opt %s -split-input-file --convert-moe-to-moe-kernel --cse | FileCheck %s

// CHECK-LABEL: moe_kernel.program @bias attributes
// CHECK: buffer @b state f32 axes ["expert"] sizes [4] init 0.0
// CHECK: accumulator @[[N:load_sum]] sum i32 sizes [4]
// CHECK: pass rows {
// CHECK: load @b
// CHECK: count %{{.*}}, @[[N]]
// CHECK: } finish {
// CHECK-NOT: read @[[N]]
// CHECK-LABEL: moe_kernel.program @bias_step step_of @bias
// CHECK-DAG: buffer @b state
// CHECK-DAG: buffer @rate param
// CHECK-NOT: buffer @logits
// CHECK: accumulator @[[N]] sum i32 sizes [4]
// CHECK: accumulator @nonfinite
// CHECK: pass rows {
// CHECK-NEXT: } finish {
// CHECK-DAG: %[[OLD:.*]] = moe_kernel.load @b
// CHECK-DAG: moe_kernel.read @[[N]]
// CHECK: %[[SIZE:.*]] = moe_kernel.size
// CHECK: %[[EMPTY:.*]] = arith.cmpi eq, %[[SIZE]]
// CHECK: arith.select %[[EMPTY]]
// CHECK: store %{{.*}}, @b : !moe_kernel.row<4xf32>
moe.gate @bias {
  moe.axis @token
  moe.axis @expert size 4
  %rate = moe.param "rate" = 1.0e-03 : tensor<f32>
  %b = moe.state "b" = 0.0 : tensor<4xf32, #moe.axes<expert>>
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %bb = moe.broadcast %b : tensor<4xf32, #moe.axes<expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %s = arith.addf %x, %bb : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %s over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x4xi1, #moe.axes<token, expert>>
  %i = arith.extui %m : tensor<?x4xi1, #moe.axes<token, expert>> to tensor<?x4xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %i over [token] : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>> loc("load = count")
  %f = arith.sitofp %c : tensor<4xi32, #moe.axes<expert>> to tensor<4xf32, #moe.axes<expert>>
  %u = moe.broadcast %rate : tensor<f32> to tensor<4xf32, #moe.axes<expert>>
  %d = arith.mulf %u, %f : tensor<4xf32, #moe.axes<expert>>
  %n = arith.subf %b, %d : tensor<4xf32, #moe.axes<expert>>
  moe.update "b" = %n : tensor<4xf32, #moe.axes<expert>>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
}
