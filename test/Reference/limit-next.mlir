// RUN: moe-opt %s --moe-interpret
// What finds no room is placed elsewhere, in rounds.

// One place in each expert, all want expert 0. Token 0 gets it. Round 1: tokens 1 and 2 propose expert 1 (8), which takes
// token 1. Round 2: token 2 proposes expert 2.
moe.gate @rounds {
  moe.axis @token size 3
  moe.axis @expert size 3
  %i = arith.constant dense<0> : tensor<3x1xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[9.0, 5.0, 1.0], [9.0, 8.0, 7.0], [9.0, 8.0, 2.0]]> : tensor<3x3xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<3x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %c = arith.constant dense<1.0> : tensor<f64>
  %one = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x3xf64, #moe.axes<token, expert>> rounds 1 : !moe.selection<[token], expert, r.slot, 1>
  %two = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x3xf64, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 1>
  %many = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x3xf64, #moe.axes<token, expert>> rounds 9 : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %one, dense<[[0], [1], [-1]]> : tensor<3x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %two, dense<[[0], [1], [2]]> : tensor<3x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %many, dense<[[0], [1], [2]]> : tensor<3x1xi32> : !moe.selection<[token], expert, r.slot, 1>
}

// Token 1 may not go where its score is NaN, however many rounds there are. Of equal scores, the lower expert: token 2 proposes
// expert 1 and gets it.
moe.gate @nan_and_ties {
  moe.axis @token size 3
  moe.axis @expert size 3
  %i = arith.constant dense<0> : tensor<3x1xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[9.0, 5.0, 1.0], [9.0, 0x7FF8000000000000, 0x7FF8000000000000], [4.0, 4.0, 4.0]]> : tensor<3x3xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<3x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %c = arith.constant dense<1.0> : tensor<f64>
  %k = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x3xf64, #moe.axes<token, expert>> rounds 5 : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %k, dense<[[0], [-1], [1]]> : tensor<3x1xi32> : !moe.selection<[token], expert, r.slot, 1>
}

// Token 1 loses both slots. Round 1: both propose expert 3 (5), which takes slot 0, and the token once only. Round 2: slot 1
// proposes expert 2.
moe.gate @two_slots {
  moe.axis @token size 2
  moe.axis @expert size 4
  %i = arith.constant dense<[[0, 1], [0, 1]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [9.0, 8.0, 3.0, 5.0]]> : tensor<2x4xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<1.0> : tensor<f64>
  %one = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<2x4xf64, #moe.axes<token, expert>> rounds 1 : !moe.selection<[token], expert, r.slot, 2>
  %two = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<2x4xf64, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %one, dense<[[0, 1], [3, -1]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %two, dense<[[0, 1], [3, 2]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// With room for two, too: token 2 loses both slots, expert 3 takes the first of them and not the second.
moe.gate @once {
  moe.axis @token size 3
  moe.axis @expert size 4
  %i = arith.constant dense<[[0, 1], [0, 1], [0, 1]]> : tensor<3x2xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [9.0, 8.0, 3.0, 5.0]]> : tensor<3x4xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<3x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<2.0> : tensor<f64>
  %one = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x4xf64, #moe.axes<token, expert>> rounds 1 : !moe.selection<[token], expert, r.slot, 2>
  %two = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<3x4xf64, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %one, dense<[[0, 1], [0, 1], [3, -1]]> : tensor<3x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %two, dense<[[0, 1], [0, 1], [3, 2]]> : tensor<3x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// Slot (1, 1) is refused by expert 0. Expert 2 (8) holds token 1 already, so round 1 proposes expert 1 (1), which is full. Then
// nothing is left.
moe.gate @held {
  moe.axis @token size 2
  moe.axis @expert size 3
  %i = arith.constant dense<[[0, 1], [2, 0]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[0.0, 0.0, 0.0], [9.0, 1.0, 8.0]]> : tensor<2x3xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<1.0> : tensor<f64>
  %k = moe.limit %r capacity %c : tensor<f64> over expert next %x : tensor<2x3xf64, #moe.axes<token, expert>> rounds 4 : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %k, dense<[[0, 1], [2, -1]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// By priority token 2 takes expert 0. Round 1: tokens 1 and 0 propose expert 1; token 1 comes first. Round 2: token 0 takes 2.
moe.gate @priority {
  moe.axis @token size 3
  moe.axis @expert size 3
  %i = arith.constant dense<0> : tensor<3x1xi32, #moe.axes<token, r.slot>>
  %p = arith.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf64, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[9.0, 8.0, 7.0], [9.0, 8.0, 7.0], [9.0, 8.0, 7.0]]> : tensor<3x3xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<3x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %c = arith.constant dense<1.0> : tensor<f64>
  %k = moe.limit %r capacity %c : tensor<f64> over expert priority %p : tensor<3x1xf64, #moe.axes<token, r.slot>> next %x : tensor<3x3xf64, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %k, dense<[[2], [1], [0]]> : tensor<3x1xi32> : !moe.selection<[token], expert, r.slot, 1>
}

// One place in each of the devices {0, 1} and {2, 3}. Round 1: token 1 proposes expert 0 (5), whose device is full. Round 2:
// expert 2, the lower of two with 4.
moe.gate @devices {
  moe.axis @token size 2
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %i = arith.constant dense<[[0], [1]]> : tensor<2x1xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [5.0, 9.0, 4.0, 4.0]]> : tensor<2x4xf64, #moe.axes<token, expert>>
  %r = moe.forced %i : tensor<2x1xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 1>
  %c = arith.constant dense<1.0> : tensor<f64>
  %one = moe.limit %r capacity %c : tensor<f64> over device next %x : tensor<2x4xf64, #moe.axes<token, expert>> rounds 1 : !moe.selection<[token], expert, r.slot, 1>
  %two = moe.limit %r capacity %c : tensor<f64> over device next %x : tensor<2x4xf64, #moe.axes<token, expert>> rounds 2 : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %one, dense<[[0], [-1]]> : tensor<2x1xi32> : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %two, dense<[[0], [2]]> : tensor<2x1xi32> : !moe.selection<[token], expert, r.slot, 1>
}
