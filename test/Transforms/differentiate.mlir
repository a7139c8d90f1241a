// RUN: moe-opt %s --moe-differentiate --canonicalize --split-input-file --verify-diagnostics | FileCheck %s
// The structure of a backward program; its numbers are in test/Unit/Differentiate.

// Every float output brings an input, every loss a scale; metrics and selections bring nothing. The sinks of the forward program
// are gone, and there is one gradient per float input.
// CHECK-LABEL: moe.gate @balance
// CHECK-NOT: moe.loss
// CHECK-DAG: %[[SCALE:.*]] = moe.param "scale_l" = 1.000000e+00 : tensor<f32>
// CHECK-DAG: %[[GRAD:.*]] = moe.input "grad_w" : tensor<?x2xf32, #moe.axes<token, r.slot>>
// CHECK: moe.scatter %[[GRAD]] to
// CHECK-NOT: moe.metric
// CHECK: moe.output "grad_x" = %{{.*}} store bf16 adds : tensor<?x8xf32, #moe.axes<token, expert>>
// CHECK-NOT: moe.output
moe.gate @balance {
  moe.axis @token
  moe.axis @expert size 8
  %b = moe.input "x" : tensor<?x8xbf16, #moe.axes<token, expert>>
  %x = arith.extf %b : tensor<?x8xbf16, #moe.axes<token, expert>> to tensor<?x8xf32, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<?x8xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x8xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %s[%r] : tensor<?x8xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %l = moe.reduce cv2 %s over [token, expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<f32>
  %m = moe.reduce max %s over [token, expert] : tensor<?x8xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
  moe.metric "m" = %m : tensor<f32>
  moe.output "w" = %w : tensor<?x2xf32, #moe.axes<token, r.slot>>
  moe.output "r" = %r : !moe.selection<[token], expert, r.slot, 2>
}

// -----

// A function without an adjoint is an error where a gradient would pass, never a silent zero.
moe.gate @without {
  moe.axis @expert size 8
  %x = moe.input "x" : tensor<8xf32, #moe.axes<expert>>
  // expected-error@+1 {{'math.sin' lies on the way of a gradient and has no adjoint; use detach() if none is wanted}}
  %y = math.sin %x : tensor<8xf32, #moe.axes<expert>>
  moe.output "y" = %y : tensor<8xf32, #moe.axes<expert>>
}

// -----

// bf16 and f16 only store values; arithmetic in them has no gradient.
moe.gate @narrow {
  moe.axis @expert size 8
  %x = moe.input "x" : tensor<8xbf16, #moe.axes<expert>>
  // expected-error@+1 {{computes in 'bf16', which only stores values, and lies on the way of a gradient: widen with arith.extf first}}
  %y = arith.mulf %x, %x : tensor<8xbf16, #moe.axes<expert>>
  moe.output "y" = %y : tensor<8xbf16, #moe.axes<expert>>
}

// -----

moe.gate @mask_not_applied {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  // expected-error @below {{is not applied: run moe-apply-mask before a gate is differentiated}}
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  moe.output "y" = %x : tensor<?xf32, #moe.axes<token>>
}

// -----

// An empty gate stays one.
// CHECK: moe.gate @nothing {
// CHECK-NEXT: }
moe.gate @nothing {}

// -----

// The gradient of a shift comes from as far behind.
// CHECK-LABEL: moe.gate @shift
// CHECK: %[[G:.*]] = moe.input "grad_y"
// CHECK: %[[D:.*]] = moe.shift %[[G]], -2 over token
// CHECK: moe.output "grad_x" = %[[D]]
moe.gate @shift {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf32, #moe.axes<token>>
  %y = moe.shift %x, 2 over token : tensor<?xf32, #moe.axes<token>>
  moe.output "y" = %y : tensor<?xf32, #moe.axes<token>>
}
