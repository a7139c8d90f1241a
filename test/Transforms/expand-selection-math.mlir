// RUN: moe-opt %s --moe-expand-selection-math | FileCheck %s
// RUN: moe-opt %s --moe-expand-selection-math --canonicalize --cse --verify-roundtrip | FileCheck %s --check-prefix=CLEAN
// RUN: moe-opt %s --moe-expand-selection-math --mlir-print-op-generic | moe-opt | FileCheck %s

// A sigmoid score becomes polynomials; a softmax that only feeds the weights stays, and so does a function after the selection.
// CHECK-LABEL: moe.gate @scores
// CLEAN-LABEL: moe.gate @scores
moe.gate @scores {
  moe.axis @token
  moe.axis @expert size 4
  // CHECK: %[[X:.*]] = moe.input "logits"
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  // CHECK-NOT: moe.sigmoid
  // CHECK-NOT: math.exp
  // CHECK: arith.negf %[[X]]
  // CHECK: math.fma
  // CHECK: arith.bitcast {{.*}} : tensor<?x4xf32, #moe.axes<token, expert>> to tensor<?x4xi32, #moe.axes<token, expert>>
  // CHECK: %[[S:.*]] = arith.divf
  %s = moe.sigmoid %x : tensor<?x4xf32, #moe.axes<token, expert>>
  // CHECK: moe.softmax %[[X]]
  %p = moe.softmax %x over expert : tensor<?x4xf32, #moe.axes<token, expert>>
  // CHECK: moe.topk %[[S]]
  %r = moe.topk %s over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %p[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  // CHECK: math.log
  %l = math.log %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
  // CLEAN: moe.output "route"
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
  moe.output "weight" = %l : tensor<?x2xf32, #moe.axes<token, r.slot>>
}

// What a group's selection depends on is in the slice too.
// CHECK-LABEL: moe.gate @groups
moe.gate @groups {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @node size 2 of @expert
  %x = moe.input "logits" : tensor<?x4xf32, #moe.axes<token, expert>>
  // CHECK-NOT: math.tanh
  // CHECK: moe.reduce max
  %t = math.tanh %x : tensor<?x4xf32, #moe.axes<token, expert>>
  %g = moe.reduce max %t over [expert] to node : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?x2xf32, #moe.axes<token, node>>
  %n = moe.topk %g over node : tensor<?x2xf32, #moe.axes<token, node>> -> !moe.selection<[token], node, n.slot, 1>
  %r = moe.topk %x over expert among %n : !moe.selection<[token], node, n.slot, 1> : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  moe.output "route" = %r : !moe.selection<[token], expert, r.slot, 2>
}

// Without a selection nothing changes.
// CHECK-LABEL: moe.gate @no_selection
moe.gate @no_selection {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  // CHECK: moe.sigmoid
  // CHECK-NEXT: math.exp
  %s = moe.sigmoid %x : tensor<?xf32, #moe.axes<token>>
  %e = math.exp %s : tensor<?xf32, #moe.axes<token>>
  moe.output "e" = %e : tensor<?xf32, #moe.axes<token>>
}
