// RUN: moe-opt %s --moe-interpret
// Along a new inner axis, along a new outer axis, from a scalar, and by name where the order changes.
moe.gate @broadcast {
  moe.axis @token size 2
  moe.axis @expert size 3
  %t = arith.constant dense<[1.0, 2.0]> : tensor<2xf64, #moe.axes<token>>
  %e = arith.constant dense<[1, 2, 3]> : tensor<3xi32, #moe.axes<expert>>
  %s = arith.constant dense<7.0> : tensor<f64>
  %et = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf64, #moe.axes<expert, token>>
  %a = moe.broadcast %t : tensor<2xf64, #moe.axes<token>> to tensor<2x3xf64, #moe.axes<token, expert>>
  %b = moe.broadcast %e : tensor<3xi32, #moe.axes<expert>> to tensor<2x3xi32, #moe.axes<token, expert>>
  %c = moe.broadcast %s : tensor<f64> to tensor<3xf64, #moe.axes<expert>>
  %d = moe.broadcast %et : tensor<3x2xf64, #moe.axes<expert, token>> to tensor<2x3xf64, #moe.axes<token, expert>>
  check.expect_close %a, dense<[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]> : tensor<2x3xf64> : tensor<2x3xf64, #moe.axes<token, expert>>
  check.expect_eq %b, dense<[[1, 2, 3], [1, 2, 3]]> : tensor<2x3xi32> : tensor<2x3xi32, #moe.axes<token, expert>>
  check.expect_close %c, dense<[7.0, 7.0, 7.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %d, dense<[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]> : tensor<2x3xf64> : tensor<2x3xf64, #moe.axes<token, expert>>
}
