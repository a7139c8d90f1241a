// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// moe.reduce. Each kind; one axis, several, coarser; valid slots; integers; to pieces, and over them.
// CHECK: moe.reduce sum %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce mean %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce max %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce min %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce maxnum %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce var %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce std %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce cv2 %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce logsumexp %{{.*}} over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce sum %{{.*}} over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.reduce mean %{{.*}} over [expert, token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<f32>
// CHECK: moe.reduce max %{{.*}} over [expert] to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x8xf32, #moe.axes<token, device>>
// CHECK: moe.reduce sum %{{.*}} over [expert] to rack : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
// CHECK: moe.reduce sum %{{.*}} over [r.slot] valid %{{.*}} : !moe.selection<[token], expert, r.slot, 6> : tensor<?x6xf32, #moe.axes<token, r.slot>> -> tensor<?xf32, #moe.axes<token>>
// CHECK: moe.reduce mean %{{.*}} over [token] to sequence : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x64xf32, #moe.axes<sequence, expert>>
// CHECK: moe.reduce mean %{{.*}} over [sequence] : tensor<?x64xf32, #moe.axes<sequence, expert>> -> tensor<64xf32, #moe.axes<expert>>
// CHECK: moe.reduce sum %{{.*}} over [expert] to host : tensor<64xf32, #moe.axes<expert>> -> tensor<4xf32, #moe.axes<host>>
// CHECK: moe.reduce max %{{.*}} over [expert] : tensor<64xi32, #moe.axes<expert>> -> tensor<i32>
moe.gate @g {
  moe.axis @token
  moe.axis @sequence of @token length 128
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  moe.axis @rack size 3 of @device map [0, 0, 1, 1, 2, 2, 2, 2]
  %x = moe.input "x" : tensor<?x64xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 6>
  %w = moe.gather %x[%r] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 6> -> tensor<?x6xf32, #moe.axes<token, r.slot>>
  %k0 = moe.reduce sum %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k1 = moe.reduce mean %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k2 = moe.reduce max %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k3 = moe.reduce min %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k4 = moe.reduce maxnum %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k5 = moe.reduce var %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k6 = moe.reduce std %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k7 = moe.reduce cv2 %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %k8 = moe.reduce logsumexp %x over [expert] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?xf32, #moe.axes<token>>
  %a = moe.reduce sum %x over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
  %b = moe.reduce mean %x over [expert, token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<f32>
  %c = moe.reduce max %x over [expert] to device : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x8xf32, #moe.axes<token, device>>
  %e = moe.reduce sum %x over [expert] to rack : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x3xf32, #moe.axes<token, rack>>
  %f = moe.reduce sum %w over [r.slot] valid %r : !moe.selection<[token], expert, r.slot, 6> : tensor<?x6xf32, #moe.axes<token, r.slot>> -> tensor<?xf32, #moe.axes<token>>
  moe.axis @host size 4 of @expert placement "h"
  %h = moe.input "h" : tensor<64xi32, #moe.axes<expert>>
  %p = moe.reduce mean %x over [token] to sequence : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<?x64xf32, #moe.axes<sequence, expert>>
  %q = moe.reduce mean %p over [sequence] : tensor<?x64xf32, #moe.axes<sequence, expert>> -> tensor<64xf32, #moe.axes<expert>>
  %s = moe.reduce sum %q over [expert] to host : tensor<64xf32, #moe.axes<expert>> -> tensor<4xf32, #moe.axes<host>>
  %n = moe.input "n" : tensor<64xi32, #moe.axes<expert>>
  %m = moe.reduce max %n over [expert] : tensor<64xi32, #moe.axes<expert>> -> tensor<i32>
}
