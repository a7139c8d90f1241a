// RUN: moe-opt %s --moe-interpret
// RUN: moe-opt %s --moe-apply-mask --moe-expand-limit --moe-decompose --canonicalize --moe-fold-layers --moe-interpret=float32-selections
// Layers stand before the tokens; what a gate means is the same when moe-fold-layers has made rows of them.

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
  %x = moe.input "x" : tensor<2x?x3xf32, #moe.axes<layer, token, expert>>
  check.given "x" = dense<[[[3.0, 1.0, 2.0], [1.0, 5.0, 4.0], [2.0, 6.0, 8.0]], [[0.0, 1.0, 3.0], [2.0, 2.0, 4.0], [5.0, 4.0, 1.0]]]> : tensor<2x3x3xf32>
  %r = moe.topk %x over expert : tensor<2x?x3xf32, #moe.axes<layer, token, expert>> -> !moe.selection<[layer, token], expert, r.slot, 2>
  %exempt = moe.input "exempt" : tensor<2x?xi1, #moe.axes<layer, token>>
  check.given "exempt" = dense<[[false, true, false], [false, false, false]]> : tensor<2x3xi1>
  %w = moe.gather %x[%r] : tensor<2x?x3xf32, #moe.axes<layer, token, expert>>, !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xf32, #moe.axes<layer, token, r.slot>>
  %c1 = arith.constant dense<1.0> : tensor<f64>
  %c2 = arith.constant dense<2.0> : tensor<f64>
  %q = moe.rank %r : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  %p = moe.rank %r by_slot : !moe.selection<[layer, token], expert, r.slot, 2> -> tensor<2x?x2xi32, #moe.axes<layer, token, r.slot>>
  %l = moe.limit %r capacity %c1 : tensor<f64> over expert : !moe.selection<[layer, token], expert, r.slot, 2>
  %o = moe.limit %r capacity %c1 : tensor<f64> over expert by_slot : !moe.selection<[layer, token], expert, r.slot, 2>
  %g = moe.limit %r capacity %c1 : tensor<f64> over expert priority %w : tensor<2x?x2xf32, #moe.axes<layer, token, r.slot>> : !moe.selection<[layer, token], expert, r.slot, 2>
  %e = moe.limit %r capacity %c1 : tensor<f64> over expert exempt %exempt : tensor<2x?xi1, #moe.axes<layer, token>> : !moe.selection<[layer, token], expert, r.slot, 2>
  %n = moe.limit %r capacity %c2 : tensor<f64> over expert next %x : tensor<2x?x3xf32, #moe.axes<layer, token, expert>> rounds 1 : !moe.selection<[layer, token], expert, r.slot, 2>
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

// Pieces of one length, of tokens and of pieces, are the same in all layers; a value of each layer alone is spread to them.
moe.gate @pieces {
  moe.axis @layer size 2
  moe.axis @token
  moe.axis @group of @token length 2
  moe.axis @sequence of @group length 2
  %x = moe.input "x" : tensor<2x?xf64, #moe.axes<layer, token>>
  %w = moe.input "w" : tensor<2x?xf64, #moe.axes<layer, sequence>>
  %f = moe.input "f" : tensor<2xf64, #moe.axes<layer>>
  %same = moe.input "same" : tensor<?xf64, #moe.axes<token>>
  check.given "x" = dense<[[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]> : tensor<2x4xf64>
  check.given "w" = dense<[[5.0], [7.0]]> : tensor<2x1xf64>
  check.given "f" = dense<[2.0, 3.0]> : tensor<2xf64>
  check.given "same" = dense<[1.0, 0.5, 0.25, 0.125]> : tensor<4xf64>
  %g = moe.reduce sum %x over [token] to group : tensor<2x?xf64, #moe.axes<layer, token>> -> tensor<2x?xf64, #moe.axes<layer, group>>
  %s = moe.reduce max %g over [group] to sequence : tensor<2x?xf64, #moe.axes<layer, group>> -> tensor<2x?xf64, #moe.axes<layer, sequence>>
  %l = moe.reduce mean %g over [group] : tensor<2x?xf64, #moe.axes<layer, group>> -> tensor<2xf64, #moe.axes<layer>>
  %e = moe.expand %w from sequence to token : tensor<2x?xf64, #moe.axes<layer, sequence>> to tensor<2x?xf64, #moe.axes<layer, token>>
  %ff = moe.broadcast %f : tensor<2xf64, #moe.axes<layer>> to tensor<2x?xf64, #moe.axes<layer, token>>
  %before = moe.shift %x, 1 over token : tensor<2x?xf64, #moe.axes<layer, token>>
  %rows = moe.broadcast %same : tensor<?xf64, #moe.axes<token>> to tensor<2x?xf64, #moe.axes<layer, token>>
  %xs = arith.mulf %x, %rows : tensor<2x?xf64, #moe.axes<layer, token>>
  %once = moe.reduce sum %same over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64>
  %tokens = moe.size token : tensor<i32>
  %groups = moe.size group : tensor<i32>
  %layers = moe.size layer : tensor<i32>
  check.expect_close %g, dense<[[3.0, 7.0], [30.0, 70.0]]> : tensor<2x2xf64> : tensor<2x?xf64, #moe.axes<layer, group>>
  check.expect_close %s, dense<[[7.0], [70.0]]> : tensor<2x1xf64> : tensor<2x?xf64, #moe.axes<layer, sequence>>
  check.expect_close %l, dense<[5.0, 50.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<layer>>
  check.expect_close %e, dense<[[5.0, 5.0, 5.0, 5.0], [7.0, 7.0, 7.0, 7.0]]> : tensor<2x4xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %ff, dense<[[2.0, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0]]> : tensor<2x4xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %before, dense<[[0.0, 1.0, 0.0, 3.0], [0.0, 10.0, 0.0, 30.0]]> : tensor<2x4xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %xs, dense<[[1.0, 1.0, 0.75, 0.5], [10.0, 10.0, 7.5, 5.0]]> : tensor<2x4xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %once, dense<1.875> : tensor<f64> : tensor<f64>
  check.expect_eq %tokens, dense<4> : tensor<i32> : tensor<i32>
  check.expect_eq %groups, dense<2> : tensor<i32> : tensor<i32>
  check.expect_eq %layers, dense<2> : tensor<i32> : tensor<i32>
}

// Without pieces the layers themselves stop a shift, and queues are theirs.
moe.gate @alone {
  moe.axis @layer size 2
  moe.axis @token
  %x = moe.input "x" : tensor<2x?xf64, #moe.axes<layer, token>>
  check.given "x" = dense<[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]> : tensor<2x3xf64>
  %before = moe.shift %x, 2 over token : tensor<2x?xf64, #moe.axes<layer, token>>
  %behind = moe.shift %x, -1 over token : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %before, dense<[[0.0, 0.0, 1.0], [0.0, 0.0, 10.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
  check.expect_close %behind, dense<[[2.0, 3.0, 0.0], [20.0, 30.0, 0.0]]> : tensor<2x3xf64> : tensor<2x?xf64, #moe.axes<layer, token>>
}
