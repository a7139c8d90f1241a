// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.limit. With each of its parts, and with all of them; for each layer.
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over expert : <[token], expert, r.slot, 2>
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over device by_slot : <[token], expert, r.slot, 2>
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over expert priority %{{.*}} : tensor<?x2xf32, #moe.axes<token, r.slot>> : <[token], expert, r.slot, 2>
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over expert next %{{.*}} : tensor<?x64xf32, #moe.axes<token, expert>> rounds 2 : <[token], expert, r.slot, 2>
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over device by_slot priority %{{.*}} : tensor<?x2xf32, #moe.axes<token, r.slot>> next %{{.*}} : tensor<?x64xf32, #moe.axes<token, expert>> rounds 1 exempt %{{.*}} : tensor<?xi1, #moe.axes<token>> per sequence : <[token], expert, r.slot, 2>
// CHECK: moe.limit %{{.*}} capacity %{{.*}} : tensor<f64> over expert priority %{{.*}} : tensor<3x?x2xf32, #moe.axes<layer, token, r.slot>> next %{{.*}} : tensor<3x?x64xf32, #moe.axes<layer, token, expert>> rounds 1 exempt %{{.*}} : tensor<3x?xi1, #moe.axes<layer, token>> : <[layer, token], expert, r.slot, 2>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @device size 8 of @expert
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xf32, #moe.axes<token, r.slot>>
  %e = moe.input "exempt" : tensor<?xi1, #moe.axes<token>>
  %a = moe.limit %r capacity %c : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %b = moe.limit %a capacity %c : tensor<f64> over device by_slot : !moe.selection<[token], expert, r.slot, 2>
  %d = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<?x2xf32, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  %f = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<?x64xf32, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 2>
  %h = moe.limit %r capacity %c : tensor<f64> over device by_slot priority %w : tensor<?x2xf32, #moe.axes<token, r.slot>> next %x : tensor<?x64xf32, #moe.axes<token, expert>> rounds 1 exempt %e : tensor<?xi1, #moe.axes<token>> per sequence : !moe.selection<[token], expert, r.slot, 2>
}
moe.gate @layers {
  moe.axis @layer size 3
  moe.axis @token
  moe.axis @expert size 64
  %x = moe.input "x" : tensor<3x?x64xf32, #moe.axes<layer, token, expert>>
  %r = moe.topk %x over expert : tensor<3x?x64xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %c = moe.param "c" = 4.0 : tensor<f64>
  %w = moe.gather %x[%r] : tensor<3x?x64xf32, #moe.axes<layer, token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<3x?x2xf32, #moe.axes<layer, token, r.slot>>
  %e = moe.input "exempt" : tensor<3x?xi1, #moe.axes<layer, token>>
  %h = moe.limit %r capacity %c : tensor<f64> over expert priority %w : tensor<3x?x2xf32, #moe.axes<layer, token, r.slot>> next %x : tensor<3x?x64xf32, #moe.axes<layer, token, expert>> rounds 1 exempt %e : tensor<3x?xi1, #moe.axes<layer, token>> : !moe.selection<[layer, token], expert, r.slot, 2>
}
