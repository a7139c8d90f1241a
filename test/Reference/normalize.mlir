// RUN: moe-opt %s --moe-interpret
moe.gate @normalize {
  moe.axis @token size 3
  moe.axis @expert size 2
  %x = arith.constant dense<[[1.0, 3.0], [0.5, 0.5], [0.0, 0.0]]> : tensor<3x2xf64, #moe.axes<token, expert>>
  %y = moe.normalize %x over expert : tensor<3x2xf64, #moe.axes<token, expert>>
  check.expect_close %y, dense<[[0.25, 0.75], [0.5, 0.5], [0x7FF8000000000000, 0x7FF8000000000000]]> : tensor<3x2xf64> : tensor<3x2xf64, #moe.axes<token, expert>>
}
