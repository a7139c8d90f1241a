// RUN: moe-opt %s --moe-interpret
moe.gate @sign {
  moe.axis @expert size 6
  %x = arith.constant dense<[0.0, -0.0, 3.0, -2.5, 0x7FF0000000000000, 0x7FF8000000000000]> : tensor<6xf64, #moe.axes<expert>>
  %y = moe.sign %x : tensor<6xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[0.0, 0.0, 1.0, -1.0, 1.0, 0x7FF8000000000000]> : tensor<6xf64> : tensor<6xf64, #moe.axes<expert>>
}
