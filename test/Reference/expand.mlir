// RUN: moe-opt %s --moe-interpret
// Equal blocks, an uneven map, and through an axis in between.
moe.gate @expand {
  moe.axis @token size 2
  moe.axis @expert size 6
  moe.axis @device size 3 of @expert
  moe.axis @rack size 3 of @expert map [0, 0, 1, 2, 2, 2]
  moe.axis @node size 2 of @device map [1, 0, 0]
  %d = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf64, #moe.axes<token, device>>
  %r = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf64, #moe.axes<rack>>
  %n = arith.constant dense<[10.0, 20.0]> : tensor<2xf64, #moe.axes<node>>
  %a = moe.expand %d from device to expert : tensor<2x3xf64, #moe.axes<token, device>> to tensor<2x6xf64, #moe.axes<token, expert>>
  %b = moe.expand %r from rack to expert : tensor<3xf64, #moe.axes<rack>> to tensor<6xf64, #moe.axes<expert>>
  %c = moe.expand %n from node to expert : tensor<2xf64, #moe.axes<node>> to tensor<6xf64, #moe.axes<expert>>
  check.expect_close %a, dense<[[1.0, 1.0, 2.0, 2.0, 3.0, 3.0], [4.0, 4.0, 5.0, 5.0, 6.0, 6.0]]> : tensor<2x6xf64> : tensor<2x6xf64, #moe.axes<token, expert>>
  check.expect_close %b, dense<[1.0, 1.0, 2.0, 3.0, 3.0, 3.0]> : tensor<6xf64> : tensor<6xf64, #moe.axes<expert>>
  check.expect_close %c, dense<[20.0, 20.0, 10.0, 10.0, 10.0, 10.0]> : tensor<6xf64> : tensor<6xf64, #moe.axes<expert>>
}
