// RUN: moe-opt %s --moe-interpret
// first, gather from values with and without the batch axis, chosen, and the count made of it.
moe.gate @selection {
  moe.axis @token size 3
  moe.axis @expert size 4
  %x = arith.constant dense<[[1.0, 4.0, 2.0, 3.0], [7.0, 9.0, 8.0, 6.0], [5.0, 1.0, 0.0, 2.0]]> : tensor<3x4xf64, #moe.axes<token, expert>>
  %bias = arith.constant dense<[10, 20, 30, 40]> : tensor<4xi32, #moe.axes<expert>>
  %r = moe.topk %x over expert : tensor<3x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %f = moe.first %r : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, f.slot, 1>
  %w = moe.gather %x[%r] : tensor<3x4xf64, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<3x2xf64, #moe.axes<token, r.slot>>
  %b = moe.gather %bias[%r] : tensor<4xi32, #moe.axes<expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<3x2xi32, #moe.axes<token, r.slot>>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<3x4xi1, #moe.axes<token, expert>>
  %i = arith.extui %m : tensor<3x4xi1, #moe.axes<token, expert>> to tensor<3x4xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %i over [token] : tensor<3x4xi32, #moe.axes<token, expert>> -> tensor<4xi32, #moe.axes<expert>>
  check.expect_eq %r, dense<[[1, 3], [1, 2], [0, 3]]> : tensor<3x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %f, dense<[[1], [1], [0]]> : tensor<3x1xi32> : !moe.selection<[token], expert, f.slot, 1>
  check.expect_close %w, dense<[[4.0, 3.0], [9.0, 8.0], [5.0, 2.0]]> : tensor<3x2xf64> : tensor<3x2xf64, #moe.axes<token, r.slot>>
  check.expect_eq %b, dense<[[20, 40], [20, 30], [10, 40]]> : tensor<3x2xi32> : tensor<3x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %m, dense<[[false, true, false, true], [false, true, true, false], [true, false, false, true]]> : tensor<3x4xi1> : tensor<3x4xi1, #moe.axes<token, expert>>
  check.expect_eq %c, dense<[1, 2, 1, 2]> : tensor<4xi32> : tensor<4xi32, #moe.axes<expert>>
}
// Softmax and normalize over the slots of a selection, all filled.
moe.gate @valid {
  moe.axis @token size 1
  moe.axis @expert size 3
  %x = arith.constant dense<[[0.0, 1.0986122886681098, -5.0]]> : tensor<1x3xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<1x3xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<1x3xf64, #moe.axes<token, expert>>, !moe.selection<[token], expert, r.slot, 2> -> tensor<1x2xf64, #moe.axes<token, r.slot>>
  %s = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<1x2xf64, #moe.axes<token, r.slot>>
  %m = moe.reduce mean %w over [r.slot] valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<1x2xf64, #moe.axes<token, r.slot>> -> tensor<1xf64, #moe.axes<token>>
  check.expect_close %s, dense<[[0.75, 0.25]]> : tensor<1x2xf64> : tensor<1x2xf64, #moe.axes<token, r.slot>>
  check.expect_close %m, dense<0.5493061443340549> : tensor<1xf64> : tensor<1xf64, #moe.axes<token>>
}
