// RUN: moe-opt %s --moe-expand-limit --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s
// moe-expand-limit: one gate for each way to give out room.

// CHECK-LABEL: @by_position
// CHECK: %[[C:.*]] = arith.fptosi
// CHECK: %[[P:.*]] = moe.rank %[[R:.*]] by_slot per sequence
// CHECK: %[[B:.*]] = moe.broadcast %[[C]]
// CHECK: %[[F:.*]] = arith.cmpi slt, %[[P]], %[[B]]
// CHECK: %[[K:.*]] = moe.filter %[[R]] by %[[F]]
// CHECK: moe.output "k" = %[[K]]
moe.gate @by_position {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @sequence of @token length 8
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %k = moe.limit %r capacity %c : tensor<f64> over expert by_slot per sequence : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// The queue of a device holds the slots of its experts; slots of exempt tokens stand in none and are kept.
// CHECK-LABEL: @over_devices
// CHECK-DAG: %[[E:.*]] = moe.input "e"
// CHECK-DAG: %[[I:.*]] = moe.index device
// CHECK: %[[ONE:.*]] = arith.addi %[[I]]
// CHECK: %[[T:.*]] = moe.expand %[[ONE]] from device to expert
// CHECK: %[[G:.*]] = moe.gather %[[T]][%[[R:[0-9]+]]]
// CHECK: %[[D:.*]] = arith.subi %[[G]]
// CHECK: %[[S:.*]] = moe.forced %[[D]] : {{.*}} -> <[token], device, r.slot, 2>
// CHECK: %[[Q:.*]] = moe.filter %[[S]]
// CHECK: %[[P:.*]] = moe.rank %[[Q]]
// CHECK: %[[F:.*]] = arith.cmpi slt, %[[P]]
// CHECK: %[[O:.*]] = arith.ori %[[F]], %
// CHECK: moe.filter %[[R]] by %[[O]]
moe.gate @over_devices {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %e = moe.input "e" : tensor<?xi1, #moe.axes<token>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %k = moe.limit %r capacity %c : tensor<f64> over device exempt %e : tensor<?xi1, #moe.axes<token>> : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// Eight times four counts of (group, lower digit), one for each upper digit, on one axis; the upper digit from the totals,
// the lower one bit by bit from the counts that have it; ranks decide among those that equal the threshold.
// CHECK-LABEL: @by_priority
// CHECK: moe.axis @r.slot.key size 16
// CHECK: moe.axis @r.slot.group size 4 of @r.slot.key
// CHECK: arith.bitcast
// CHECK: %[[INDEX:.*]] = arith.addi %{{.*}} : tensor<?x2xi32, #moe.axes<token, r.slot>>
// CHECK: %[[PLACE:.*]] = arith.select %{{.*}}, %[[INDEX]], %
// CHECK: %[[KEYS:.*]] = moe.forced %[[PLACE]] : {{.*}} -> <[token], r.slot.key, r.slot, 2>
// CHECK: %[[EACH:.*]] = moe.multiplicity %[[KEYS]]
// CHECK: %[[COUNTS:.*]] = moe.reduce sum %[[EACH]] over [token]
// CHECK-COUNT-3: moe.multiplicity
// CHECK-COUNT-5: moe.reduce sum %{{.*}} over [r.slot.key] to r.slot.group
// CHECK-COUNT-28: moe.multiplicity
// CHECK-NOT: moe.multiplicity
// CHECK: %[[T:.*]] = moe.gather
// CHECK: %[[E:.*]] = arith.cmpi eq, %[[KEY:.*]], %[[T]]
// CHECK: %[[TIES:.*]] = moe.filter %{{.*}} by %[[E]]
// CHECK: moe.rank %[[TIES]]
// CHECK: arith.cmpi ugt, %[[KEY]], %[[T]]
moe.gate @by_priority {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<?x2xf32, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// The candidates of each token, best first, are those that its route does not name; in each round the token's first
// unplaced slot proposes the next of them. What room the elements have left.
// CHECK-LABEL: @elsewhere
// CHECK: moe.rank
// CHECK: %[[NAMED:.*]] = moe.chosen
// CHECK: %[[NONE:.*]] = arith.cmpf uno
// CHECK: %[[TAKEN:.*]] = arith.ori %[[NAMED]], %[[NONE]]
// CHECK: %[[OPEN:.*]] = moe.reduce sum %{{.*}} over [expert] : {{.*}} -> tensor<?xi32, #moe.axes<token>>
// CHECK: %[[SCORES:.*]] = arith.select %[[TAKEN]], %
// CHECK: %[[LIST:.*]] = moe.topk %[[SCORES]] over expert : {{.*}} -> <[token], expert, r.slot.next, 2>
// CHECK-NOT: tensor<?x4x
// CHECK: %[[CURRENT:.*]] = moe.forced
// CHECK-NOT: tensor<?x4x
// CHECK: moe.gather %{{.*}}[%[[LIST]]]
// CHECK-NOT: tensor<?x4x
// CHECK: %[[NEXT:.*]] = moe.forced
// CHECK: %[[USED:.*]] = moe.multiplicity %[[CURRENT]]
// CHECK: moe.reduce sum %[[USED]] over [token]
// CHECK: moe.rank %[[NEXT]]
// CHECK: moe.rank
// CHECK-NOT: moe.rank
// CHECK: %[[LAST:.*]] = moe.forced
// CHECK: moe.output "k" = %[[LAST]]
moe.gate @elsewhere {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %k = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<?x4xf32, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// Each layer has queues of its own: ranks, counts, thresholds and what room there is.
// CHECK-LABEL: @layers
// CHECK: moe.reduce sum %{{.*}} over [token] : tensor<3x?x16xi32, #moe.axes<layer, token, r.slot.key>> -> tensor<3x16xi32, #moe.axes<layer, r.slot.key>>
// CHECK: moe.rank %{{.*}} : <[layer, token], r.slot.group, r.slot, 2> -> tensor<3x?x2xi32, #moe.axes<layer, token, r.slot>>
// CHECK: moe.topk %{{.*}} -> <[layer, token], expert, r.slot.next, 1>
// CHECK: moe.reduce sum %{{.*}} over [token] : tensor<3x?x4xi32, #moe.axes<layer, token, r.slot.group>> -> tensor<3x4xi32, #moe.axes<layer, r.slot.group>>
moe.gate @layers {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<3x?x4xf32, #moe.axes<layer, token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<3x?x2xf32, #moe.axes<layer, token, r.slot>>
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<3x?x2xf32, #moe.axes<layer, token, r.slot>> next %x : tensor<3x?x4xf32, #moe.axes<layer, token, expert>> rounds 1 : !moe.selection<[layer, token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[layer, token], expert, r.slot, 2>
}

// -----

moe.gate @many_groups {
  moe.axis @token
  moe.axis @expert size 262145
  %x = moe.input "x" : tensor<?x262145xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x262145xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x262145xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  // expected-error @below {{has a priority among 262145 groups; 262144 are the most}}
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<?x2xf32, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

moe.gate @wide_priority {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf64, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x4xf64, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf64, #moe.axes<token, r.slot>>
  // expected-error @below {{has a priority of f64; its order is that of 32-bit keys: give an f32}}
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<?x2xf64, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  moe.output "k" = %k : !moe.selection<[token], expert, r.slot, 2>
}

// -----

moe.gate @appended_before {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %c = moe.param "c" = 2.0 : tensor<f64>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %a = moe.append %r, [4] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, a.slot, 3>
  // expected-error @below {{places slots elsewhere in a selection that names elements beyond its axis; append after the limit, not before}}
  %k = moe.limit %a capacity %c : tensor<f64> over expert next %x : tensor<?x4xf32, #moe.axes<token, expert>> rounds 1 : !moe.selection<[token], expert, a.slot, 3>
  moe.output "k" = %k : !moe.selection<[token], expert, a.slot, 3>
}
