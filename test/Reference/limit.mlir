// RUN: moe-opt %s --moe-interpret
// Capacity of three experts for 0 1 / 0 2 / 0 1 / 1 0.
// Queues by token: expert 0: (0,0) (1,0) (2,0) (3,1); expert 1: (0,1) (2,1) (3,0); expert 2: (1,1).
// By slot: expert 0: (0,0) (1,0) (2,0) (3,1); expert 1: (3,0) (0,1) (2,1).
moe.gate @order {
  moe.axis @token size 4
  moe.axis @expert size 3
  %i = arith.constant dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<4x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c0 = arith.constant dense<0.0> : tensor<f64>
  %c99 = arith.constant dense<0.99> : tensor<f64>
  %negative = arith.constant dense<-3.5> : tensor<f64>
  %nan = arith.constant dense<0x7FF8000000000000> : tensor<f64>
  %c1 = arith.constant dense<1.0> : tensor<f32>
  %c29 = arith.constant dense<2.9> : tensor<f64>
  %huge = arith.constant dense<1.0e300> : tensor<f64>
  %inf = arith.constant dense<0x7FF0000000000000> : tensor<f64>
  %none0 = moe.limit %r capacity %c0 : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %none1 = moe.limit %r capacity %c99 : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %none2 = moe.limit %r capacity %negative : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %none3 = moe.limit %r capacity %nan : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %one = moe.limit %r capacity %c1 : tensor<f32> over expert : !moe.selection<[token], expert, r.slot, 2>
  %two = moe.limit %r capacity %c29 : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %slot = moe.limit %r capacity %c29 : tensor<f64> over expert by_slot : !moe.selection<[token], expert, r.slot, 2>
  %all0 = moe.limit %r capacity %huge : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  %all1 = moe.limit %r capacity %inf : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %none0, dense<-1> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %none1, dense<-1> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %none2, dense<-1> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %none3, dense<-1> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %one, dense<[[0, 1], [-1, 2], [-1, -1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %two, dense<[[0, 1], [0, 2], [-1, 1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %slot, dense<[[0, 1], [0, 2], [-1, -1], [1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %all0, dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %all1, dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// By priority: expert 0 has the candidates (0,0) 1, (1,0) 2, (2,0) NaN, (3,1) 3; expert 1 (0,1) 5, (2,1) 5, (3,0) 7. Equal
// ones by token, NaN last, but before nothing.
moe.gate @priority {
  moe.axis @token size 4
  moe.axis @expert size 3
  %i = arith.constant dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32, #moe.axes<token, r.slot>>
  %p = arith.constant dense<[[1.0, 5.0], [2.0, 1.0], [0x7FF8000000000000, 5.0], [7.0, 3.0]]> : tensor<4x2xf64, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<4x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c2 = arith.constant dense<2.0> : tensor<f64>
  %c4 = arith.constant dense<4.0> : tensor<f64>
  %two = moe.limit %r capacity %c2 : tensor<f64> over expert priority %p : tensor<4x2xf64, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  %all = moe.limit %r capacity %c4 : tensor<f64> over expert priority %p : tensor<4x2xf64, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %two, dense<[[-1, 1], [0, 2], [-1, -1], [1, 0]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %all, dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// Equal priorities: by token then slot, or by slot then token; -0 equals +0.
moe.gate @ties {
  moe.axis @token size 2
  moe.axis @expert size 2
  %i = arith.constant dense<[[1, 0], [0, 1]]> : tensor<2x2xi32, #moe.axes<token, r.slot>>
  %p = arith.constant dense<[[0.0, -0.0], [0.0, 0.0]]> : tensor<2x2xf64, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<2x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<1.0> : tensor<f64>
  %a = moe.limit %r capacity %c : tensor<f64> over expert priority %p : tensor<2x2xf64, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  %b = moe.limit %r capacity %c : tensor<f64> over expert by_slot priority %p : tensor<2x2xf64, #moe.axes<token, r.slot>> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %a, dense<[[1, 0], [-1, -1]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %b, dense<[[1, -1], [0, -1]]> : tensor<2x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// Token 2 is exempt: its slots stay and take no room.
moe.gate @exempt {
  moe.axis @token size 4
  moe.axis @expert size 3
  %i = arith.constant dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32, #moe.axes<token, r.slot>>
  %x = arith.constant dense<[false, false, true, false]> : tensor<4xi1, #moe.axes<token>>
  %r = moe.forced %i : tensor<4x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %c0 = arith.constant dense<0.0> : tensor<f64>
  %c1 = arith.constant dense<1.0> : tensor<f64>
  %none = moe.limit %r capacity %c0 : tensor<f64> over expert exempt %x : tensor<4xi1, #moe.axes<token>> : !moe.selection<[token], expert, r.slot, 2>
  %one = moe.limit %r capacity %c1 : tensor<f64> over expert exempt %x : tensor<4xi1, #moe.axes<token>> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %none, dense<[[-1, -1], [-1, -1], [0, 1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %one, dense<[[0, 1], [-1, 2], [0, 1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// Room of the devices {0, 1} and {2, 3}: (0,0) and (0,1) fill the first, (1,0) and (2,0) the second. Empty slots stay empty;
// what names no expert needs no room.
moe.gate @groups {
  moe.axis @token size 4
  moe.axis @expert size 4
  moe.axis @device size 2 of @expert
  %i = arith.constant dense<[[0, 1], [2, 1], [3, 0], [-1, 2]]> : tensor<4x2xi32, #moe.axes<token, r.slot>>
  %r = moe.forced %i : tensor<4x2xi32, #moe.axes<token, r.slot>> -> !moe.selection<[token], expert, r.slot, 2>
  %s = moe.append %r, [4] : !moe.selection<[token], expert, r.slot, 2> -> !moe.selection<[token], expert, s.slot, 3>
  %c = arith.constant dense<2.0> : tensor<f64>
  %a = moe.limit %r capacity %c : tensor<f64> over device : !moe.selection<[token], expert, r.slot, 2>
  %b = moe.limit %s capacity %c : tensor<f64> over device : !moe.selection<[token], expert, s.slot, 3>
  check.expect_eq %a, dense<[[0, 1], [2, -1], [3, -1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %b, dense<[[0, 1, 4], [2, -1, 4], [3, -1, 4], [-1, -1, 4]]> : tensor<4x3xi32> : !moe.selection<[token], expert, s.slot, 3>
}

// Each piece, tokens 0 1 / none / 2 3, has the whole capacity.
moe.gate @per_piece {
  moe.axis @token
  moe.axis @expert size 3
  moe.axis @pick size 2
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %i = moe.input "route" : tensor<?x2xi32, #moe.axes<token, pick>>
  check.given "cu_seqlens" = dense<[0, 2, 2, 4]> : tensor<4xi32>
  check.given "route" = dense<[[0, 1], [0, 2], [0, 1], [1, 0]]> : tensor<4x2xi32>
  %r = moe.forced %i : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<1.0> : tensor<f64>
  %k = moe.limit %r capacity %c : tensor<f64> over expert per sequence : !moe.selection<[token], expert, r.slot, 2>
  %l = moe.limit %r capacity %c : tensor<f64> over expert by_slot per sequence : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %k, dense<[[0, 1], [-1, 2], [0, 1], [-1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %l, dense<[[0, 1], [-1, 2], [0, -1], [1, -1]]> : tensor<4x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}

// No tokens, no candidates.
moe.gate @no_tokens {
  moe.axis @token
  moe.axis @expert size 3
  moe.axis @pick size 2
  %i = moe.input "route" : tensor<?x2xi32, #moe.axes<token, pick>>
  check.given "route" = dense<> : tensor<0x2xi32>
  %r = moe.forced %i : tensor<?x2xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 2>
  %c = arith.constant dense<1.0> : tensor<f64>
  %k = moe.limit %r capacity %c : tensor<f64> over expert : !moe.selection<[token], expert, r.slot, 2>
  check.expect_eq %k, dense<> : tensor<0x2xi32> : !moe.selection<[token], expert, r.slot, 2>
}
