// RUN: moe-opt %s --moe-interpret
// Layers as moe-fold-layers leaves them: the rows of the first layer, then those of the second one. Arrays that are layered have
// the layers in front; tokens without them are the same for all.
moe.gate @rows {
  moe.axis @token layers 2
  moe.axis @expert size 2
  moe.axis @layer of @token count 2
  %x = moe.input "x" layered "layer" : tensor<?x2xf64, #moe.axes<token, expert>>
  %same = moe.input "same" : tensor<?xf64, #moe.axes<token>>
  %w = moe.input "w" : tensor<?x2xf64, #moe.axes<layer, expert>>
  check.given "x" = dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]]> : tensor<2x3x2xf64>
  check.given "same" = dense<[7.0, 8.0, 9.0]> : tensor<3xf64>
  check.given "w" = dense<[[0.1, 0.2], [0.3, 0.4]]> : tensor<2x2xf64>
  %n = moe.size token : tensor<i32>
  %l = moe.size layer : tensor<i32>
  %t = moe.index token to layer : tensor<?xi32, #moe.axes<token>>
  %e = moe.expand %w from layer to token : tensor<?x2xf64, #moe.axes<layer, expert>> to tensor<?x2xf64, #moe.axes<token, expert>>
  %s = moe.reduce sum %x over [token] to layer : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<?x2xf64, #moe.axes<layer, expert>>
  %all = moe.reduce sum %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %before = moe.shift %same, 1 over token : tensor<?xf64, #moe.axes<token>>
  check.expect_eq %n, dense<6> : tensor<i32> : tensor<i32>
  check.expect_eq %l, dense<2> : tensor<i32> : tensor<i32>
  check.expect_eq %t, dense<[0, 1, 2, 0, 1, 2]> : tensor<6xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_close %same, dense<[7.0, 8.0, 9.0, 7.0, 8.0, 9.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_close %e, dense<[[0.1, 0.2], [0.1, 0.2], [0.1, 0.2], [0.3, 0.4], [0.3, 0.4], [0.3, 0.4]]> : tensor<6x2xf64> : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %s, dense<[[9.0, 12.0], [90.0, 120.0]]> : tensor<2x2xf64> : tensor<?x2xf64, #moe.axes<layer, expert>>
  check.expect_close %all, dense<[99.0, 132.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %before, dense<[0.0, 7.0, 8.0, 0.0, 7.0, 8.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
}

// Each layer has the same pieces, by length and by offsets, and the mask is of the tokens of one.
moe.gate @pieces {
  moe.axis @token layers 2
  moe.axis @group of @token length 2
  moe.axis @sequence of @group offsets "bounds"
  moe.axis @layer of @sequence count 2
  %b = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" layered "layer" : tensor<?xf64, #moe.axes<token>>
  %w = moe.input "w" layered "layer" : tensor<?xf64, #moe.axes<sequence>>
  %u = moe.input "u" : tensor<?xf64, #moe.axes<group>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  check.given "bounds" = dense<[0, 1, 3]> : tensor<3xi32>
  check.given "x" = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]]> : tensor<2x6xf64>
  check.given "w" = dense<[[0.1, 0.2], [0.3, 0.4]]> : tensor<2x2xf64>
  check.given "u" = dense<[5.0, 6.0, 7.0]> : tensor<3xf64>
  check.given "valid" = dense<[true, false, true, true, true, true]> : tensor<6xi1>
  %n = moe.size group : tensor<i32>
  %s = moe.reduce sum %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %l = moe.reduce sum %x over [token] to layer : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<layer>>
  %z = moe.size sequence to layer : tensor<?xi32, #moe.axes<layer>>
  %e = moe.expand %w from sequence to token : tensor<?xf64, #moe.axes<sequence>> to tensor<?xf64, #moe.axes<token>>
  %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %n, dense<6> : tensor<i32> : tensor<i32>
  check.expect_close %u, dense<[5.0, 6.0, 7.0, 5.0, 6.0, 7.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<group>>
  check.expect_close %s, dense<[1.0, 18.0, 10.0, 180.0]> : tensor<4xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %l, dense<[19.0, 190.0]> : tensor<2xf64> : tensor<?xf64, #moe.axes<layer>>
  check.expect_eq %z, dense<[2, 2]> : tensor<2xi32> : tensor<?xi32, #moe.axes<layer>>
  check.expect_close %e, dense<[0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4]> : tensor<12xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_eq %p, dense<[0, 1, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3]> : tensor<12xi32> : tensor<?xi32, #moe.axes<token>>
}
