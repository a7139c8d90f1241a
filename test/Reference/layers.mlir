// RUN: moe-opt %s --moe-interpret
// Layers stand before the tokens: two layers of three tokens.
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

// Selections of each layer.
moe.gate @selections {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 3
  %x = moe.input "x" : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.given "x" = dense<[[[3.0, 1.0, 2.0], [1.0, 5.0, 4.0], [2.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 2.0, 4.0], [5.0, 4.0, 1.0]]]> : tensor<2x3x3xf64>
  %r = moe.topk %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  moe.axis @pick size 2
  %same = moe.input "same" : tensor<?x3xf64, #moe.axes<token, expert>>
  %i = moe.input "i" : tensor<2x?x2xi32, #moe.axes<layer, token, pick>>
  check.given "same" = dense<[[10.0, 11.0, 12.0], [20.0, 21.0, 22.0], [30.0, 31.0, 32.0]]> : tensor<3x3xf64>
  check.given "i" = dense<[[[2, 1], [-1, 0], [3, 1]], [[0, 1], [1, -1], [2, 2]]]> : tensor<2x3x2xi32>
  check.expect_eq %r, dense<[[[0, 2], [1, 2], [2, 1]], [[2, 1], [2, 0], [0, 1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  %w = moe.gather %x[%r] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %u = moe.gather %same[%r] : tensor<?x3xf64, #moe.axes<token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %back = moe.scatter %w to %r : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  %c = moe.chosen %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x3xi1, #moe.axes<layer, token, expert>>
  %m = moe.multiplicity %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x3xi32, #moe.axes<layer, token, expert>>
  %load = moe.reduce sum %m over [token] : tensor<2x?x3xi32, #moe.axes<layer, token, expert>> -> tensor<2x3xi32, #moe.axes<layer, expert>>
  %total = moe.reduce sum %m over [layer, token] : tensor<2x?x3xi32, #moe.axes<layer, token, expert>> -> tensor<3xi32, #moe.axes<expert>>
  check.expect_close %w, dense<[[[3.0, 2.0], [5.0, 4.0], [8.0, 6.0]], [[3.0, 1.0], [4.0, 2.0], [5.0, 4.0]]]> : tensor<2x3x2xf64> : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  check.expect_close %u, dense<[[[10.0, 12.0], [21.0, 22.0], [32.0, 31.0]], [[12.0, 11.0], [22.0, 20.0], [30.0, 31.0]]]> : tensor<2x3x2xf64> : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  check.expect_close %back, dense<[[[3.0, 0.0, 2.0], [0.0, 5.0, 4.0], [0.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 0.0, 4.0], [5.0, 4.0, 0.0]]]> : tensor<2x3x3xf64> : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.expect_eq %c, dense<[[[true, false, true], [false, true, true], [false, true, true]], [[false, true, true], [true, false, true], [true, true, false]]]> : tensor<2x3x3xi1> : tensor<2x?x3xi1, #moe.axes<layer, token, expert>>
  check.expect_eq %load, dense<[[1, 2, 3], [2, 2, 2]]> : tensor<2x3xi32> : tensor<2x3xi32, #moe.axes<layer, expert>>
  check.expect_eq %total, dense<[3, 4, 5]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  // Slots that are emptied, appended, given.
  %four1 = arith.constant dense<4.0> : tensor<f64>
  %four = moe.broadcast %four1 : tensor<f64> to tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %keep = arith.cmpf oge, %w, %four : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %k = moe.filter %r by %keep : !moe.selection<[layer, token], expert, r.slot, 2>, tensor<2x?x2xi1, #moe.axes<layer, token, r.slot>>
  %f = moe.filled %k : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi1, #moe.axes<layer, token, r.slot>>
  %p = moe.softmax %w over r.slot valid %k : !moe.selection<[layer, token], expert, r.slot, 2> : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %first = moe.first %k : !moe.selection<[layer, token], expert, r.slot, 2> -> !moe.selection<[layer, token], expert, first.slot, 1>
  %a = moe.append %first, [7] : !moe.selection<[layer, token], expert, first.slot, 1> -> !moe.selection<[layer, token], expert, a.slot, 2>
  %g = moe.forced %i : tensor<2x?x2xi32, #moe.axes<layer, token, pick>> -> !moe.selection<[layer, token], expert, g.slot, 2>
  check.expect_eq %k, dense<[[[-1, -1], [1, 2], [2, 1]], [[-1, -1], [2, -1], [0, 1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %f, dense<[[[false, false], [true, true], [true, true]], [[false, false], [true, false], [true, true]]]> : tensor<2x3x2xi1> : tensor<2x?x2xi1, #moe.axes<layer, token, r.slot>>
  check.expect_close %p, dense<[[[0.0, 0.0], [0.7310585786300049, 0.2689414213699951], [0.8807970779778823, 0.11920292202211769]], [[0.0, 0.0], [1.0, 0.0], [0.7310585786300049, 0.2689414213699951]]]> : tensor<2x3x2xf64> : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  check.expect_eq %a, dense<[[[-1, 7], [1, 7], [2, 7]], [[-1, 7], [2, 7], [0, 7]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, a.slot, 2>
  check.expect_eq %g, dense<[[[2, 1], [-1, 0], [-1, 1]], [[0, 1], [1, -1], [2, 2]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, g.slot, 2>
}

// Each layer has experts, and so queues, of its own. Candidates of expert 0: (0,0); of expert 1: (1,0) (2,1); of expert 2: (0,1)
// (1,1) (2,0) in the first layer; (1,1) (2,0), (0,1) (2,1), (0,0) (1,0) in the second one.
moe.gate @queues {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 3
  %x = moe.input "x" : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.given "x" = dense<[[[3.0, 1.0, 2.0], [1.0, 5.0, 4.0], [2.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 2.0, 4.0], [5.0, 4.0, 1.0]]]> : tensor<2x3x3xf64>
  %r = moe.topk %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %exempt = moe.input "exempt" : tensor<2x?xi1, #moe.axes<layer, token>>
  check.given "exempt" = dense<[[false, true, false], [false, false, false]]> : tensor<2x3xi1>
  %w = moe.gather %x[%r] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>>
  %c1 = arith.constant dense<1.0> : tensor<f64>
  %c2 = arith.constant dense<2.0> : tensor<f64>
  %q = moe.rank %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  %p = moe.rank %r by_slot : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  %l = moe.limit %r capacity %c1 : tensor<f64> over expert : !moe.selection<[layer, token], expert, r.slot, 2>
  %o = moe.limit %r capacity %c1 : tensor<f64> over expert by_slot : !moe.selection<[layer, token], expert, r.slot, 2>
  %g = moe.limit %r capacity %c1 : tensor<f64> over expert priority %w : tensor<2x?x2xf64, #moe.axes<layer, token, r.slot>> : !moe.selection<[layer, token], expert, r.slot, 2>
  %e = moe.limit %r capacity %c1 : tensor<f64> over expert exempt %exempt : tensor<2x?xi1, #moe.axes<layer, token>> : !moe.selection<[layer, token], expert, r.slot, 2>
  %n = moe.limit %r capacity %c2 : tensor<f64> over expert next %x : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> rounds 1 : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %q, dense<[[[0, 0], [0, 1], [2, 1]], [[0, 0], [1, 0], [1, 1]]]> : tensor<2x3x2xi32> : tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  check.expect_eq %p, dense<[[[0, 1], [0, 2], [0, 1]], [[0, 0], [1, 1], [0, 1]]]> : tensor<2x3x2xi32> : tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  check.expect_eq %l, dense<[[[0, 2], [1, -1], [-1, -1]], [[2, 1], [-1, 0], [-1, -1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %o, dense<[[[0, -1], [1, -1], [2, -1]], [[2, 1], [-1, -1], [0, -1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %g, dense<[[[0, -1], [-1, -1], [2, 1]], [[-1, -1], [2, -1], [0, 1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %e, dense<[[[0, 2], [1, 2], [-1, 1]], [[2, 1], [-1, 0], [-1, -1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %n, dense<[[[0, 2], [1, 2], [0, 1]], [[2, 1], [2, 0], [0, 1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
}

// The mask is of tokens: the second one counts in no layer.
moe.gate @mask {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @expert size 3
  %x = moe.input "x" : tensor<2x?x3xf64, #moe.axes<layer, token, expert>>
  check.given "x" = dense<[[[3.0, 1.0, 2.0], [0x7FF8000000000000, 5.0, 4.0], [2.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 2.0, 0x7FF8000000000000], [5.0, 4.0, 1.0]]]> : tensor<2x3x3xf64>
  %r = moe.topk %x over expert : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  check.given "valid" = dense<[true, false, true]> : tensor<3xi1>
  %m = moe.multiplicity %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x3xi32, #moe.axes<layer, token, expert>>
  %load = moe.reduce sum %m over [token] : tensor<2x?x3xi32, #moe.axes<layer, token, expert>> -> tensor<2x3xi32, #moe.axes<layer, expert>>
  %all = moe.reduce mean %x over [layer, token] : tensor<2x?x3xf64, #moe.axes<layer, token, expert>> -> tensor<3xf64, #moe.axes<expert>>
  %size = moe.size token : tensor<i32>
  %q = moe.rank %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  check.expect_eq %load, dense<[[1, 1, 2], [1, 2, 1]]> : tensor<2x3xi32> : tensor<2x3xi32, #moe.axes<layer, expert>>
  check.expect_close %all, dense<[2.5, 3.0, 3.5]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_eq %size, dense<2> : tensor<i32> : tensor<i32>
  check.expect_eq %r, dense<[[[0, 2], [-1, -1], [2, 1]], [[2, 1], [-1, -1], [0, 1]]]> : tensor<2x3x2xi32> : !moe.selection<[layer, token], expert, r.slot, 2>
  check.expect_eq %q, dense<[[[0, 0], [0, 0], [1, 0]], [[0, 0], [0, 0], [0, 1]]]> : tensor<2x3x2xi32> : tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
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
