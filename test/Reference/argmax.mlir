// RUN: moe-opt %s --moe-interpret
// Of several, the first; NaN only where there is nothing else.
moe.gate @argmax {
  moe.axis @token size 4
  moe.axis @expert size 3
  %x = arith.constant dense<[[1.0, 5.0, 5.0], [0x7FF8000000000000, 0xFFF0000000000000, -7.0], [0x7FF8000000000000, 0xFFF0000000000000, 0x7FF8000000000000], [0x7FF8000000000000, 0x7FF8000000000000, 0x7FF8000000000000]]> : tensor<4x3xf64, #moe.axes<token, expert>>
  %i = moe.argmax %x over expert : tensor<4x3xf64, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<token>>
  check.expect_eq %i, dense<[1, 2, 1, 0]> : tensor<4xi32> : tensor<4xi32, #moe.axes<token>>
}
