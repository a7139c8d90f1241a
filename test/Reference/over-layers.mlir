// RUN: moe-opt %s --moe-interpret
// Layers stand before the tokens: two layers of three tokens. What spans them, and pieces by offsets, are not folded.
moe.gate @values {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 3
  %x = moe.input "x" : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.given "x" = dense<[[[3.0, 1.0, 2.0], [1.0, 5.0, 4.0], [2.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 2.0, 4.0], [5.0, 4.0, 1.0]]]> : tensor<2x3x3xf64>
  %r = moe.topk %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %n = moe.normalize %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  %m = moe.softmax %x over layer : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  %one = moe.reduce sum %m over [layer] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<?x3xf64, #moe.axes<token, expert>>
  %all = moe.reduce mean %x over [layer, token] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<3xf64, #moe.axes<expert>>
  %each = moe.reduce mean %x over [token] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<2x3xf64, #moe.axes<layer, expert>>
  %max = moe.reduce max %x over [layer] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<?x3xf64, #moe.axes<token, expert>>
  %arg = moe.argmax %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<2x?xi32, #moe.axes<layer, token>>
  %kth = moe.kth %x, 2 over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<2x?xf64, #moe.axes<layer, token>>
  %top = moe.sum_top %x, 2 over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<2x?xf64, #moe.axes<layer, token>>
  %before = moe.shift %kth, 1 over token : tensor<2x?xf64, #moe.axes<layer, token>>
  %share = moe.normalize %kth over token : tensor<2x?xf64, #moe.axes<layer, token>>
  %size = moe.size token : tensor<i32>
  check.expect_close %n, dense<[[[0.5, 0.16666666666666666, 0.3333333333333333], [0.1, 0.5, 0.4], [0.125, 0.375, 0.5]], [[0.0, 0.25, 0.75], [0.25, 0.25, 0.5], [0.5, 0.4, 0.1]]]> : tensor<2x3x3xf64> : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.expect_close %one, dense<1.0> : tensor<3x3xf64> : tensor<?x3xf64, #moe.axes<token, expert>>
  check.expect_close %all, dense<[2.1666666666666665, 3.1666666666666665, 3.6666666666666665]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %each, dense<[[2.0, 4.0, 4.666666666666667], [2.3333333333333335, 2.3333333333333335, 2.6666666666666665]]> : tensor<2x3xf64> : tensor<2x3xf64, #moe.axes<layer, expert>>
  check.expect_close %max, dense<[[3.0, 1.0, 3.0], [2.0, 5.0, 4.0], [5.0, 6.0, 8.0]]> : tensor<3x3xf64> : tensor<?x3xf64, #moe.axes<token, expert>>
  check.expect_eq %arg, dense<[[0, 1, 2], [2, 2, 0]]> : tensor<2x3xi32> : tensor<2x?xi32, #moe.axes<layer, token>>
  check.expect_close %kth, dense<[[2.0, 4.0, 6.0], [1.0, 2.0, 4.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %top, dense<[[5.0, 9.0, 14.0], [4.0, 6.0, 9.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %before, dense<[[0.0, 2.0, 4.0], [0.0, 1.0, 2.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %share, dense<[[0.16666666666666666, 0.3333333333333333, 0.5], [0.14285714285714285, 0.2857142857142857, 0.5714285714285714]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_eq %size, dense<3> : tensor<i32> : tensor<i32>
}

// Pieces of the tokens are the same in all layers.
moe.gate @pieces {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @sequence of @token offsets "bounds"
  %b = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<2x?xf64, #moe.axes<layer, token>>
  %w = moe.input "w" : tensor<2x?xf64, #moe.axes<layer, sequence>>
  check.given "bounds" = dense<[0, 1, 3]> : tensor<3xi32>
  check.given "x" = dense<[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]> : tensor<2x3xf64>
  check.given "w" = dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf64>
  %s = moe.reduce sum %x over [token] to sequence : tensor<2x?xf64, #moe.axes<layer, token>> -> tensor<2x?xf64, #moe.axes<layer, sequence>>
  %e = moe.expand %w from sequence to token : tensor<2x?xf64, #moe.axes<layer, sequence>> to tensor<2x?xf64, #moe.axes<layer, token>>
  %before = moe.shift %x, 1 over token : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %s, dense<[[1.0, 5.0], [10.0, 50.0]]> : tensor<2x2xf64> : tensor<2x?xf64, #moe.axes<layer, sequence>>
  check.expect_close %e, dense<[[5.0, 6.0, 6.0], [7.0, 8.0, 8.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %before, dense<[[0.0, 0.0, 2.0], [0.0, 0.0, 20.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
}
