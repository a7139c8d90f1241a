// RUN: moe-opt %s --moe-interpret=token-count=4
// Positions along axes of each kind; in groups, from the first element of the group.
moe.gate @index {
  moe.axis @token
  moe.axis @expert size 5
  moe.axis @rack size 2 of @expert map [0, 0, 1, 1, 1]
  %c = arith.constant dense<0.0> : tensor<f64>
  %x = moe.broadcast %c : tensor<f64> to tensor<?x5xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<?x5xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 3>
  %t = moe.index token : tensor<?xi32, #moe.axes<token>>
  %e = moe.index expert : tensor<5xi32, #moe.axes<expert>>
  %g = moe.index expert to rack : tensor<5xi32, #moe.axes<expert>>
  %s = moe.index r.slot : tensor<3xi32, #moe.axes<r.slot>>
  %before = moe.shift %t, 3 over token : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %t, dense<[0, 1, 2, 3]> : tensor<4xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %e, dense<[0, 1, 2, 3, 4]> : tensor<5xi32> : tensor<5xi32, #moe.axes<expert>>
  check.expect_eq %g, dense<[0, 1, 0, 1, 2]> : tensor<5xi32> : tensor<5xi32, #moe.axes<expert>>
  check.expect_eq %s, dense<[0, 1, 2]> : tensor<3xi32> : tensor<3xi32, #moe.axes<r.slot>>
  check.expect_eq %before, dense<[0, 0, 0, 0]> : tensor<4xi32> : tensor<?xi32, #moe.axes<token>>
}
