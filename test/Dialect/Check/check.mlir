// RUN: moe-opt %s --verify-roundtrip | FileCheck %s
moe.gate @check {
  moe.axis @token size 1
  moe.axis @expert size 2
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<1x2xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  // CHECK: check.expect_close %{{.*}}, dense<{{.*}}> : tensor<1x2xf64> within {{.*}} : tensor<1x2xf32, #moe.axes<token, expert>>
  check.expect_close %x, dense<[[1.0, 2.0]]> : tensor<1x2xf64> within 1.0e-6 : tensor<1x2xf32, #moe.axes<token, expert>>
  // CHECK: check.expect_eq %{{.*}}, dense<1> : tensor<1x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %r, dense<1> : tensor<1x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  %b = moe.state "bias" = 0.0 : tensor<2xf32, #moe.axes<expert>>
  // CHECK: check.given "bias" = dense<[1.500000e+00, 2.000000e+00]> : tensor<2xf32>
  check.given "bias" = dense<[1.5, 2.0]> : tensor<2xf32>
}
