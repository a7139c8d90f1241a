// RUN: moe-opt %s --moe-interpret
// The two greatest of each node, and of the whole row; NaN ranks below every number.
moe.gate @sum_top {
  moe.axis @token size 2
  moe.axis @expert size 6
  moe.axis @node size 2 of @expert
  %x = arith.constant dense<[[1.0, 5.0, 3.0, -1.0, -2.0, -4.0], [2.0, 0x7FF8000000000000, 1.0, 7.0, 7.0, 0.5]]> : tensor<2x6xf64, #moe.axes<token, expert>>
  %g = moe.sum_top %x, 2 over expert to node : tensor<2x6xf64, #moe.axes<token, expert>> -> tensor<2x2xf64, #moe.axes<token, node>>
  %r = moe.sum_top %x, 3 over expert : tensor<2x6xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<token>>
  check.expect_close %g, dense<[[8.0, -3.0], [3.0, 14.0]]> : tensor<2x2xf64> : tensor<2x2xf64, #moe.axes<token, node>>
  check.expect_close %r, dense<[9.0, 16.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<token>>
}
