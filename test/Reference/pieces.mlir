// RUN: moe-opt %s --moe-interpret
// Tokens 1 2 / none / 3 4 6 in three packed sequences.
moe.gate @packed {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %w = moe.input "w" : tensor<?xf64, #moe.axes<sequence>>
  check.given "cu_seqlens" = dense<[0, 2, 2, 5]> : tensor<4xi32>
  check.given "x" = dense<[1.0, 2.0, 3.0, 4.0, 6.0]> : tensor<5xf64>
  check.given "w" = dense<[1.0, 0x7FF8000000000000, 3.0]> : tensor<3xf64>
  %tokens = moe.size token : tensor<i32>
  %pieces = moe.size sequence : tensor<i32>
  %sizes = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  check.expect_eq %tokens, dense<5> : tensor<i32> : tensor<i32>
  check.expect_eq %pieces, dense<2> : tensor<i32> : tensor<i32>
  check.expect_eq %sizes, dense<[2, 0, 3]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  %sum = moe.reduce sum %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %mean = moe.reduce mean %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %max = moe.reduce max %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %min = moe.reduce min %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %sum, dense<[3.0, 0.0, 13.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %mean, dense<[1.5, 0x7FF8000000000000, 4.333333333333333]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %max, dense<[2.0, 0xFFF0000000000000, 6.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %min, dense<[1.0, 0x7FF0000000000000, 3.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  // Over the sequences: the empty one takes no part, whatever stands there.
  %total = moe.reduce sum %sum over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  %average = moe.reduce mean %mean over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  %least = moe.reduce min %max over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  %share = moe.normalize %w over sequence : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %total, dense<16.0> : tensor<f64> : tensor<f64>
  check.expect_close %average, dense<2.9166666666666665> : tensor<f64> : tensor<f64>
  check.expect_close %least, dense<2.0> : tensor<f64> : tensor<f64>
  check.expect_close %share, dense<[0.25, 0.0, 0.75]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  // Back to the tokens; positions in a sequence; the tokens before, never of another sequence.
  %back = moe.expand %sum from sequence to token : tensor<?xf64, #moe.axes<sequence>> to tensor<?xf64, #moe.axes<token>>
  %t = moe.index token : tensor<?xi32, #moe.axes<token>>
  %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  %s = moe.index sequence : tensor<?xi32, #moe.axes<sequence>>
  %one = moe.shift %x, 1 over token : tensor<?xf64, #moe.axes<token>>
  %two = moe.shift %x, 2 over token : tensor<?xf64, #moe.axes<token>>
  %far = moe.shift %t, 9223372036854775807 over token : tensor<?xi32, #moe.axes<token>>
  check.expect_close %back, dense<[3.0, 3.0, 13.0, 13.0, 13.0]> : tensor<5xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_eq %t, dense<[0, 1, 2, 3, 4]> : tensor<5xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p, dense<[0, 1, 0, 1, 2]> : tensor<5xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %s, dense<[0, 1, 2]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  check.expect_close %one, dense<[0.0, 1.0, 0.0, 3.0, 4.0]> : tensor<5xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_close %two, dense<[0.0, 0.0, 0.0, 0.0, 3.0]> : tensor<5xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_eq %far, dense<0> : tensor<5xi32> : tensor<?xi32, #moe.axes<token>>
}

// Pieces of one length; a value with another axis; counts of a selection for each piece.
moe.gate @length {
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @sequence of @token length 2
  %x = moe.input "x" : tensor<?x2xf64, #moe.axes<token, expert>>
  check.given "x" = dense<[[1.0, 2.0], [4.0, 3.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf64>
  %mean = moe.reduce mean %x over [token] to sequence : tensor<?x2xf64, #moe.axes<token, expert>> -> tensor<?x2xf64, #moe.axes<sequence, expert>>
  %r = moe.topk %x over expert : tensor<?x2xf64, #moe.axes<token, expert>> -> !moe.selection<[token], expert, r.slot, 1>
  %m = moe.multiplicity %r : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x2xi32, #moe.axes<token, expert>>
  %c = moe.reduce sum %m over [token] to sequence : tensor<?x2xi32, #moe.axes<token, expert>> -> tensor<?x2xi32, #moe.axes<sequence, expert>>
  %n = moe.size sequence : tensor<i32>
  %p = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  %before = moe.shift %x, 1 over token : tensor<?x2xf64, #moe.axes<token, expert>>
  check.expect_close %mean, dense<[[2.5, 2.5], [6.0, 7.0]]> : tensor<2x2xf64> : tensor<?x2xf64, #moe.axes<sequence, expert>>
  check.expect_eq %c, dense<[[1, 1], [0, 2]]> : tensor<2x2xi32> : tensor<?x2xi32, #moe.axes<sequence, expert>>
  check.expect_eq %n, dense<2> : tensor<i32> : tensor<i32>
  check.expect_eq %p, dense<[0, 1, 0, 1]> : tensor<4xi32> : tensor<?xi32, #moe.axes<token>>
  check.expect_close %before, dense<[[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]> : tensor<4x2xf64> : tensor<?x2xf64, #moe.axes<token, expert>>
}

// No tokens in two sequences, and no sequences.
moe.gate @no_tokens {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  check.given "cu_seqlens" = dense<0> : tensor<3xi32>
  check.given "x" = dense<> : tensor<0xf64>
  %n = moe.size sequence : tensor<i32>
  %sum = moe.reduce sum %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %mean = moe.reduce mean %sum over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  check.expect_eq %n, dense<0> : tensor<i32> : tensor<i32>
  check.expect_close %sum, dense<0.0> : tensor<2xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %mean, dense<0x7FF8000000000000> : tensor<f64> : tensor<f64>
}
moe.gate @no_pieces {
  moe.axis @token
  moe.axis @sequence of @token offsets "cu_seqlens"
  %o = moe.input "cu_seqlens" : tensor<?xi32, #moe.axes<sequence.bound>>
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  check.given "cu_seqlens" = dense<0> : tensor<1xi32>
  check.given "x" = dense<> : tensor<0xf64>
  %sum = moe.reduce sum %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %sum, dense<> : tensor<0xf64> : tensor<?xf64, #moe.axes<sequence>>
}
