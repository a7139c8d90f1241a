// Groups that an input places at run time: reduced one by one, gathered by their elements. Selections that may repeat an element
// count it once per token where the mask is summed, each time where the multiplicity is.
// RUN: moe-opt %s -split-input-file --convert-moe-to-moe-kernel --cse | FileCheck %s

// CHECK-LABEL: moe_kernel.program @placed
// CHECK: pass rows {
// CHECK: %[[P:.*]] = moe_kernel.load @host_of_expert : !moe_kernel.row<4xi32>
// CHECK-COUNT-2: moe_kernel.reduce max
// CHECK-DAG: store %{{.*}}, @best : !moe_kernel.row<2xf32>
// CHECK-DAG: moe_kernel.gather %{{.*}}[%[[P]]] : <2xf32>, <4xi32> -> <4xf32>
// CHECK: store %{{.*}}, @spread
moe.gate @placed {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @host size 2 of @expert placement "host_of_expert"
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %b = moe.reduce max %x over [expert] to host : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, host>>
  %e = moe.expand %b from host to expert : tensor<?x2xf32, #moe.axes<token, host>> to tensor<?x4xf32, #moe.axes<token, expert>>
  %h = moe.input "host_of_expert" : tensor<4xi32, #moe.axes<expert>>
  moe.output "best" = %b : tensor<?x2xf32, #moe.axes<token, host>>
  moe.output "spread" = %e : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// CHECK-LABEL: moe_kernel.program @repeated
// CHECK: buffer @out_of_range status i32
// CHECK-DAG: %[[M:.*]] = moe_kernel.chosen
// CHECK-DAG: accumulate %{{.*}}, @once_sum : !moe_kernel.row<4xi32>
// CHECK-DAG: count %{{.*}}, @each_sum : <3xi32>
// CHECK: store %{{.*}}, @out_of_range
moe.gate @repeated {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @pick size 3
  %x = moe.input "experts" : tensor<?x3xi32, #moe.axes<token, pick>>
  %r = moe.forced %x : tensor<?x3xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 3>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 3> -> tensor<?x4xi1, #moe.axes<token, expert>>
  %i = arith.extui %m : tensor<?x4xi1, #moe.axes<token, expert>> to tensor<?x4xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %i over [token] : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>> loc("once = count")
  %n = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 3> -> tensor<?x4xi32, #moe.axes<token, expert>>
  %d = moe.reduce sum %n over [token] : tensor<?x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>> loc("each = count")
  moe.metric "once" = %c : tensor<4xi32, #moe.axes<expert>>
  moe.metric "each" = %d : tensor<4xi32, #moe.axes<expert>>
}

// -----

// Empty slots and slots of shared experts.
// CHECK-LABEL: moe_kernel.program @slots
// CHECK: %[[C:.*]] = moe_kernel.concat %{{.*}}, %{{.*}} : <2xi32>, <1xi32> -> <3xi32>
// CHECK: store %[[C]], @route
// CHECK: store %{{.*}}, @filled : !moe_kernel.row<3xi1>
moe.gate @slots {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %a = moe.append %r, [4] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, a.slot, 3>
  %f = moe.filled %a : !moe.selection<[token], expert, a.slot, 3> -> tensor<?x3xi1, #moe.axes<token, a.slot>>
  moe.output "route" = %a : !moe.selection<[token], expert, a.slot, 3>
  moe.output "filled" = %f : tensor<?x3xi1, #moe.axes<token, a.slot>>
}
