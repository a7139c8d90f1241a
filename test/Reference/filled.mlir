// RUN: moe-opt %s --moe-interpret
// Which slots are filled, slots emptied by a condition, slots for the same elements at every token, how often each element
// is named. The selection is 2 0 / empty 1 / 1 1 of three experts: it repeats one.
moe.gate @slots {
  moe.axis @token size 3
  moe.axis @expert size 3
  %i = arith.constant dense<[[2, 0], [-1, 1], [1, 1]]> : tensor<3x2xi32, #moe.axes<token, r.slot>>
  %c = arith.constant dense<[[true, false], [true, true], [false, true]]> : tensor<3x2xi1, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<3x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %f = moe.filled %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<3x2xi1, #moe.axes<token, r.slot>>
  %k = moe.filter %r by %c : !moe.selection<[token], expert, r.slot, 2>, tensor<3x2xi1, #moe.axes<token, r.slot>>
  %m = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<3x3xi32, #moe.axes<token, expert>>
  check.expect_eq %f, dense<[[true, true], [false, true], [true, true]]> : tensor<3x2xi1> : tensor<3x2xi1, #moe.axes<token, r.slot>>
  check.expect_eq %k, dense<[[2, -1], [-1, 1], [-1, 1]]> : tensor<3x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %m, dense<[[1, 0, 1], [0, 1, 0], [0, 2, 0]]> : tensor<3x3xi32> : tensor<3x3xi32, #moe.axes<token, expert>>
}

// Indices outside of the axis are empty slots.
moe.gate @out_of_range {
  moe.axis @token size 2
  moe.axis @expert size 3
  %i = arith.constant dense<[[3, -7], [2, 1000000]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %r, dense<[[-1, -1], [2, -1]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// Appended: 1 is an expert as others are, 3 lies beyond the three experts: it is written, but names nothing.
moe.gate @append {
  moe.axis @token size 2
  moe.axis @expert size 3
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf64, #moe.axes<token, expert>>
  %w = arith.constant dense<[[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]> : tensor<2x3xf64, #moe.axes<token, a.slot>>
  %i = arith.constant dense<[[0], [-1]]> : tensor<2x1xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<2x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %a = moe.append %r, [1, 3] : !moe.selection<[token], expert, r.slot, 1> -> !moe.selection<[token], expert, a.slot, 3>
  %f = moe.filled %a : !moe.selection<[token], expert, a.slot, 3> -> tensor<2x3xi1, #moe.axes<token, a.slot>>
  %g = moe.gather %x[%a] : tensor<2x3xf64, #moe.axes<token, expert>>, !moe.selection<[token], expert, a.slot, 3> -> tensor<2x3xf64, #moe.axes<token, a.slot>>
  %s = moe.scatter %w to %a : tensor<2x3xf64, #moe.axes<token, a.slot>>, !moe.selection<[token], expert, a.slot, 3> -> tensor<2x3xf64, #moe.axes<token, expert>>
  %c = moe.chosen %a : !moe.selection<[token], expert, a.slot, 3> -> tensor<2x3xi1, #moe.axes<token, expert>>
  %m = moe.multiplicity %a : !moe.selection<[token], expert, a.slot, 3> -> tensor<2x3xi32, #moe.axes<token, expert>>
  %sum = moe.reduce sum %w over [a.slot] valid %a : !moe.selection<[token], expert, a.slot, 3> : tensor<2x3xf64, #moe.axes<token, a.slot>> -> tensor<2xf64, #moe.axes<token>>
  check.expect_eq %a, dense<[[0, 1, 3], [-1, 1, 3]]> : tensor<2x3xi32> : !moe.selection<[token], expert, a.slot, 3>
  check.expect_eq %f, dense<[[true, true, true], [false, true, true]]> : tensor<2x3xi1> : tensor<2x3xi1, #moe.axes<token, a.slot>>
  check.expect_close %g, dense<[[1.0, 2.0, 0.0], [0.0, 5.0, 0.0]]> : tensor<2x3xf64> : tensor<2x3xf64, #moe.axes<token, a.slot>>
  check.expect_close %s, dense<[[1.0, 2.0, 0.0], [0.0, 16.0, 0.0]]> : tensor<2x3xf64> : tensor<2x3xf64, #moe.axes<token, expert>>
  check.expect_eq %c, dense<[[true, true, false], [false, true, false]]> : tensor<2x3xi1> : tensor<2x3xi1, #moe.axes<token, expert>>
  check.expect_eq %m, dense<[[1, 1, 0], [0, 1, 0]]> : tensor<2x3xi32> : tensor<2x3xi32, #moe.axes<token, expert>>
  check.expect_close %sum, dense<[7.0, 48.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<token>>
}

// `valid`: empty slots take no part, NaN in them neither; where all are empty, a sum is 0, a mean NaN, a softmax 0.
moe.gate @valid {
  moe.axis @token size 2
  moe.axis @expert size 3
  %w = arith.constant dense<[[3.0, 0x7FF8000000000000], [5.0, 7.0]]> : tensor<2x2xf64, #moe.axes<token, r.slot>>
  %i = arith.constant dense<[[2, -1], [-1, -1]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %sum = moe.reduce sum %w over [r.slot] valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<2x2xf64, #moe.axes<token, r.slot>> -> tensor<2xf64, #moe.axes<token>>
  %mean = moe.reduce mean %w over [r.slot] valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<2x2xf64, #moe.axes<token, r.slot>> -> tensor<2xf64, #moe.axes<token>>
  %all = moe.reduce max %w over [token, r.slot] valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<2x2xf64, #moe.axes<token, r.slot>> -> tensor<f64>
  %s = moe.softmax %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<2x2xf64, #moe.axes<token, r.slot>>
  %n = moe.normalize %w over r.slot valid %r : !moe.selection<[token], expert, r.slot, 2> : tensor<2x2xf64, #moe.axes<token, r.slot>>
  check.expect_close %sum, dense<[3.0, 0.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<token>>
  check.expect_close %mean, dense<[3.0, 0x7FF8000000000000]> : tensor<2xf64> : tensor<2xf64, #moe.axes<token>>
  check.expect_close %all, dense<3.0> : tensor<f64> : tensor<f64>
  check.expect_close %s, dense<[[1.0, 0.0], [0.0, 0.0]]> : tensor<2x2xf64> : tensor<2x2xf64, #moe.axes<token, r.slot>>
  check.expect_close %n, dense<[[1.0, 0.0], [0.0, 0.0]]> : tensor<2x2xf64> : tensor<2x2xf64, #moe.axes<token, r.slot>>
}
