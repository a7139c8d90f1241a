// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.input. Every element type; with the tokens, without, and scalar; of layers.
// CHECK: moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.input "a" : tensor<?x64xbf16, #moe.axes<token, expert>>
// CHECK: moe.input "b" : tensor<64xf16, #moe.axes<expert>>
// CHECK: moe.input "c" : tensor<?xi1, #moe.axes<token>>
// CHECK: moe.input "e" : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.input "f" : tensor<f64>
// CHECK: moe.input "i" : tensor<i64>
// CHECK: moe.input "s" saved : tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.input "x" layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.input "w" layered "layer" : tensor<?xf32, #moe.axes<sequence>>
// CHECK: moe.input "r" saved layered "depth" : tensor<?xi32, #moe.axes<token>>
// CHECK: moe.input "same" : tensor<?xf32, #moe.axes<token>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %a = moe.input "a" : tensor<?x64xbf16, #moe.axes<token, expert>>
  %b = moe.input "b" : tensor<64xf16, #moe.axes<expert>>
  %c = moe.input "c" : tensor<?xi1, #moe.axes<token>>
  %e = moe.input "e" : tensor<?xi32, #moe.axes<token>>
  %f = moe.input "f" : tensor<f64>
  %i = moe.input "i" : tensor<i64>
  %s = moe.input "s" saved : tensor<64xf32, #moe.axes<expert>>
}
moe.gate @layers {
  moe.axis @token layers 4
  moe.axis @expert size 64
  moe.axis @sequence of @token length 128
  moe.axis @layer of @sequence count 4
  %x = moe.input "x" layered "layer" : tensor<?x64xf32, #moe.axes<token, expert>>
  %w = moe.input "w" layered "layer" : tensor<?xf32, #moe.axes<sequence>>
  %r = moe.input "r" saved layered "depth" : tensor<?xi32, #moe.axes<token>>
  %same = moe.input "same" : tensor<?xf32, #moe.axes<token>>
}
