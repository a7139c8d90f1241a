// RUN: moe-opt %s --moe-interpret
// softplus(0) = ln 2, softplus(ln 3) = ln 4; no overflow far out.
moe.gate @softplus {
  moe.axis @expert size 5
  %x = arith.constant dense<[0.0, 1.0986122886681098, 1000.0, -1000.0, 0x7FF8000000000000]> : tensor<5xf64, #moe.axes<expert>>
  %y = moe.softplus %x : tensor<5xf64, #moe.axes<expert>>
  check.expect_close %y, dense<[0.6931471805599453, 1.3862943611198906, 1000.0, 0.0, 0x7FF8000000000000]> : tensor<5xf64> : tensor<5xf64, #moe.axes<expert>>
}
