// RUN: moe-opt %s --split-input-file --convert-moe-to-moe-kernel --verify-diagnostics
// What has no place in a pass over the tokens yet, or should have been rewritten before, is an error at its operation.

// values on two static axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  %d = moe.input "d" : tensor<2xf32, #moe.axes<device>>
  // expected-error@+1 {{a value with more than one axis besides the tokens is not lowered yet: 'tensor<2x4xf32, #moe.axes<device, expert>>'}}
  %b = moe.broadcast %d : tensor<2xf32, #moe.axes<device>> to tensor<2x4xf32, #moe.axes<device, expert>>
  %s = moe.reduce sum %b over [device] : tensor<2x4xf32, #moe.axes<device, expert>> -> tensor<4xf32, #moe.axes<expert>>
  %l = moe.reduce sum %s over [expert] : tensor<4xf32, #moe.axes<expert>> -> tensor<f32>
  moe.loss "l" = %l : tensor<f32>
}

// -----

// a sum over tokens that leaves two axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x2xf32, #moe.axes<token, device>>
  %b = moe.broadcast %x : tensor<?x2xf32, #moe.axes<token, device>> to tensor<?x2x4xf32, #moe.axes<token, device, expert>>
  // expected-error@+1 {{a value with more than one axis besides the tokens is not lowered yet: 'tensor<2x4xf32, #moe.axes<device, expert>>'}}
  %s = moe.reduce sum %b over [token] : tensor<?x2x4xf32, #moe.axes<token, device, expert>> -> tensor<2x4xf32, #moe.axes<device, expert>>
  %l = moe.reduce sum %s over [device] : tensor<2x4xf32, #moe.axes<device, expert>> -> tensor<4xf32, #moe.axes<expert>>
  moe.metric "l" = %l : tensor<4xf32, #moe.axes<expert>>
}

// -----

// an input on two static axes
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  // expected-error@+1 {{a value with more than one axis besides the tokens is not lowered yet: 'tensor<2x4xf32, #moe.axes<device, expert>>'}}
  %x = moe.input "x" : tensor<2x4xf32, #moe.axes<device, expert>>
}

// -----

// the run-time axis inside
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  // expected-error@+1 {{array 'x' has its run-time axis inside: only the outermost axis may have a run-time size so far}}
  %x = moe.input "x" : tensor<4x?xf32, #moe.axes<expert, token>>
}

// -----

// two run-time axes
moe.gate @g {
  // expected-note@+1 {{the tokens are axis 'token'}}
  moe.axis @token
  // expected-error@+1 {{axis 'sequence' is the second one of run-time size, which is not lowered yet}}
  moe.axis @sequence
  moe.axis @expert size 4
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// elements that no target has registers for
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  // expected-error@+1 {{values of type 'i64' are not lowered yet; f32, f64, i32 and i1 are: 'tensor<4xi64, #moe.axes<expert>>'}}
  %x = moe.input "x" : tensor<4xi64, #moe.axes<expert>>
}

// -----

// arithmetic in bf16
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %b = moe.input "b" : tensor<?x4xbf16, #moe.axes<token, expert>>
  // expected-error@+1 {{arithmetic in 'bf16' is not lowered; widen to f32 first (arith.extf)}}
  %c = arith.mulf %b, %b : tensor<?x4xbf16, #moe.axes<token, expert>>
  moe.output "c" = %c : tensor<?x4xbf16, #moe.axes<token, expert>>
}

// -----

// a sum in bf16, of a row
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %b = moe.input "b" : tensor<?x4xbf16, #moe.axes<token, expert>>
  // expected-error@+1 {{sums bf16 or f16, which only store values: widen with arith.extf first}}
  %c = moe.reduce sum %b over [expert] : tensor<?x4xbf16, #moe.axes<token, expert>> -> tensor<?xbf16, #moe.axes<token>>
  moe.output "c" = %c : tensor<?xbf16, #moe.axes<token>>
}

// -----

// a sum in bf16, over tokens
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %b = moe.input "b" : tensor<?x4xbf16, #moe.axes<token, expert>>
  // expected-error@+1 {{sums bf16 or f16, which only store values: widen with arith.extf first}}
  %c = moe.reduce sum %b over [token] : tensor<?x4xbf16, #moe.axes<token, expert>> -> tensor<4xbf16, #moe.axes<expert>>
  moe.metric "c" = %c : tensor<4xbf16, #moe.axes<expert>>
}

// -----

// a constant of bf16
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  // expected-error@+1 {{a constant of bf16 or f16, which only store values: write it in f32}}
  %c = arith.constant dense<1.0> : tensor<4xbf16, #moe.axes<expert>>
  moe.metric "c" = %c : tensor<4xbf16, #moe.axes<expert>>
}

// -----

// a table of constants
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  // expected-error@+1 {{a table of different constants is not lowered yet}}
  %c = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32, #moe.axes<expert>>
  moe.metric "c" = %c : tensor<4xf32, #moe.axes<expert>>
}

// -----

// a composite, of a row
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'moe.softmax' reaches fusion: run moe-decompose first}}
  %s = moe.softmax %x over expert : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "s" = %s : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// a mean of a row
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{reduction 'mean' reaches fusion: run moe-decompose first}}
  %s = moe.reduce mean %x over [expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  moe.output "s" = %s : tensor<?xf32, #moe.axes<token>>
}

// -----

// a mean over tokens
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{reduction 'mean' over tokens reaches fusion: run moe-decompose first}}
  %s = moe.reduce mean %x over [token] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<4xf32, #moe.axes<expert>>
  moe.metric "s" = %s : tensor<4xf32, #moe.axes<expert>>
}

// -----

// a sum over tokens and experts at once
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{reduction 'sum' over tokens reaches fusion: run moe-decompose first}}
  %s = moe.reduce sum %x over [token, expert] : tensor<?x4xf32, #moe.axes<token, expert>> -> tensor<f32>
  moe.metric "s" = %s : tensor<f32>
}

// -----

// an operation with two results
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %x = moe.input "x" : tensor<?x4xf32, #moe.axes<token, expert>>
  // expected-error@+1 {{'math.sincos' is not lowered yet}}
  %s, %c = math.sincos %x : tensor<?x4xf32, #moe.axes<token, expert>>
  moe.output "s" = %s : tensor<?x4xf32, #moe.axes<token, expert>>
}

// -----

// the name of a status word
moe.gate @g {
  // expected-error@+1 {{array 'empty' has the name of a status word; choose another one}}
  %x = moe.param "empty" = 1.0 : tensor<f32>
}
