// RUN: moe-opt %s --moe-interpret
moe.gate @math {
  moe.axis @expert size 3
  %x = arith.constant dense<[1.0, 4.0, 0.25]> : tensor<3xf64, #moe.axes<expert>>
  %y = arith.constant dense<[-1.5, 2.5, 0.0]> : tensor<3xf64, #moe.axes<expert>>
  %exp = math.exp %y : tensor<3xf64, #moe.axes<expert>>
  %log = math.log %x : tensor<3xf64, #moe.axes<expert>>
  %sqrt = math.sqrt %x : tensor<3xf64, #moe.axes<expert>>
  %rsqrt = math.rsqrt %x : tensor<3xf64, #moe.axes<expert>>
  %abs = math.absf %y : tensor<3xf64, #moe.axes<expert>>
  %floor = math.floor %y : tensor<3xf64, #moe.axes<expert>>
  %ceil = math.ceil %y : tensor<3xf64, #moe.axes<expert>>
  %tanh = math.tanh %y : tensor<3xf64, #moe.axes<expert>>
  %erf = math.erf %x : tensor<3xf64, #moe.axes<expert>>
  %pow = math.powf %x, %y : tensor<3xf64, #moe.axes<expert>>
  %log1p = math.log1p %x : tensor<3xf64, #moe.axes<expert>>
  %expm1 = math.expm1 %x : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %exp, dense<[0.22313016014842982, 12.182493960703473, 1.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %log, dense<[0.0, 1.3862943611198906, -1.3862943611198906]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %sqrt, dense<[1.0, 2.0, 0.5]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %rsqrt, dense<[1.0, 0.5, 2.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %abs, dense<[1.5, 2.5, 0.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %floor, dense<[-2.0, 2.0, 0.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %ceil, dense<[-1.0, 3.0, 0.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %tanh, dense<[-0.9051482536448664, 0.9866142981514303, 0.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %erf, dense<[0.8427007929497149, 0.9999999845827421, 0.2763263901682369]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %pow, dense<[1.0, 32.0, 1.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %log1p, dense<[0.6931471805599453, 1.6094379124341003, 0.22314355131420976]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %expm1, dense<[1.718281828459045, 53.598150033144236, 0.2840254166877415]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
}
