// RUN: moe-opt %s --moe-interpret
// R4: tokens 1, 3 and 5 are padding full of NaN; sequences are the tokens 0 / 1 / 2 3 4 5, so that the second one is empty.
moe.gate @mask {
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @pick size 1
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?x2xf64, #moe.axes<token, expert>>
  %i = moe.input "route" : tensor<?x1xi32, #moe.axes<token, pick>>
  // What stands above the mask is under it too.
  %sum = moe.reduce sum %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %n = moe.size token : tensor<i32>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  check.given "cu_seqlens" = dense<[0, 1, 2, 6]> : tensor<4xi32>
  check.given "x" = dense<[[1.0, 2.0], [0x7FF8000000000000, 0x7FF8000000000000], [4.0, 3.0], [0x7FF8000000000000, 0.0], [5.0, 6.0], [0.0, 0x7FF0000000000000]]> : tensor<6x2xf64>
  check.given "route" = dense<0> : tensor<6x1xi32>
  check.given "valid" = dense<[true, false, true, false, true, false]> : tensor<6xi1>
  check.expect_close %sum, dense<[10.0, 11.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_eq %n, dense<3> : tensor<i32> : tensor<i32>
  %mean = moe.reduce mean %x over [token, expert] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<f64>
  %max = moe.reduce max %x over [token] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %of = moe.reduce mean %x over [token] to sequence : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<?x2xf64, #moe.axes<sequence, expert>>
  %mm = moe.reduce mean %of over [sequence] : tensor<?x2xf64, #moe.axes<sequence, expert>> -> tensor<2xf64, #moe.axes<expert>>
  %sizes = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  %pieces = moe.size sequence : tensor<i32>
  check.expect_close %mean, dense<3.5> : tensor<f64> : tensor<f64>
  check.expect_close %max, dense<[5.0, 6.0]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %of, dense<[[1.0, 2.0], [0x7FF8000000000000, 0x7FF8000000000000], [4.5, 4.5]]> : tensor<3x2xf64> : tensor<?x2xf64, #moe.axes<sequence, expert>>
  check.expect_close %mm, dense<[2.75, 3.25]> : tensor<2xf64> : tensor<2xf64, #moe.axes<expert>>
  check.expect_eq %sizes, dense<[1, 0, 2]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  check.expect_eq %pieces, dense<2> : tensor<i32> : tensor<i32>
  // Positions count masked tokens, shift does not see them.
  %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  %e = moe.reduce min %x over [expert] : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<?xf64, #moe.axes<token>>
  %one = moe.shift %e, 1 over token : tensor<?xf64, #moe.axes<token>>
  %two = moe.shift %e, 2 over token : tensor<?xf64, #moe.axes<token>>
  check.expect_eq %p, dense<[0, 0, 0, 1, 2, 3]> : tensor<6xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_close %one, dense<[0.0, 0.0, 0.0, 3.0, 0.0, 5.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_close %two, dense<[0.0, 0.0, 0.0, 0.0, 3.0, 0.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
  // Along the tokens, masked ones take no part and get 0.
  %along = moe.normalize %e over token : tensor<?xf64, #moe.axes<token>>
  check.expect_close %along, dense<[0.1111111111111111, 0.0, 0.3333333333333333, 0.0, 0.5555555555555556, 0.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
  // Selections are empty, so that queues, capacity and plans do not see masked tokens: expert 0 has room for tokens 0 and 2.
  %k = moe.topk %x over expert : tensor<?x2xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, k.slot, 1>
  %r = moe.forced %i : tensor<?x1xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 1>
  %a = moe.append %r, [7] : !moe.selection<[token], expert, r.slot, 1> -> !moe.selection<[token], expert, a.slot, 2>
  %f = moe.filled %a : !moe.selection<[token], expert, a.slot, 2> -> tensor<?x2xi1, #moe.axes<token, a.slot>>
  %m = moe.chosen %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x2xi1, #moe.axes<token, expert>>
  %q = moe.rank %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x1xi32, #moe.axes<token, r.slot>>
  %c = arith.constant dense<2.0> : tensor<f64>
  %l = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<?x2xf64, #moe.axes<token, expert>> rounds 3 : !moe.selection<[token], expert, r.slot, 1>
  %order, %bound, %position = moe.permute %r pad 1 : !moe.selection<[token], expert, r.slot, 1> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<3xi32, #moe.axes<plan.bound>>, tensor<?x1xi32, #moe.axes<token, r.slot>>
  check.expect_eq %k, dense<[[1], [-1], [0], [-1], [1], [-1]]> : tensor<6x1xi32> : !moe.selection<[token], expert, k.slot, 1>
  check.expect_eq %r, dense<[[0], [-1], [0], [-1], [0], [-1]]> : tensor<6x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %a, dense<[[0, 7], [-1, -1], [0, 7], [-1, -1], [0, 7], [-1, -1]]> : tensor<6x2xi32> : !moe.selection<[token], expert, a.slot, 2>
  check.expect_eq %f, dense<[[true, true], [false, false], [true, true], [false, false], [true, true], [false, false]]> : tensor<6x2xi1> : tensor<?x2xi1, #moe.axes<token, a.slot>>
  check.expect_eq %m, dense<[[true, false], [false, false], [true, false], [false, false], [true, false], [false, false]]> : tensor<6x2xi1> : tensor<?x2xi1, #moe.axes<token, expert>>
  check.expect_eq %q, dense<[[0], [0], [1], [0], [2], [0]]> : tensor<6x1xi32> : tensor<?x1xi32, #moe.axes<token, r.slot>>
  check.expect_eq %l, dense<[[0], [-1], [0], [-1], [1], [-1]]> : tensor<6x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %order, dense<[0, 2, 4, -1, -1, -1]> : tensor<6xi32> : tensor<?xi32, #moe.axes<plan.row>>
  check.expect_eq %bound, dense<[0, 3, 3]> : tensor<3xi32> : tensor<3xi32, #moe.axes<plan.bound>>
  check.expect_eq %position, dense<[[0], [-1], [1], [-1], [2], [-1]]> : tensor<6x1xi32> : tensor<?x1xi32, #moe.axes<token, r.slot>>
}

// The mask may be computed, and depend on other tokens: what it is made of is evaluated before it holds.
moe.gate @computed {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  check.given "x" = dense<[1.0, 5.0, 6.0]> : tensor<3xf64>
  %mean = moe.reduce mean %x over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64>
  %all = moe.broadcast %mean : tensor<f64> to tensor<?xf64, #moe.axes<token>>
  %v = arith.cmpf ogt, %x, %all : tensor<?xf64, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  %n = moe.size token : tensor<i32>
  check.expect_eq %n, dense<2> : tensor<i32> : tensor<i32>
  check.expect_close %mean, dense<4.0> : tensor<f64> : tensor<f64>
}

// All tokens masked: reductions are over nothing.
moe.gate @all_masked {
  moe.axis @token
  moe.axis @sequence of @token length 2
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  check.given "x" = dense<0x7FF8000000000000> : tensor<2xf64>
  check.given "valid" = dense<false> : tensor<2xi1>
  %n = moe.size token : tensor<i32>
  %s = moe.size sequence : tensor<i32>
  %sum = moe.reduce sum %x over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64>
  %mean = moe.reduce mean %x over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64>
  check.expect_eq %n, dense<0> : tensor<i32> : tensor<i32>
  check.expect_eq %s, dense<0> : tensor<i32> : tensor<i32>
  check.expect_close %sum, dense<0.0> : tensor<f64> : tensor<f64>
  check.expect_close %mean, dense<0x7FF8000000000000> : tensor<f64> : tensor<f64>
}

// A mask that has been applied leaves the operations to say what they leave out.
moe.gate @applied {
  moe.axis @token
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v applied : tensor<?xi1, #moe.axes<token>>
  check.given "x" = dense<[1.0, 2.0]> : tensor<2xf64>
  check.given "valid" = dense<[true, false]> : tensor<2xi1>
  %n = moe.size token : tensor<i32>
  %sum = moe.reduce sum %x over [token] : tensor<?xf64, #moe.axes<token>> -> tensor<f64>
  check.expect_eq %n, dense<2> : tensor<i32> : tensor<i32>
  check.expect_close %sum, dense<3.0> : tensor<f64> : tensor<f64>
}
