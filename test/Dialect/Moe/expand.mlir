// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.expand. Directly, through an axis between, with other axes kept.
// CHECK: moe.expand %{{.*}} from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.expand %{{.*}} from rack to device : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x8xf32, #moe.axes<token, device>>
// CHECK: moe.expand %{{.*}} from rack to expert : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x64xf32, #moe.axes<token, expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %d = moe.input "d" : tensor<8xf32, #moe.axes<device>>
  %k = moe.input "k" : tensor<?x3xf32, #moe.axes<token, rack>>
  %a = moe.expand %d from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  %b = moe.expand %k from rack to device : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x8xf32, #moe.axes<token, device>>
  %c = moe.expand %k from rack to expert : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x64xf32, #moe.axes<token, expert>>
}
