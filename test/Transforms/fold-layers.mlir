// RUN: moe-opt %s --moe-decompose --canonicalize --moe-fold-layers --moe-split-pieces --canonicalize --cse --split-input-file | FileCheck %s
// moe-fold-layers: (layer, token) as one axis of rows.

// A loss over the rows of all layers, with a mask of the tokens: the mask is read for each row, its sum counts the first
// layer. No value of single layers: the axis is gone.
// CHECK-LABEL: moe.gate @rows
// CHECK-NOT: moe.axis @layer
// CHECK: moe.axis @token layers 3
// CHECK-NOT: moe.axis @layer
// CHECK: %[[V:.*]] = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
// CHECK: %[[X:.*]] = moe.input "x" layered "layer" : tensor<?x4xf32, #moe.axes<token, expert>>
// CHECK: %[[R:.*]] = moe.topk %[[X]] over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> <[token], expert, r.slot, 2>
// CHECK: %[[N:.*]] = arith.extui %[[V]]
// CHECK-DAG: %[[ROWS:.*]] = moe.size token
// CHECK-DAG: %[[T:.*]] = arith.divui %[[ROWS]], %
// CHECK-DAG: %[[ROW:.*]] = moe.index token :
// CHECK-DAG: %[[TB:.*]] = moe.broadcast %[[T]]
// CHECK: %[[FIRST:.*]] = arith.cmpi ult, %[[ROW]], %[[TB]]
// CHECK: %[[ONCE:.*]] = arith.select %[[FIRST]], %[[N]], %
// CHECK: moe.reduce sum %[[ONCE]] over [token] : tensor<?xi32, #moe.axes<token>> -> tensor<i32>
// CHECK: %[[VB:.*]] = moe.broadcast %[[V]] : tensor<?xi1, #moe.axes<token>> to tensor<?x4xi1, #moe.axes<token, expert>>
// CHECK: %[[M:.*]] = arith.select %[[VB]], %[[X]], %
// CHECK: %[[S:.*]] = moe.reduce sum %[[M]] over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
// CHECK: %[[ALL:.*]] = moe.reduce sum %[[S]] over [expert]
// CHECK: moe.output "r" = %[[R]] layered "layer" : !moe.selection<[token], expert, r.slot, 2>
moe.gate @rows {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %r = moe.topk %x over expert : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %i = arith.extui %v : tensor<?xi1, #moe.axes<token>> to tensor<?xi32, #moe.axes<token>>
  %n = moe.reduce sum %i over [token] : tensor<?xi32, #moe.axes<token>> -> tensor<i32>
  %vb = moe.broadcast %v : tensor<?xi1, #moe.axes<token>> to tensor<3x?x4xi1, #moe.axes<layer, token, expert>>
  %z = arith.constant dense<0.0> : tensor<f32>
  %zb = moe.broadcast %z : tensor<f32> to tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %m = arith.select %vb, %x, %zb : tensor<3x?x4xi1, #moe.axes<layer, token, expert>>, tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %s = moe.reduce sum %m over [layer, token] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %q = moe.reduce sum %s over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>
  moe.metric "n" = %n : tensor<i32>
  moe.loss "l" = %q : tensor<f32>
  moe.output "r" = %r : !moe.selection<[layer, token], expert, r.slot, 2>
}

// -----

// Over all axes at once: within the row first, then all rows in one reduction.
// CHECK-LABEL: moe.gate @all_axes
// CHECK: moe.reduce sum %{{.*}} over [expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK-NEXT: moe.reduce sum %{{.*}} over [token] : tensor<?xf32, #moe.axes<token>> -> tensor<f32>
// CHECK-NOT: moe.reduce
moe.gate @all_axes {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @layer size 3
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %l = moe.reduce mean %x over [layer, token, expert] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}

// -----

// Values of each layer are values of pieces: sums over tokens go to the layers, and back to their rows.
// CHECK-LABEL: moe.gate @of_each_layer
// CHECK: moe.axis @token layers 3
// CHECK: moe.axis @layer of @token count 3
// CHECK: %[[W:.*]] = moe.input "w" : tensor<?xf32, #moe.axes<layer>>
// CHECK: %[[X:.*]] = moe.input "x" layered "layer"
// CHECK: %[[S:.*]] = moe.reduce sum %[[X]] over [token] to layer : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x4xf32, #moe.axes<layer, expert>>
// CHECK: %[[WE:.*]] = moe.broadcast %[[W]] : tensor<?xf32, #moe.axes<layer>> to tensor<?x4xf32, #moe.axes<layer, expert>>
// CHECK: %[[P:.*]] = arith.mulf %[[S]], %[[WE]] : tensor<?x4xf32, #moe.axes<layer, expert>>
// CHECK: %[[E:.*]] = moe.reduce sum %[[P]] over [expert] : tensor<?x4xf32, #moe.axes<layer, expert>> -> tensor<?xf32, #moe.axes<layer>>
// CHECK: moe.reduce sum %[[E]] over [layer] : tensor<?xf32, #moe.axes<layer>> -> tensor<f32>
// CHECK: %[[T:.*]] = moe.expand %[[S]] from layer to token : tensor<?x4xf32, #moe.axes<layer, expert>> to tensor<?x4xf32, #moe.axes<token, expert>>
// CHECK: arith.subf %[[X]], %[[T]]
// CHECK: moe.output "y" = %{{.*}} layered "layer"
// CHECK: moe.output "s" = %[[S]] : tensor<?x4xf32, #moe.axes<layer, expert>>
moe.gate @of_each_layer {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %w = moe.input "w" : tensor<3xf32, #moe.axes<layer>>
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %s = moe.reduce sum %x over [token] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> tensor<3x4xf32, #moe.axes<layer, expert>>
  %wb = moe.broadcast %w : tensor<3xf32, #moe.axes<layer>> to tensor<3x4xf32, #moe.axes<layer, expert>>
  %p = arith.mulf %s, %wb : tensor<3x4xf32, #moe.axes<layer, expert>>
  %l = moe.reduce sum %p over [layer, expert] : tensor<3x4xf32, #moe.axes<layer, expert>> -> tensor<f32>
  %b = moe.broadcast %s : tensor<3x4xf32, #moe.axes<layer, expert>> to tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %y = arith.subf %x, %b : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  moe.loss "l" = %l : tensor<f32>
  moe.output "y" = %y : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  moe.output "s" = %s : tensor<3x4xf32, #moe.axes<layer, expert>>
}

// -----

// Sequences fold too; a sum over the tokens of a layer goes through its sequences. Sizes are those of one layer.
// CHECK-LABEL: moe.gate @sequences
// CHECK: moe.axis @token layers 3
// CHECK: moe.axis @sequence of @token length 8
// CHECK: moe.axis @layer of @sequence count 3
// CHECK-DAG: %[[X:.*]] = moe.input "x" layered "layer" : tensor<?xf32, #moe.axes<token>>
// CHECK-DAG: %[[Y:.*]] = moe.input "y" layered "layer" : tensor<?xf32, #moe.axes<sequence>>
// CHECK-DAG: moe.reduce max %[[X]] over [token] to sequence : tensor<?xf32, #moe.axes<token>> -> tensor<?xf32, #moe.axes<sequence>>
// CHECK-DAG: %[[Q:.*]] = moe.reduce sum %[[X]] over [token] to sequence
// CHECK-DAG: moe.reduce sum %[[Q]] over [sequence] to layer
// CHECK-DAG: %[[N:.*]] = moe.size sequence
// CHECK-DAG: %[[S:.*]] = arith.divui %[[N]]
// CHECK-DAG: moe.metric "sequences" = %[[S]]
// CHECK-DAG: moe.output "z" = %{{.*}} layered "layer" : tensor<?xf32, #moe.axes<sequence>>
moe.gate @sequences {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<3x?xf32, #moe.axes<layer, token>>
  %y = moe.input "y" : tensor<3x?xf32, #moe.axes<layer, sequence>>
  %s = moe.reduce max %x over [token] to sequence : tensor<3x?xf32, #moe.axes<layer, token>> -> tensor<3x?xf32, #moe.axes<layer, sequence>>
  %t = moe.reduce sum %x over [token] : tensor<3x?xf32, #moe.axes<layer, token>> -> tensor<3xf32, #moe.axes<layer>>
  %z = arith.addf %s, %y : tensor<3x?xf32, #moe.axes<layer, sequence>>
  %n = moe.size sequence : tensor<i32>
  moe.metric "sequences" = %n : tensor<i32>
  moe.output "z" = %z : tensor<3x?xf32, #moe.axes<layer, sequence>>
  moe.output "t" = %t : tensor<3xf32, #moe.axes<layer>>
}

// -----

// Positions and shifts are those in a layer; queues are per layer.
// CHECK-LABEL: moe.gate @positions
// CHECK-DAG: %[[TWO:.*]] = arith.constant dense<2> : tensor<i32>
// CHECK-DAG: %[[X:.*]] = moe.input "x" layered "layer"
// CHECK-DAG: %[[I:.*]] = moe.index token :
// CHECK-DAG: %[[N:.*]] = moe.size token
// CHECK-DAG: %[[T:.*]] = arith.divui %[[N]]
// CHECK-DAG: %[[TB:.*]] = moe.broadcast %[[T]]
// CHECK-DAG: %[[P:.*]] = arith.remui %[[I]], %[[TB]]
// CHECK-DAG: moe.output "p" = %[[P]]
// CHECK-DAG: %[[S:.*]] = moe.shift %[[X]], 2 over token
// CHECK-DAG: %[[D:.*]] = moe.broadcast %[[TWO]]
// CHECK-DAG: %[[IN:.*]] = arith.cmpi uge, %[[P]], %[[D]]
// CHECK-DAG: %[[INB:.*]] = moe.broadcast %[[IN]]
// CHECK-DAG: %[[K:.*]] = arith.select %[[INB]], %[[S]], %
// CHECK-DAG: moe.output "s" = %[[K]] layered "layer"
// CHECK-DAG: moe.rank %{{.*}} per layer : <[token], expert, r.slot, 2>
moe.gate @positions {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %p = moe.index token : tensor<?xi32, #moe.axes<token>>
  %s = moe.shift %x, 2 over token : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %r = moe.topk %x over expert : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %q = moe.rank %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
  moe.output "p" = %p : tensor<?xi32, #moe.axes<token>>
  moe.output "s" = %s : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  moe.output "q" = %q : tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
}

// -----

// A static axis behind the tokens is no layer: nothing changes.
// CHECK-LABEL: moe.gate @no_layers
// CHECK: moe.axis @token
// CHECK-NOT: layers
// CHECK: tensor<?x3xf32, #moe.axes<token, head>>
moe.gate @no_layers {
  moe.axis @head size 3
  moe.axis @token
  %x = moe.input "x" : tensor<?x3xf32, #moe.axes<token, head>>
  %l = moe.reduce sum %x over [token, head] : tensor<?x3xf32, #moe.axes<token, head>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}
