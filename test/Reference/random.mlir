// RUN: moe-opt %s --moe-interpret="token-count=3 seed=81985529216486895 offset=7 first-token=4294967294"
// The numbers of three tokens from 2^32 - 2 on with the seed 0x0123456789abcdef, as a program of a few lines from the paper (in
// Python, the quantiles by mpmath) gives them. Two streams; an axis of experts, none, and no tokens.
moe.gate @random {
  moe.axis @token
  moe.axis @expert size 2
  %u = moe.random uniform stream 0 : tensor<?x2xf64, #moe.axes<token, expert>>
  %u5 = moe.random uniform stream 5 : tensor<?x2xf64, #moe.axes<token, expert>>
  %n = moe.random normal stream 0 : tensor<?x2xf64, #moe.axes<token, expert>>
  %n5 = moe.random normal stream 5 : tensor<?x2xf64, #moe.axes<token, expert>>
  %t = moe.random uniform stream 1 : tensor<?xf64, #moe.axes<token>>
  %e = moe.random uniform stream 9 : tensor<2xf64, #moe.axes<expert>>
  %turned = moe.random uniform stream 0 : tensor<2x?xf64, #moe.axes<expert, token>>
  check.expect_close %u, dense<[[0.4427068829536438, 0.17969435453414917], [0.17049062252044678, 0.23564332723617554], [0.35247260332107544, 0.7848307490348816]]> : tensor<3x2xf64> within 0.0 : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %u5, dense<[[0.19862288236618042, 0.10566055774688721], [0.007469296455383301, 0.10410565137863159], [0.029089808464050293, 0.5148710608482361]]> : tensor<3x2xf64> within 0.0 : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %n, dense<[[-0.14410980039818237, -0.91653051685911964], [-0.95222799879550722, -0.72038715825386609], [-0.37865347490146427, 0.78861253572771903]]> : tensor<3x2xf64> within 1.0e-14 : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %n5, dense<[[-0.84655040992337917, -1.2499406332513599], [-2.433861447342267, -1.2584991269170274], [-1.8943411968119899, 0.037284858452176345]]> : tensor<3x2xf64> within 1.0e-14 : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %t, dense<[0.06376916170120239, 0.6918871402740479, 0.5463212728500366]> : tensor<3xf64> within 0.0 : tensor<?xf64, #moe.axes<token>>
  check.expect_close %e, dense<[0.963789165019989, 0.9231393337249756]> : tensor<2xf64> within 0.0 : tensor<2xf64, #moe.axes<expert>>
  check.expect_close %turned, dense<[[0.4427068829536438, 0.17049062252044678, 0.35247260332107544], [0.17969435453414917, 0.23564332723617554, 0.7848307490348816]]> : tensor<2x3xf64> within 0.0 : tensor<2x?xf64, #moe.axes<expert, token>>
}
