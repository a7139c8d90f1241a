// RUN: moe-opt %s --moe-interpret
// Pieces of pieces. Tokens 1 to 8 in groups of two, 12 / 34 / 56 / 78; the groups in sequences, 12 / none / 345678; the
// sequences in documents, the first two and the last one.
moe.gate @chain {
  moe.axis @token
  moe.axis @group of @token length 2
  moe.axis @sequence of @group offsets "bounds"
  moe.axis @document of @sequence offsets "documents"
  %b = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %d = moe.input "documents" : tensor<?xi32, #moe.axes<document.bound>>
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %w = moe.input "w" : tensor<?xf64, #moe.axes<document>>
  check.given "bounds" = dense<[0, 1, 1, 4]> : tensor<4xi32>
  check.given "documents" = dense<[0, 2, 3]> : tensor<3xi32>
  check.given "x" = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf64>
  check.given "w" = dense<[10.0, 20.0]> : tensor<2xf64>
  %g = moe.reduce sum %x over [token] to group : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<group>>
  %s = moe.reduce sum %g over [group] to sequence : tensor<?xf64, #moe.axes<group>> -> tensor<?xf64, #moe.axes<sequence>>
  %dd = moe.reduce sum %s over [sequence] to document : tensor<?xf64, #moe.axes<sequence>> -> tensor<?xf64, #moe.axes<document>>
  check.expect_close %g, dense<[3.0, 7.0, 11.0, 15.0]> : tensor<4xf64> : tensor<?xf64, #moe.axes<group>>
  check.expect_close %s, dense<[3.0, 0.0, 33.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %dd, dense<[3.0, 33.0]> : tensor<2xf64> : tensor<?xf64, #moe.axes<document>>
  // One operation leads over several levels.
  %ts = moe.reduce sum %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  %td = moe.reduce max %x over [token] to document : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<document>>
  %gd = moe.reduce min %g over [group] to document : tensor<?xf64, #moe.axes<group>> -> tensor<?xf64, #moe.axes<document>>
  %vd = moe.reduce var %x over [token] to document : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<document>>
  %ls = moe.reduce logsumexp %x over [token] to sequence : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %ts, dense<[3.0, 0.0, 33.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %td, dense<[2.0, 8.0]> : tensor<2xf64> : tensor<?xf64, #moe.axes<document>>
  check.expect_close %gd, dense<[3.0, 7.0]> : tensor<2xf64> : tensor<?xf64, #moe.axes<document>>
  check.expect_close %vd, dense<[0.25, 2.9166666666666665]> : tensor<2xf64> : tensor<?xf64, #moe.axes<document>>
  check.expect_close %ls, dense<[2.3132616875182226, 0x7FF8000000000000, 8.456193316018123]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  // The sequence without groups counts neither among the sequences nor in its document.
  %mean = moe.reduce mean %s over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  %md = moe.reduce mean %s over [sequence] to document : tensor<?xf64, #moe.axes<sequence>> -> tensor<?xf64, #moe.axes<document>>
  check.expect_close %mean, dense<18.0> : tensor<f64> : tensor<f64>
  check.expect_close %md, dense<[3.0, 33.0]> : tensor<2xf64> : tensor<?xf64, #moe.axes<document>>
  %n0 = moe.size token to group : tensor<?xi32, #moe.axes<group>>
  check.expect_eq %n0, dense<[2, 2, 2, 2]> : tensor<4xi32> : tensor<?xi32, #moe.axes<group>>
  %n1 = moe.size token to sequence : tensor<?xi32, #moe.axes<sequence>>
  check.expect_eq %n1, dense<[2, 0, 6]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  %n2 = moe.size token to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n2, dense<[2, 6]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %n3 = moe.size group to sequence : tensor<?xi32, #moe.axes<sequence>>
  check.expect_eq %n3, dense<[1, 0, 3]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  %n4 = moe.size group to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n4, dense<[1, 3]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %n5 = moe.size sequence to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n5, dense<[1, 1]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %zt = moe.size token : tensor<i32>
  check.expect_eq %zt, dense<8> : tensor<i32> : tensor<i32>
  %zg = moe.size group : tensor<i32>
  check.expect_eq %zg, dense<4> : tensor<i32> : tensor<i32>
  %zs = moe.size sequence : tensor<i32>
  check.expect_eq %zs, dense<2> : tensor<i32> : tensor<i32>
  %zd = moe.size document : tensor<i32>
  check.expect_eq %zd, dense<2> : tensor<i32> : tensor<i32>
  // Positions count from the start of any level, and any level spreads to any finer one.
  %p0 = moe.index token to group : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p0, dense<[0, 1, 0, 1, 0, 1, 0, 1]> : tensor<8xi32> : tensor<?xi32, #moe.axes<token>>
  %p1 = moe.index token to sequence : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p1, dense<[0, 1, 0, 1, 2, 3, 4, 5]> : tensor<8xi32> : tensor<?xi32, #moe.axes<token>>
  %p2 = moe.index token to document : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p2, dense<[0, 1, 0, 1, 2, 3, 4, 5]> : tensor<8xi32> : tensor<?xi32, #moe.axes<token>>
  %p3 = moe.index group to sequence : tensor<?xi32, #moe.axes<group>>
  check.expect_eq %p3, dense<[0, 0, 1, 2]> : tensor<4xi32> : tensor<?xi32, #moe.axes<group>>
  %p4 = moe.index sequence to document : tensor<?xi32, #moe.axes<sequence>>
  check.expect_eq %p4, dense<[0, 1, 0]> : tensor<3xi32> : tensor<?xi32, #moe.axes<sequence>>
  %et = moe.expand %w from document to token : tensor<?xf64, #moe.axes<document>> to tensor<?xf64, #moe.axes<token>>
  check.expect_close %et, dense<[10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0]> : tensor<8xf64> : tensor<?xf64, #moe.axes<token>>
  %es = moe.expand %w from document to sequence : tensor<?xf64, #moe.axes<document>> to tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %es, dense<[10.0, 10.0, 20.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  // A shift does not leave the pieces that the tokens are divided into.
  %before = moe.shift %x, 1 over token : tensor<?xf64, #moe.axes<token>>
  %behind = moe.shift %x, -1 over token : tensor<?xf64, #moe.axes<token>>
  check.expect_close %before, dense<[0.0, 1.0, 0.0, 3.0, 0.0, 5.0, 0.0, 7.0]> : tensor<8xf64> : tensor<?xf64, #moe.axes<token>>
  check.expect_close %behind, dense<[2.0, 0.0, 4.0, 0.0, 6.0, 0.0, 8.0, 0.0]> : tensor<8xf64> : tensor<?xf64, #moe.axes<token>>
}

// R4 on each level: with tokens 1, 2 and 4 masked the first group counts no more, so that its sequence does not, so that
// its document does not.
moe.gate @masked {
  moe.axis @token
  moe.axis @group of @token length 2
  moe.axis @sequence of @group offsets "bounds"
  moe.axis @document of @sequence offsets "documents"
  %b = moe.input "bounds" : tensor<?xi32, #moe.axes<sequence.bound>>
  %d = moe.input "documents" : tensor<?xi32, #moe.axes<document.bound>>
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %v = moe.input "valid" : tensor<?xi1, #moe.axes<token>>
  moe.mask token by %v : tensor<?xi1, #moe.axes<token>>
  check.given "bounds" = dense<[0, 1, 1, 4]> : tensor<4xi32>
  check.given "documents" = dense<[0, 2, 3]> : tensor<3xi32>
  check.given "x" = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf64>
  check.given "valid" = dense<[false, false, true, false, true, true, true, true]> : tensor<8xi1>
  %g = moe.reduce sum %x over [token] to group : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<group>>
  check.expect_close %g, dense<[0.0, 3.0, 11.0, 15.0]> : tensor<4xf64> : tensor<?xf64, #moe.axes<group>>
  %s = moe.reduce mean %g over [group] to sequence : tensor<?xf64, #moe.axes<group>> -> tensor<?xf64, #moe.axes<sequence>>
  check.expect_close %s, dense<[0x7FF8000000000000, 0x7FF8000000000000, 9.666666666666666]> : tensor<3xf64> : tensor<?xf64, #moe.axes<sequence>>
  %m = moe.reduce mean %s over [sequence] : tensor<?xf64, #moe.axes<sequence>> -> tensor<f64>
  check.expect_close %m, dense<9.666666666666666> : tensor<f64> : tensor<f64>
  %zt = moe.size token : tensor<i32>
  check.expect_eq %zt, dense<5> : tensor<i32> : tensor<i32>
  %zg = moe.size group : tensor<i32>
  check.expect_eq %zg, dense<3> : tensor<i32> : tensor<i32>
  %zs = moe.size sequence : tensor<i32>
  check.expect_eq %zs, dense<1> : tensor<i32> : tensor<i32>
  %zd = moe.size document : tensor<i32>
  check.expect_eq %zd, dense<1> : tensor<i32> : tensor<i32>
  %n0 = moe.size token to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n0, dense<[0, 5]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %n1 = moe.size group to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n1, dense<[0, 3]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %n2 = moe.size sequence to document : tensor<?xi32, #moe.axes<document>>
  check.expect_eq %n2, dense<[0, 1]> : tensor<2xi32> : tensor<?xi32, #moe.axes<document>>
  %p = moe.index token to document : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p, dense<[0, 1, 0, 1, 2, 3, 4, 5]> : tensor<8xi32> : tensor<?xi32, #moe.axes<token>>
  %shifted = moe.shift %x, -1 over token : tensor<?xf64, #moe.axes<token>>
  check.expect_close %shifted, dense<[0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 8.0, 0.0]> : tensor<8xf64> : tensor<?xf64, #moe.axes<token>>
}

// A number of equal pieces, of tokens and of pieces: 12 / 34 / 56, then all three in one.
moe.gate @count {
  moe.axis @token
  moe.axis @third of @token count 3
  moe.axis @all of @third count 1
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  %w = moe.input "w" : tensor<?xf64, #moe.axes<third>>
  check.given "x" = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> : tensor<6xf64>
  check.given "w" = dense<[1.0, 2.0, 3.0]> : tensor<3xf64>
  %s = moe.reduce sum %x over [token] to third : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<third>>
  check.expect_close %s, dense<[3.0, 7.0, 11.0]> : tensor<3xf64> : tensor<?xf64, #moe.axes<third>>
  %a = moe.reduce max %x over [token] to all : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<all>>
  check.expect_close %a, dense<6.0> : tensor<1xf64> : tensor<?xf64, #moe.axes<all>>
  %p = moe.index token to third : tensor<?xi32, #moe.axes<token>>
  check.expect_eq %p, dense<[0, 1, 0, 1, 0, 1]> : tensor<6xi32> : tensor<?xi32, #moe.axes<token>>
  %e = moe.expand %w from third to token : tensor<?xf64, #moe.axes<third>> to tensor<?xf64, #moe.axes<token>>
  check.expect_close %e, dense<[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]> : tensor<6xf64> : tensor<?xf64, #moe.axes<token>>
}

// No tokens: as many pieces as the number says, none that counts.
moe.gate @none {
  moe.axis @token
  moe.axis @third of @token count 3
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  check.given "x" = dense<> : tensor<0xf64>
  %n = moe.size third : tensor<i32>
  check.expect_eq %n, dense<0> : tensor<i32> : tensor<i32>
  %s = moe.reduce sum %x over [token] to third : tensor<?xf64, #moe.axes<token>> -> tensor<?xf64, #moe.axes<third>>
  check.expect_close %s, dense<0.0> : tensor<3xf64> : tensor<?xf64, #moe.axes<third>>
}

// Queues start anew in pieces of any level: tokens 0 1 2 / 3 4 5 in documents, all for expert 0, groups of one token.
moe.gate @queues {
  moe.axis @token
  moe.axis @expert size 2
  moe.axis @group of @token length 1
  moe.axis @document of @group length 3
  %x = moe.input "x" : tensor<?xf64, #moe.axes<token>>
  moe.axis @pick size 1
  %i = moe.input "i" : tensor<?x1xi32, #moe.axes<token, pick>>
  check.given "x" = dense<0.0> : tensor<6xf64>
  check.given "i" = dense<0> : tensor<6x1xi32>
  %c = arith.constant dense<2.0> : tensor<f64>
  %r = moe.forced %i : tensor<?x1xi32, #moe.axes<token, pick>> -> !moe.selection<[token], expert, r.slot, 1>
  %q = moe.rank %r per document : !moe.selection<[token], expert, r.slot, 1> -> tensor<?x1xi32, #moe.axes<token, r.slot>>
  %l = moe.limit %r capacity %c : tensor<f64> over expert per document : !moe.selection<[token], expert, r.slot, 1>
  check.expect_eq %q, dense<[[0], [1], [2], [0], [1], [2]]> : tensor<6x1xi32> : tensor<?x1xi32, #moe.axes<token, r.slot>>
  check.expect_eq %l, dense<[[0], [0], [-1], [0], [0], [-1]]> : tensor<6x1xi32> : !moe.selection<[token], expert, r.slot, 1>
}
