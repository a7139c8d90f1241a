// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.expand. Directly, through an axis between, with other axes kept; from pieces, and from groups that an input places.
// CHECK: moe.expand %{{.*}} from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.expand %{{.*}} from rack to device : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x8xf32, #moe.axes<token, device>>
// CHECK: moe.expand %{{.*}} from rack to expert : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x64xf32, #moe.axes<token, expert>>
// CHECK: moe.expand %{{.*}} from sequence to token : tensor<?xf32, #moe.axes<sequence>> to tensor<?xf32, #moe.axes<token>>
// CHECK: moe.expand %{{.*}} from host to expert : tensor<4xf32, #moe.axes<host>> to tensor<64xf32, #moe.axes<expert>>
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 128
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %d = moe.input "d" : tensor<8xf32, #moe.axes<device>>
  %k = moe.input "k" : tensor<?x3xf32, #moe.axes<token, rack>>
  %a = moe.expand %d from device to expert : tensor<8xf32, #moe.axes<device>> to tensor<64xf32, #moe.axes<expert>>
  %b = moe.expand %k from rack to device : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x8xf32, #moe.axes<token, device>>
  %c = moe.expand %k from rack to expert : tensor<?x3xf32, #moe.axes<token, rack>> to tensor<?x64xf32, #moe.axes<token, expert>>
  moe.axis @host size 4 of @expert placement "h"
  %h = moe.input "h" : tensor<64xi32, #moe.axes<expert>>
  %s = moe.input "s" : tensor<?xf32, #moe.axes<sequence>>
  %o = moe.input "o" : tensor<4xf32, #moe.axes<host>>
  %e = moe.expand %s from sequence to token : tensor<?xf32, #moe.axes<sequence>> to tensor<?xf32, #moe.axes<token>>
  %f = moe.expand %o from host to expert : tensor<4xf32, #moe.axes<host>> to tensor<64xf32, #moe.axes<expert>>
}
