// RUN: moe-opt %s --moe-interpret
// Best first; ties: lower index first; NaN below -inf, yet distinct indices; all equal: 0 1 2.
moe.gate @topk {
  moe.axis @token size 5
  moe.axis @expert size 4
  %x = arith.constant dense<[[1.0, 4.0, 2.0, 3.0], [7.0, 9.0, 7.0, 9.0], [0x7FF8000000000000, 0xFFF0000000000000, 1.0, 0x7FF8000000000000],
                             [5.0, 5.0, 5.0, 5.0], [0x7FF0000000000000, -1.0, 0x7FF0000000000000, 0.0]]> : tensor<5x4xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert : tensor<5x4xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 3>
  check.expect_eq %r, dense<[[1, 3, 2], [1, 3, 0], [2, 1, 0], [0, 1, 2], [0, 2, 3]]> : tensor<5x3xi32> : !moe.selection<[token], expert, r.slot, 3>
}
// Only groups 0 and 2 (experts 0, 1, 4, 5) are open: experts outside rank below everything, even below NaN inside.
moe.gate @among {
  moe.axis @token size 2
  moe.axis @expert size 6
  moe.axis @node size 3 of @expert
  %g = arith.constant dense<[[5.0, 1.0, 3.0], [0.0, 2.0, 1.0]]> : tensor<2x3xf64, #moe.axes<token, node>>
  %groups = moe.topk %g over node : tensor<2x3xf64, #moe.axes<token, node>> -> !moe.selection<[token], node, g.slot, 2>
  %x = arith.constant dense<[[1.0, 2.0, 9.0, 9.0, 0x7FF8000000000000, 3.0], [9.0, 9.0, 1.0, 2.0, 2.0, 4.0]]> : tensor<2x6xf64, #moe.axes<token, expert>>
  %r = moe.topk %x over expert among %groups : !moe.selection<[token], node, g.slot, 2> : tensor<2x6xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 4>
  check.expect_eq %groups, dense<[[0, 2], [1, 2]]> : tensor<2x2xi32> : !moe.selection<[token], node, g.slot, 2>
  check.expect_eq %r, dense<[[5, 1, 0, 4], [5, 3, 4, 2]]> : tensor<2x4xi32> : !moe.selection<[token], expert, r.slot, 4>
}
