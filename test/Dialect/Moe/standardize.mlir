// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.standardize. Along a static axis and along the tokens; eps may be 0.
// CHECK: moe.standardize %{{.*}}, 1.000000e-05 over expert : tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.standardize %{{.*}}, 0.000000e+00 over token : tensor<?x64xf32, #moe.axes<token, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %a = moe.standardize %x, 1.0e-05 over expert : tensor<?x64xf32, #moe.axes<token, expert>>
  %b = moe.standardize %x, 0.0 over token : tensor<?x64xf32, #moe.axes<token, expert>>
}
