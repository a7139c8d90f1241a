// RUN: moe-opt %s --moe-interpret
// sigmoid(ln 3) = 1 / (1 + 1/3); the ends saturate without NaN, NaN stays.
moe.gate @sigmoid {
  moe.axis @expert size 6
  %x = arith.constant dense<[0.0, 1.0986122886681098, -1.0986122886681098, 1000.0, -1000.0, 0x7FF8000000000000]> : tensor<6xf64, #moe.axes<expert>>
  %y = moe.sigmoid %x : tensor<6xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[0.5, 0.75, 0.25, 1.0, 0.0, 0x7FF8000000000000]> : tensor<6xf64> : tensor<6xf64, #moe.axes<expert>>
}
