// RUN: moe-opt %s --moe-interpret
// A state is its default, rounded to its type, or what the caller keeps.
moe.gate @default {
  moe.axis @expert size 2
  %b = moe.state "bias" = 0.1 : tensor<2xf32, #moe.axes<expert>>
  %n = moe.state "steps" = 7.0 : tensor<i32>
  check.expect_close %b, dense<0.10000000149011612> : tensor<f64> within 1.0e-15 : tensor<2xf32, #moe.axes<expert>>
  check.expect_eq %n, dense<7> : tensor<i32> : tensor<i32>
}
moe.gate @given {
  moe.axis @expert size 2
  %b = moe.state "bias" = 0.5 : tensor<2xf32, #moe.axes<expert>>
  check.given "bias" = dense<[1.5, -2.0]> : tensor<2xf32>
  check.expect_close %b, dense<[1.5, -2.0]> : tensor<2xf64> : tensor<2xf32, #moe.axes<expert>>
}
