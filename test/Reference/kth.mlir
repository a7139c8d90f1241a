// RUN: moe-opt %s --moe-interpret
moe.gate @kth {
  moe.axis @token size 3
  moe.axis @expert size 4
  %x = arith.constant dense<[[1.0, 5.0, 3.0, -1.0], [2.0, 2.0, 2.0, 1.0], [0x7FF8000000000000, 0x7FF8000000000000, 4.0, 0xFFF0000000000000]]> : tensor<3x4xf64, #moe.axes<token, expert>>
  %a = moe.kth %x, 2 over expert : tensor<3x4xf64, #moe.axes<token, expert>> -> tensor<3xf64, #moe.axes<token>>
  %b = moe.kth %x, 3 over expert : tensor<3x4xf64, #moe.axes<token, expert>> -> tensor<3xf64, #moe.axes<token>>
  check.expect_close %a, dense<[3.0, 2.0, 0xFFF0000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<token>>
  check.expect_close %b, dense<[1.0, 2.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<token>>
}
