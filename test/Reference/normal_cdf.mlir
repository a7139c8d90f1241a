// RUN: moe-opt %s --moe-interpret
// Table values of the standard normal.
moe.gate @normal_cdf {
  moe.axis @expert size 6
  %x = arith.constant dense<[0.0, 1.0, -1.0, 1.96, 0x7FF0000000000000, 0xFFF0000000000000]> : tensor<6xf64, #moe.axes<expert>>
  %y = moe.normal_cdf %x : tensor<6xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[0.5, 0.8413447460685429, 0.15865525393145705, 0.9750021048517795, 1.0, 0.0]> : tensor<6xf64> : tensor<6xf64, #moe.axes<expert>>
}
