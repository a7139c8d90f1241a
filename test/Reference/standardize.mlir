// RUN: moe-opt %s --moe-interpret
// 1 2 3 6 has mean 3 and population standard deviation sqrt(3.5) = 1.8708286933869707; eps is added to the deviation.
moe.gate @standardize {
  moe.axis @expert size 4
  %x = arith.constant dense<[1.0, 2.0, 3.0, 6.0]> : tensor<4xf64, #moe.axes<expert>>
  %y = moe.standardize %x, 0.1291713066130293 over expert : tensor<4xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[-1.0, -0.5, 0.0, 1.5]> : tensor<4xf64> : tensor<4xf64, #moe.axes<expert>>
}
