// RUN: moe-opt %s --moe-interpret
// The slots of 2 0 / 0 empty / 2 0, numbered 0 to 5, by expert: 1 2 5 of expert 0, none of expert 1, 0 4 of expert 2.
moe.gate @permute {
  moe.axis @token size 3
  moe.axis @expert size 3
  %i = arith.constant dense<[[2, 0], [0, -1], [2, 0]]> : tensor<3x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<3x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %o, %b, %p = moe.permute %r pad 1 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<4xi32, #moe.axes<plan.bound>>, tensor<3x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %o, dense<[1, 2, 5, 0, 4, -1]> : tensor<6xi32> : tensor<?xi32, #moe.axes<plan.row>>
  check.expect_eq %b, dense<[0, 3, 3, 5]> : tensor<4xi32> : tensor<4xi32, #moe.axes<plan.bound>>
  check.expect_eq %p, dense<[[3, 0], [1, -1], [4, 2]]> : tensor<3x2xi32> : tensor<3x2xi32, #moe.axes<token, r.slot>>
  // Segments of even length: expert 0 has one row of padding. 6 slots and a row for each expert are 9 rows.
  %o2, %b2, %p2 = moe.permute %r pad 2 : !moe.selection<[token], expert, r.slot, 2> -> tensor<?xi32, #moe.axes<even.row>>, tensor<4xi32, #moe.axes<even.bound>>, tensor<3x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %o2, dense<[1, 2, 5, -1, 0, 4, -1, -1, -1]> : tensor<9xi32> : tensor<?xi32, #moe.axes<even.row>>
  check.expect_eq %b2, dense<[0, 4, 4, 6]> : tensor<4xi32> : tensor<4xi32, #moe.axes<even.bound>>
  check.expect_eq %p2, dense<[[4, 0], [1, -1], [5, 2]]> : tensor<3x2xi32> : tensor<3x2xi32, #moe.axes<token, r.slot>>
}

// A slot that names no expert has no row.
moe.gate @appended {
  moe.axis @token size 1
  moe.axis @expert size 2
  %i = arith.constant dense<[[1]]> : tensor<1x1xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<1x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %s = moe.append %r, [2] : !moe.selection<[token], expert, r.slot, 1> -> !moe.selection<[token], expert, s.slot, 2>
  %o, %b, %p = moe.permute %s pad 1 : !moe.selection<[token], expert, s.slot, 2> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<3xi32, #moe.axes<plan.bound>>, tensor<1x2xi32, #moe.axes<token, s.slot>>
  check.expect_eq %o, dense<[0, -1]> : tensor<2xi32> : tensor<?xi32, #moe.axes<plan.row>>
  check.expect_eq %b, dense<[0, 0, 1]> : tensor<3xi32> : tensor<3xi32, #moe.axes<plan.bound>>
  check.expect_eq %p, dense<[[0, -1]]> : tensor<1x2xi32> : tensor<1x2xi32, #moe.axes<token, s.slot>>
}

// No tokens: empty segments, and rows for padding that nothing needs.
moe.gate @no_tokens {
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @pick size 1
  %i = moe.input "route" : tensor<?x1xi32, #moe.axes<token, pick>>
  check.given "route" = dense<> : tensor<0x1xi32>
  %r = moe.forced %i : tensor<?x1xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 1>
  %o, %b, %p = moe.permute %r pad 4 : !moe.selection<[token], expert, r.slot, 1> -> tensor<?xi32, #moe.axes<plan.row>>, tensor<3xi32, #moe.axes<plan.bound>>, tensor<?x1xi32, #moe.axes<token, r.slot>>
  check.expect_eq %o, dense<-1> : tensor<6xi32> : tensor<?xi32, #moe.axes<plan.row>>
  check.expect_eq %b, dense<0> : tensor<3xi32> : tensor<3xi32, #moe.axes<plan.bound>>
  check.expect_eq %p, dense<> : tensor<0x1xi32> : tensor<?x1xi32, #moe.axes<token, r.slot>>
}
