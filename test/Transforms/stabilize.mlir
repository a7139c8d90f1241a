// RUN: moe-opt %s --moe-stabilize --split-input-file | FileCheck %s
// moe-stabilize: each logarithm of a score, and one that has to stay.

// CHECK-LABEL: @softmax
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[T:.*]] = moe.reduce logsumexp %[[X]] over [expert]
// CHECK: %[[B:.*]] = moe.broadcast %[[T]]
// CHECK: %[[L:.*]] = arith.subf %[[X]], %[[B]]
// CHECK: moe.output "l" = %[[L]]
moe.gate @softmax {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<?x4xf32, #moe.axes<token, expert>>
  %l = math.log %s : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "l" = %l : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// CHECK-LABEL: @sigmoid
// CHECK: %[[X:.*]] = moe.input "x"
// CHECK: %[[N:.*]] = arith.negf %[[X]]
// CHECK: %[[P:.*]] = moe.softplus %[[N]]
// CHECK: %[[L:.*]] = arith.negf %[[P]]
// CHECK: moe.output "l" = %[[L]]
moe.gate @sigmoid {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %s = moe.sigmoid %x : tensor<?x4xf32, #moe.axes<token, expert>>
  %l = math.log %s : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "l" = %l : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// The score of an empty slot is 0.
// CHECK-LABEL: @valid_slots
// CHECK: math.log
moe.gate @valid_slots {
  moe.axis @token
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x4xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<?x4xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %s = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<?x2xf32, #moe.axes<token, r.slot>>
  %l = math.log %s : tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "l" = %l : tensor<?x2xf32, #moe.axes<token, r.slot>>
}
