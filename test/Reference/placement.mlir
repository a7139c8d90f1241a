// RUN: moe-opt %s --moe-interpret
// Experts 0 and 2 are on host 2, 1 and 3 on host 0, none on host 1: that is known at run time only.
moe.gate @placement {
  moe.axis @token
  moe.axis @expert size 4
  moe.axis @host size 3 of @expert placement "host_of_expert"
  moe.axis @pick size 2
  moe.axis @choice size 1
  %h = moe.input "host_of_expert" : tensor<4xi32, #moe.axes<expert>>
  %x = moe.input "x" : tensor<?x4xf64, #moe.axes<token, expert>>
  %i = moe.input "route" : tensor<?x2xi32, #moe.axes<token, pick>>
  %j = moe.input "hosts" : tensor<?x1xi32, #moe.axes<token, choice>>
  check.given "host_of_expert" = dense<[2, 0, 2, 0]> : tensor<4xi32>
  check.given "x" = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 9.0, 7.0, 8.0], [0.0, 1.0, 0.0, 0.0]]> : tensor<3x4xf64>
  check.given "route" = dense<[[0, 2], [1, 0], [3, -1]]> : tensor<3x2xi32>
  check.given "hosts" = dense<[[2], [0], [1]]> : tensor<3x1xi32>
  %v = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf64, #moe.axes<host>>
  %sum = moe.reduce sum %x over [expert] to host : tensor<?x4xf64, #moe.axes<token, expert>> -> tensor<?x3xf64, #moe.axes<token, host>>
  %mean = moe.reduce mean %x over [expert] to host : tensor<?x4xf64, #moe.axes<token, expert>> -> tensor<?x3xf64, #moe.axes<token, host>>
  %max = moe.reduce max %x over [expert] to host : tensor<?x4xf64, #moe.axes<token, expert>> -> tensor<?x3xf64, #moe.axes<token, host>>
  %fine = moe.expand %v from host to expert : tensor<3xf64, #moe.axes<host>> to tensor<4xf64, #moe.axes<expert>>
  %n = moe.size expert to host : tensor<3xi32, #moe.axes<host>>
  check.expect_close %sum, dense<[[6.0, 0.0, 4.0], [17.0, 0.0, 12.0], [1.0, 0.0, 0.0]]> : tensor<3x3xf64> : tensor<?x3xf64, #moe.axes<token, host>>
  check.expect_close %mean, dense<[[3.0, 0x7FF8000000000000, 2.0], [8.5, 0x7FF8000000000000, 6.0], [0.5, 0x7FF8000000000000, 0.0]]> : tensor<3x3xf64> : tensor<?x3xf64, #moe.axes<token, host>>
  check.expect_close %max, dense<[[4.0, 0xFFF0000000000000, 3.0], [9.0, 0xFFF0000000000000, 7.0], [1.0, 0xFFF0000000000000, 0.0]]> : tensor<3x3xf64> : tensor<?x3xf64, #moe.axes<token, host>>
  check.expect_close %fine, dense<[30.0, 10.0, 30.0, 10.0]> : tensor<4xf64> : tensor<4xf64, #moe.axes<expert>>
  check.expect_eq %n, dense<[2, 0, 2]> : tensor<3xi32> : tensor<3xi32, #moe.axes<host>>
  // The best experts of one host; of host 1 there are none.
  %g = moe.forced %j : tensor<?x1xi32, #moe.axes<token, choice>> -> !moe.selection<[token], host, g.slot, 1>
  %k = moe.topk %x over expert among %g : !moe.selection<[token], host, g.slot, 1> : tensor<?x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, k.slot, 2>
  check.expect_eq %k, dense<[[2, 0], [1, 3], [-1, -1]]> : tensor<3x2xi32> : !moe.selection<[token], expert, k.slot, 2>
  // Two places on each host: (0,0) and (0,1) fill host 2, (1,0) and (2,0) host 0.
  %r = moe.forced %i : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<2.0> : tensor<f64>
  %l = moe.limit %r capacity %c : tensor<f64> over host : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %l, dense<[[0, 2], [1, -1], [3, -1]]> : tensor<3x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// A selection of groups with an empty slot leaves too few elements: the slots that find none are empty.
moe.gate @too_few {
  moe.axis @token size 1
  moe.axis @expert size 4
  moe.axis @node size 2 of @expert
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf64, #moe.axes<token, expert>>
  %i = arith.constant dense<[[0, -1]]> : tensor<1x2xi32, #moe.axes<token, g.slot>>
  %g = moe.forced %i : tensor<1x2xi32, #moe.axes<token, g.slot>> -> !moe.selection<[token], node, g.slot, 2>
  %k = moe.topk %x over expert among %g : !moe.selection<[token], node, g.slot, 2> : tensor<1x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, k.slot, 3>
  check.expect_eq %k, dense<[[1, 0, -1]]> : tensor<1x3xi32> : !moe.selection<[token], expert, k.slot, 3>
}
