// RUN: moe-opt %s --moe-interpret
// Places in the queues of three experts; pieces are the tokens 0, none, 1 and 2. Queue of expert 0 by token: (0, 0), (1, 1),
// (2, 0); by slot: (0, 0), (2, 0), (1, 1). Queue of expert 1 by token: (0, 1), (1, 0); by slot: (1, 0), (0, 1).
moe.gate @rank {
  moe.axis @token
  moe.axis @expert size 3
  moe.axis @pick size 2
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %i = moe.input "route" : tensor<?x2xi32, #moe.axes<token, pick>>
  check.given "cu_seqlens" = dense<[0, 1, 1, 3]> : tensor<4xi32>
  check.given "route" = dense<[[0, 1], [1, 0], [0, -1]]> : tensor<3x2xi32>
  %r = moe.forced %i : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 2>
  %a = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %b = moe.rank %r by_slot : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %c = moe.rank %r per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  %d = moe.rank %r by_slot per sequence : !moe.selection<[token], expert, r.slot, 2> -> tensor<?x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %a, dense<[[0, 0], [1, 1], [2, 0]]> : tensor<3x2xi32> : tensor<?x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %b, dense<[[0, 1], [0, 2], [1, 0]]> : tensor<3x2xi32> : tensor<?x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %c, dense<[[0, 0], [0, 0], [1, 0]]> : tensor<3x2xi32> : tensor<?x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %d, dense<[[0, 0], [0, 1], [0, 0]]> : tensor<3x2xi32> : tensor<?x2xi32, #moe.axes<token, r.slot>>
}

// A selection that names an element twice for one token; what names nothing stands in no queue.
moe.gate @repeats {
  moe.axis @token size 2
  moe.axis @expert size 3
  %i = arith.constant dense<[[2, 2], [2, -1]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %s = moe.append %r, [3] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, s.slot, 3>
  %a = moe.rank %r : !moe.selection<[token], expert, r.slot, 2> -> tensor<2x2xi32, #moe.axes<token, r.slot>>
  %b = moe.rank %s : !moe.selection<[token], expert, s.slot, 3> -> tensor<2x3xi32, #moe.axes<token, s.slot>>
  check.expect_eq %a, dense<[[0, 1], [2, 0]]> : tensor<2x2xi32> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  check.expect_eq %b, dense<[[0, 1, 0], [2, 0, 0]]> : tensor<2x3xi32> : tensor<2x3xi32, #moe.axes<token, s.slot>>
}
