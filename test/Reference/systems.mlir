// RUN: moe-opt %s --moe-interpret
// Values that the literature's formulas must give by hand.

// Device-level balance of six experts on two devices, alpha2 = 0.1: f' = .116667 .216667, P' = .45 .55,
// loss = 0.1 * (.0525 + .1191667) = .01716667.
moe.gate @device_balance {
  moe.axis @expert size 6
  moe.axis @device size 2 of @expert
  %f = arith.constant dense<[0.15, 0.12, 0.08, 0.20, 0.25, 0.20]> : tensor<6xf64, #moe.axes<expert>>
  %P = arith.constant dense<[0.18, 0.15, 0.12, 0.17, 0.20, 0.18]> : tensor<6xf64, #moe.axes<expert>>
  %alpha = moe.param "alpha2" = 0.1 : tensor<f64>
  %fd = moe.reduce mean %f over [expert] to device : tensor<6xf64, #moe.axes<expert>> -> tensor<2xf64, #moe.axes<device>>
  %Pd = moe.reduce sum %P over [expert] to device : tensor<6xf64, #moe.axes<expert>> -> tensor<2xf64, #moe.axes<device>>
  %fP = arith.mulf %fd, %Pd : tensor<2xf64, #moe.axes<device>>
  %sum = moe.reduce sum %fP over [device] : tensor<2xf64, #moe.axes<device>> -> tensor<f64>
  %loss = arith.mulf %alpha, %sum : tensor<f64>
  moe.loss "device_balance" = %loss : tensor<f64>
  check.expect_close %fd, dense<[0.11666666666666667, 0.21666666666666667]> : tensor<2xf64> : tensor<2xf64, #moe.axes<device>>
  check.expect_close %Pd, dense<[0.45, 0.55]> : tensor<2xf64> : tensor<2xf64, #moe.axes<device>>
  check.expect_close %loss, dense<0.017166666666666667> : tensor<f64> : tensor<f64>
  check.expect_close %loss, dense<0.01716667> : tensor<f64> within 5.0e-9 : tensor<f64>
}

// Perfect balance: four tokens, one on each expert, scores that sum to one: sum(f * P) = 1, every cv2 is 0.
moe.gate @perfect_balance {
  moe.axis @token size 4
  moe.axis @expert size 4
  %x = arith.constant dense<[[2.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0], [1.0, 1.0, 2.0, 1.0], [1.0, 1.0, 1.0, 2.0]]> : tensor<4x4xf64, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<4x4xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<4x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<4x4xi1, #moe.axes<token, expert>>
  %mi = arith.extui %m : tensor<4x4xi1, #moe.axes<token, expert>> to tensor<4x4xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %mi over [token] : tensor<4x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>>
  %f = arith.sitofp %c : tensor<4xi32, #moe.axes<expert>> to tensor<4xf64, #moe.axes<expert>> // E / (k T) = 1
  %P = moe.reduce mean %s over [token] : tensor<4x4xf64, #moe.axes<token, expert>> -> tensor<4xf64, #moe.axes<expert>>
  %fP = arith.mulf %f, %P : tensor<4xf64, #moe.axes<expert>>
  %balance = moe.reduce sum %fP over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %cvf = moe.reduce cv2 %f over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %cvP = moe.reduce cv2 %P over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %balance, dense<1.0> : tensor<f64> : tensor<f64>
  check.expect_close %cvf, dense<0.0> : tensor<f64> : tensor<f64>
  check.expect_close %cvP, dense<0.0> : tensor<f64> : tensor<f64>
}

// All tokens on one expert, k = 1, P one-hot: sum(f * P) = E; cv2 of the counts is E - 1 = N / T^2 * sum(T_j^2) - 1.
moe.gate @one_expert {
  moe.axis @token size 3
  moe.axis @expert size 4
  %x = arith.constant dense<[[0.0, 0.0, 900.0, 0.0], [0.0, 0.0, 900.0, 0.0], [0.0, 0.0, 900.0, 0.0]]> : tensor<3x4xf64, #moe.axes<token, expert>>
  %s = moe.softmax %x over expert : tensor<3x4xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<3x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<3x4xi1, #moe.axes<token, expert>>
  %mf = arith.uitofp %m : tensor<3x4xi1, #moe.axes<token, expert>> to tensor<3x4xf64, #moe.axes<token, expert>>
  %c = moe.reduce sum %mf over [token] : tensor<3x4xf64, #moe.axes<token, expert>> -> tensor<4xf64, #moe.axes<expert>>
  %e = moe.size expert : tensor<i32>
  %t = moe.size token : tensor<i32>
  %ef = arith.sitofp %e : tensor<i32> to tensor<f64>
  %tf = arith.sitofp %t : tensor<i32> to tensor<f64>
  %ratio = arith.divf %ef, %tf : tensor<f64>
  %scale = moe.broadcast %ratio : tensor<f64> to tensor<4xf64, #moe.axes<expert>>
  %f = arith.mulf %c, %scale : tensor<4xf64, #moe.axes<expert>>
  %P = moe.reduce mean %s over [token] : tensor<3x4xf64, #moe.axes<token, expert>> -> tensor<4xf64, #moe.axes<expert>>
  %fP = arith.mulf %f, %P : tensor<4xf64, #moe.axes<expert>>
  %balance = moe.reduce sum %fP over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  %cv = moe.reduce cv2 %c over [expert] : tensor<4xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %balance, dense<4.0> : tensor<f64> : tensor<f64>
  check.expect_close %cv, dense<3.0> : tensor<f64> : tensor<f64>
}

// cv2(z) = nu / mu^2 - 1 with mu = mean(z), nu = mean(z^2): for counts 4 2 0 of 6 tokens, N / T^2 * sum(T_j^2) - 1 = 2/3.
moe.gate @cv2_of_counts {
  moe.axis @expert size 3
  %c = arith.constant dense<[4.0, 2.0, 0.0]> : tensor<3xf64, #moe.axes<expert>>
  %cv = moe.reduce cv2 %c over [expert] : tensor<3xf64, #moe.axes<expert>> -> tensor<f64>
  check.expect_close %cv, dense<0.6666666666666667> : tensor<f64> : tensor<f64>
}
