// RUN: moe-opt %s --moe-interpret
moe.gate @detach {
  moe.axis @expert size 2
  %x = arith.constant dense<[1.5, -2.0]> : tensor<2xf64, #moe.axes<expert>>
  %y = moe.detach %x : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[1.5, -2.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
}
