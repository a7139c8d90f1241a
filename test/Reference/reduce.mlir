// RUN: moe-opt %s --moe-interpret
// Removal of an axis, of all, coarsening by blocks and by an uneven map; the kinds on 1 2 3 6:
// mean 3, var (4 + 1 + 0 + 9) / 4 = 3.5, cv2 = 3.5 / 9.
moe.gate @kinds {
  moe.axis @expert size 4
  %x = arith.constant dense<[3.0, 1.0, 6.0, 2.0]> : tensor<4xf64, #moe.axes<expert>>
  %sum = moe.reduce sum %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %mean = moe.reduce mean %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %max = moe.reduce max %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %min = moe.reduce min %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %var = moe.reduce var %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %std = moe.reduce std %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %cv2 = moe.reduce cv2 %x over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %sum, dense<12.0> : tensor<f64> : tensor<f64>
  check.expect_close %mean, dense<3.0> : tensor<f64> : tensor<f64>
  check.expect_close %max, dense<6.0> : tensor<f64> : tensor<f64>
  check.expect_close %min, dense<1.0> : tensor<f64> : tensor<f64>
  check.expect_close %var, dense<3.5> : tensor<f64> : tensor<f64>
  check.expect_close %std, dense<1.8708286933869707> : tensor<f64> : tensor<f64>
  check.expect_close %cv2, dense<0.3888888888888889> : tensor<f64> : tensor<f64>
  // log(1 + 2 + 3) + 1000, which a plain exp would not survive.
  %l = arith.constant dense<[1000.0, 1000.6931471805599, 1001.0986122886681, 0xFFF0000000000000]> : tensor<4xf64, #moe.axes<expert>>
  %lse = moe.reduce logsumexp %l over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %lse, dense<1001.7917594692281> : tensor<f64> : tensor<f64>
}

// max propagates NaN, maxnum ignores it.
moe.gate @nan {
  moe.axis @expert size 3
  %x = arith.constant dense<[1.0, 0x7FF8000000000000, -4.0]> : tensor<3xf64, #moe.axes<expert>>
  %max = moe.reduce max %x over [expert] : tensor<3xf64, #moe.axes<expert>> -> tensor<f64>
  %min = moe.reduce min %x over [expert] : tensor<3xf64, #moe.axes<expert>> -> tensor<f64>
  %maxnum = moe.reduce maxnum %x over [expert] : tensor<3xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %max, dense<0x7FF8000000000000> : tensor<f64> : tensor<f64>
  check.expect_close %min, dense<0x7FF8000000000000> : tensor<f64> : tensor<f64>
  check.expect_close %maxnum, dense<1.0> : tensor<f64> : tensor<f64>
}

moe.gate @axes {
  moe.axis @token size 2
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  moe.axis @rack size 2 of @expert map [0, 1, 1, 1]
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi32, #moe.axes<token, expert>>
  %e = moe.reduce sum %x over [token] : tensor<2x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>>
  %t = moe.reduce max %x over [expert] : tensor<2x4xi32, #moe.axes<token, expert>> -> tensor<2xi32, #moe.axes<token>>
  %s = moe.reduce sum %x over [token, expert] : tensor<2x4xi32, #moe.axes<token, expert>> -> tensor<i32>
  %d = moe.reduce sum %x over [expert] to device : tensor<2x4xi32, #moe.axes<token, expert>> -> tensor<2x2xi32, #moe.axes<token, device>>
  %r = moe.reduce min %x over [expert] to rack : tensor<2x4xi32, #moe.axes<token, expert>> -> tensor<2x2xi32, #moe.axes<token, rack>>
  check.expect_eq %e, dense<[6, 8, 10, 12]> : tensor<4xi32> : tensor<4xi32, #moe.axes<expert>>
  check.expect_eq %t, dense<[4, 8]> : tensor<2xi32> : tensor<2xi32, #moe.axes<token>>
  check.expect_eq %s, dense<36> : tensor<i32> : tensor<i32>
  check.expect_eq %d, dense<[[3, 7], [11, 15]]> : tensor<2x2xi32> : tensor<2x2xi32, #moe.axes<token, device>>
  check.expect_eq %r, dense<[[1, 2], [5, 6]]> : tensor<2x2xi32> : tensor<2x2xi32, #moe.axes<token, rack>>
}
