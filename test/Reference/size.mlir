// RUN: moe-opt %s --moe-interpret=token-count=5
moe.gate @size {
  moe.axis @token
  moe.axis @expert size 3
  %t = moe.size token : tensor<i32>
  %e = moe.size expert : tensor<i32>
  check.expect_eq %t, dense<5> : tensor<i32> : tensor<i32>
  check.expect_eq %e, dense<3> : tensor<i32> : tensor<i32>
}
