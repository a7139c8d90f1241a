// RUN: moe-opt %s --moe-interpret=token-count=0
// Over nothing: sum 0, max -inf, min +inf, the others NaN.
moe.gate @empty {
  moe.axis @token
  moe.axis @expert size 2
  %c = arith.constant dense<1.0> : tensor<f64>
  %x = moe.broadcast %c : tensor<f64> to tensor<?x2xf64, #moe.axes<token, expert>>
  %sum = moe.reduce sum %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %max = moe.reduce max %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %min = moe.reduce min %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %mean = moe.reduce mean %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %cv2 = moe.reduce cv2 %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %lse = moe.reduce logsumexp %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  check.expect_close %sum, dense<0.0> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %max, dense<0xFFF0000000000000> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %min, dense<0x7FF0000000000000> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %mean, dense<0x7FF8000000000000> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %cv2, dense<0x7FF8000000000000> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %lse, dense<0x7FF8000000000000> : tensor<f64> : tensor<2xf64, #moe.axes<expert>>
}
