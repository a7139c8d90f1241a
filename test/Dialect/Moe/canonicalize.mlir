// RUN: moe-opt %s --canonicalize | FileCheck %s
// Canonical forms: each gate states the algebra that MoeCanonicalization.td has, or what looks like it and is not exact.

// broadcast(broadcast(x)) = broadcast(x)
// CHECK-LABEL: @broadcast_of_broadcast
// CHECK: %[[A:.*]] = moe.param "a"
// CHECK-NEXT: %[[B:.*]] = moe.broadcast %[[A]] : tensor<f32> to tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK-NEXT: moe.output "y" = %[[B]]
moe.gate @broadcast_of_broadcast {
  moe.axis @token
  moe.axis @expert size 64
  %a = moe.param "a" = 1.0 : tensor<f32>
  %0 = moe.broadcast %a : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
  %1 = moe.broadcast %0 : tensor<64xf32, #moe.axes<expert>> to tensor<?x64xf32, #moe.axes<token, expert>>
  moe.output "y" = %1 : tensor<?x64xf32, #moe.axes<token, expert>>
}

// broadcast(x) = x to its own type
// CHECK-LABEL: @broadcast_to_itself
// CHECK: %[[A:.*]] = moe.param "a"
// CHECK-NEXT: moe.loss "l" = %[[A]]
moe.gate @broadcast_to_itself {
  %a = moe.param "a" = 1.0 : tensor<f32>
  %0 = moe.broadcast %a : tensor<f32> to tensor<f32>
  moe.loss "l" = %0 : tensor<f32>
}

// expand(expand(x, node -> device), device -> expert) = expand(x, node -> expert)
// CHECK-LABEL: @expand_of_expand
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK-NEXT: %[[E:.*]] = moe.expand %[[X]] from node to expert : tensor<2xf32, #moe.axes<node>> to tensor<64xf32, #moe.axes<expert>>
// CHECK-NEXT: moe.output "y" = %[[E]]
moe.gate @expand_of_expand {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @node size 2 of @device map [0, 0, 0, 1, 1, 1, 1, 1]
  %x = moe.input "x" : tensor<2xf32, #moe.axes<node>>
  %0 = moe.expand %x from node to device : tensor<2xf32, #moe.axes<node>> to tensor<8xf32, #moe.axes<device>>
  %1 = moe.expand %0 from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  moe.output "y" = %1 : tensor<64xf32, #moe.axes<expert>>
}

// expand(broadcast(x), device -> expert) = broadcast(x) where x has no device axis
// CHECK-LABEL: @expand_of_broadcast
// CHECK: %[[A:.*]] = moe.param "a"
// CHECK-NEXT: %[[B:.*]] = moe.broadcast %[[A]] : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
// CHECK-NEXT: moe.output "y" = %[[B]]
moe.gate @expand_of_broadcast {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %a = moe.param "a" = 1.0 : tensor<f32>
  %0 = moe.broadcast %a : tensor<f32> to tensor<8xf32, #moe.axes<device>>
  %1 = moe.expand %0 from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  moe.output "y" = %1 : tensor<64xf32, #moe.axes<expert>>
}

// CHECK-LABEL: @expand_of_broadcast_that_has_the_axis
// CHECK: moe.broadcast
// CHECK-NEXT: moe.expand
moe.gate @expand_of_broadcast_that_has_the_axis {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<8xf32, #moe.axes<device>>
  %0 = moe.broadcast %x : tensor<8xf32, #moe.axes<device>> to tensor<?x8xf32, #moe.axes<token, device>>
  %1 = moe.expand %0 from device to expert : tensor<?x8xf32, #moe.axes<token, device>> to tensor<?x64xf32, #moe.axes<token, expert>>
  moe.output "y" = %1 : tensor<?x64xf32, #moe.axes<token, expert>>
}

// detach(detach(x)) = detach(x)
// CHECK-LABEL: @detach_of_detach
// CHECK: %[[A:.*]] = moe.param "a"
// CHECK-NEXT: %[[D:.*]] = moe.detach %[[A]]
// CHECK-NEXT: moe.loss "l" = %[[D]]
moe.gate @detach_of_detach {
  %a = moe.param "a" = 1.0 : tensor<f32>
  %0 = moe.detach %a : tensor<f32>
  %1 = moe.detach %0 : tensor<f32>
  moe.loss "l" = %1 : tensor<f32>
}

// sign(sign(x)) = sign(x)
// CHECK-LABEL: @sign_of_sign
// CHECK: %[[A:.*]] = moe.param "a"
// CHECK-NEXT: %[[S:.*]] = moe.sign %[[A]]
// CHECK-NEXT: moe.loss "l" = %[[S]]
moe.gate @sign_of_sign {
  %a = moe.param "a" = 1.0 : tensor<f32>
  %0 = moe.sign %a : tensor<f32>
  %1 = moe.sign %0 : tensor<f32>
  moe.loss "l" = %1 : tensor<f32>
}

// size(expert) = 64; size(token) stays
// CHECK-LABEL: @size_of_a_static_axis
// CHECK-DAG: %[[C:.*]] = arith.constant dense<64> : tensor<i32>
// CHECK-DAG: %[[T:.*]] = moe.size token
// CHECK: moe.metric "e" = %[[C]]
// CHECK: moe.metric "t" = %[[T]]
moe.gate @size_of_a_static_axis {
  moe.axis @token
  moe.axis @expert size 64
  %0 = moe.size expert : tensor<i32>
  %1 = moe.size token : tensor<i32>
  moe.metric "e" = %0 : tensor<i32>
  moe.metric "t" = %1 : tensor<i32>
}

// first(first(r)) = first(r), and first(topk(x, k), n) = topk(x, n)
// CHECK-LABEL: @first_of_first_of_topk
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK-NEXT: %[[F:.*]] = moe.topk %[[X]] over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> <[token], expert, g.slot, 1>
// CHECK-NEXT: moe.output "y" = %[[F]]
moe.gate @first_of_first_of_topk {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %f = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, f.slot, 2>
  %g = moe.first %f : !moe.selection<[token], expert, f.slot, 2> -> !moe.selection<[token], expert, g.slot, 1>
  moe.output "y" = %g : !moe.selection<[token], expert, g.slot, 1>
}

// first(topk(x, k, among g), n) = topk(x, n, among g)
// CHECK-LABEL: @first_of_topk_among
// CHECK: %[[G:.*]] = moe.topk %{{.*}} over node
// CHECK: moe.topk %{{.*}} over expert among %[[G]] : {{.*}} -> <[token], expert, f.slot, 2>
// CHECK-NOT: moe.first
moe.gate @first_of_topk_among {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @node size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %n = moe.input "n" : tensor<?x8xf32, #moe.axes<token, node>>
  %g = moe.topk %n over node : tensor<?x8xf32, #moe.axes<token, node>> -> !moe.selection<[token], node, g.slot, 4>
  %r = moe.topk %x over expert among %g : !moe.selection<[token], node, g.slot, 4> : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %f = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, f.slot, 2>
  moe.output "y" = %f : !moe.selection<[token], expert, f.slot, 2>
}

// A topk that is used besides stays one topk.
// CHECK-LABEL: @first_of_topk_used_twice
// CHECK: moe.topk
// CHECK-NOT: moe.topk
// CHECK: moe.first
moe.gate @first_of_topk_used_twice {
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %f = moe.first %r : !moe.selection<[token], expert, r.slot, 6> -> !moe.selection<[token], expert, f.slot, 2>
  moe.output "r" = %r : !moe.selection<[token], expert, r.slot, 6>
  moe.output "f" = %f : !moe.selection<[token], expert, f.slot, 2>
}

// max(max(x, expert -> device), device) = max(x, expert); min and maxnum alike, and to a coarser axis than device
// CHECK-LABEL: @extremes_of_coarser_extremes
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK-NEXT: %[[A:.*]] = moe.reduce max %[[X]] over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
// CHECK-NEXT: %[[B:.*]] = moe.reduce min %[[X]] over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
// CHECK-NEXT: %[[C:.*]] = moe.reduce maxnum %[[X]] over [expert] to node : tensor<64xf32, #moe.axes<expert>> -> tensor<2xf32, #moe.axes<node>>
// CHECK-NEXT: moe.metric "a" = %[[A]]
// CHECK-NEXT: moe.metric "b" = %[[B]]
// CHECK-NEXT: moe.metric "c" = %[[C]]
moe.gate @extremes_of_coarser_extremes {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @node size 2 of @device
  %x = moe.input "x" : tensor<64xf32, #moe.axes<expert>>
  %0 = moe.reduce max %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %a = moe.reduce max %0 over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  %1 = moe.reduce min %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %b = moe.reduce min %1 over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  %2 = moe.reduce maxnum %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %c = moe.reduce maxnum %2 over [device] to node : tensor<8xf32, #moe.axes<device>> -> tensor<2xf32, #moe.axes<node>>
  moe.metric "a" = %a : tensor<f32>
  moe.metric "b" = %b : tensor<f32>
  moe.metric "c" = %c : tensor<2xf32, #moe.axes<node>>
}

// Not exact: sums of floats round differently, max and maxnum treat NaN differently; a value used besides is kept.
// CHECK-LABEL: @coarser_reductions_that_stay
// CHECK: moe.reduce sum %{{.*}} over [expert] to device
// CHECK-NEXT: moe.reduce sum %{{.*}} over [device]
// CHECK-NEXT: moe.reduce maxnum %{{.*}} over [expert] to device
// CHECK-NEXT: moe.reduce max %{{.*}} over [device]
// CHECK-NEXT: moe.reduce max %{{.*}} over [expert] to device
// CHECK-NEXT: moe.reduce max %{{.*}} over [device]
moe.gate @coarser_reductions_that_stay {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<64xf32, #moe.axes<expert>>
  %0 = moe.reduce sum %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %a = moe.reduce sum %0 over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  %1 = moe.reduce maxnum %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %b = moe.reduce max %1 over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  %2 = moe.reduce max %x over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %c = moe.reduce max %2 over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  moe.metric "a" = %a : tensor<f32>
  moe.metric "b" = %b : tensor<f32>
  moe.metric "c" = %c : tensor<f32>
  moe.metric "d" = %2 : tensor<8xf32, #moe.axes<device>>
}

// sum(sum(n, expert -> device), device) = sum(n, expert) for integers
// CHECK-LABEL: @sum_of_coarser_sum
// CHECK: %[[N:.*]] = moe.input "n"
// CHECK-NEXT: moe.reduce sum %[[N]] over [expert] : tensor<64xi32, #moe.axes<expert>> -> tensor<i32>
// CHECK-NEXT: moe.metric
moe.gate @sum_of_coarser_sum {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %n = moe.input "n" : tensor<64xi32, #moe.axes<expert>>
  %0 = moe.reduce sum %n over [expert] to device : tensor<64xi32, #moe.axes<expert>> -> tensor<8xi32, #moe.axes<device>>
  %a = moe.reduce sum %0 over [device] : tensor<8xi32, #moe.axes<device>> -> tensor<i32>
  moe.metric "a" = %a : tensor<i32>
}

// max(expand(x, device -> expert), expert) = max(x, device); max(expand(x, device -> expert), expert -> device) = x
// CHECK-LABEL: @extremes_of_expand
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK-NEXT: %[[A:.*]] = moe.reduce max %[[X]] over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
// CHECK-NEXT: moe.metric "a" = %[[A]]
// CHECK-NEXT: moe.metric "b" = %[[X]]
moe.gate @extremes_of_expand {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<8xf32, #moe.axes<device>>
  %0 = moe.expand %x from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  %a = moe.reduce max %0 over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
  %b = moe.reduce min %0 over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  moe.metric "a" = %a : tensor<f32>
  moe.metric "b" = %b : tensor<8xf32, #moe.axes<device>>
}

// Not exact: maxnum makes -inf of a group of NaN.
// CHECK-LABEL: @maxnum_of_expand_back
// CHECK: moe.reduce maxnum
moe.gate @maxnum_of_expand_back {
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<8xf32, #moe.axes<device>>
  %0 = moe.expand %x from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  %b = moe.reduce maxnum %0 over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  moe.metric "b" = %b : tensor<8xf32, #moe.axes<device>>
}

// Groups known at run time: two maps are not one, and a group may be empty. Removing the groups altogether is exact.
// CHECK-LABEL: @placed
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[H:.*]] = moe.input "h"
// CHECK: %[[D:.*]] = moe.reduce max %[[X]] over [expert] to device
// CHECK: moe.reduce max %[[D]] over [device] to node
// CHECK: moe.reduce max %[[X]] over [expert] : {{.*}} -> tensor<f32>
// CHECK: %[[E:.*]] = moe.expand %[[H]] from node to device
// CHECK: %[[F:.*]] = moe.expand %[[E]] from device to expert
// CHECK: moe.reduce max %[[F]] over [expert] :
// CHECK: %[[B:.*]] = moe.expand %{{.*}} from device to expert
// CHECK: %[[A:.*]] = moe.reduce max %[[B]] over [expert] to device
// CHECK: moe.output "again" = %[[A]]
moe.gate @placed {
  moe.axis @expert size 6
  moe.axis @device size 3 of @expert placement "device_of"
  moe.axis @node size 2 of @device map [0, 0, 1]
  %p = moe.input "device_of" : tensor<6xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<6xf32, #moe.axes<expert>>
  %h = moe.input "h" : tensor<2xf32, #moe.axes<node>>
  %g = moe.input "g" : tensor<3xf32, #moe.axes<device>>
  %0 = moe.reduce max %x over [expert] to device : tensor<6xf32, #moe.axes<expert>> -> tensor<3xf32, #moe.axes<device>>
  %1 = moe.reduce max %0 over [device] to node : tensor<3xf32, #moe.axes<device>> -> tensor<2xf32, #moe.axes<node>>
  %2 = moe.reduce max %x over [expert] to device : tensor<6xf32, #moe.axes<expert>> -> tensor<3xf32, #moe.axes<device>>
  %3 = moe.reduce max %2 over [device] : tensor<3xf32, #moe.axes<device>> -> tensor<f32>
  %4 = moe.expand %h from node to device : tensor<2xf32, #moe.axes<node>> to tensor<3xf32, #moe.axes<device>>
  %5 = moe.expand %4 from device to expert : tensor<3xf32, #moe.axes<device>> to tensor<6xf32, #moe.axes<expert>>
  %6 = moe.reduce max %5 over [expert] : tensor<6xf32, #moe.axes<expert>> -> tensor<f32>
  %7 = moe.expand %g from device to expert : tensor<3xf32, #moe.axes<device>> to tensor<6xf32, #moe.axes<expert>>
  %8 = moe.reduce max %7 over [expert] to device : tensor<6xf32, #moe.axes<expert>> -> tensor<3xf32, #moe.axes<device>>
  moe.output "nodes" = %1 : tensor<2xf32, #moe.axes<node>>
  moe.metric "greatest" = %3 : tensor<f32>
  moe.metric "greatest_node" = %6 : tensor<f32>
  moe.output "again" = %8 : tensor<3xf32, #moe.axes<device>>
}
