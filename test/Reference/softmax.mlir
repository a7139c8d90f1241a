// RUN: moe-opt %s --moe-interpret
// Logarithms of 1 2 5 give 1/8 2/8 5/8, whatever is added to a row; -inf gets 0; one NaN makes the row NaN, and so
// does +inf (inf - inf); along the outer axis too.
moe.gate @softmax {
  moe.axis @token size 5
  moe.axis @expert size 3
  %x = arith.constant dense<[[0.0, 0.6931471805599453, 1.6094379124341003], [1000.0, 1000.6931471805599453, 1001.6094379124341003],
                             [2.0, 0xFFF0000000000000, 2.0], [1.0, 0x7FF8000000000000, 2.0], [1.0, 0x7FF0000000000000, 2.0]]> : tensor<5x3xf64, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<5x3xf64, #moe.axes<token, expert>>
  check.expect_close %s, dense<[[0.125, 0.25, 0.625], [0.125, 0.25, 0.625], [0.5, 0.0, 0.5],
                                [0x7FF8000000000000, 0x7FF8000000000000, 0x7FF8000000000000],
                                [0x7FF8000000000000, 0x7FF8000000000000, 0x7FF8000000000000]]> : tensor<5x3xf64> within 1.0e-10 : tensor<5x3xf64, #moe.axes<token, expert>>
}
moe.gate @outer {
  moe.axis @token size 2
  moe.axis @expert size 2
  %x = arith.constant dense<[[0.0, 5.0], [1.0986122886681098, 5.0]]> : tensor<2x2xf64, #moe.axes<token, expert>>
  %s = moe.softmax %x over token : tensor<2x2xf64, #moe.axes<token, expert>>
  check.expect_close %s, dense<[[0.25, 0.5], [0.75, 0.5]]> : tensor<2x2xf64> : tensor<2x2xf64, #moe.axes<token, expert>>
}
