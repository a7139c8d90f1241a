// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.sigmoid. Keeps its type, whatever the float and the axes.
// CHECK: moe.sigmoid %{{.*}} : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.sigmoid %{{.*}} : tensor<64xf16, #moe.axes<expert>>
// CHECK: moe.sigmoid %{{.*}} : tensor<f64>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %h = moe.input "h" : tensor<64xf16, #moe.axes<expert>>
  %c = moe.input "c" : tensor<f64>
  %a = moe.sigmoid %x : tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.sigmoid %h : tensor<64xf16, #moe.axes<expert>>
  %e = moe.sigmoid %c : tensor<f64>
}
