// RUN: moe-opt %s --moe-interpret
// Upstream arithmetic as the frontend makes it.
moe.gate @floats {
  moe.axis @expert size 3
  %a = arith.constant dense<[6.0, -3.0, 0x7FF8000000000000]> : tensor<3xf64, #moe.axes<expert>>
  %b = arith.constant dense<[2.0, 4.0, 1.0]> : tensor<3xf64, #moe.axes<expert>>
  %add = arith.addf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %sub = arith.subf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %mul = arith.mulf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %div = arith.divf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %rem = arith.remf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %neg = arith.negf %a : tensor<3xf64, #moe.axes<expert>>
  %max = arith.maximumf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %min = arith.minimumf %b, %a : tensor<3xf64, #moe.axes<expert>>
  %maxn = arith.maxnumf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %minn = arith.minnumf %a, %b : tensor<3xf64, #moe.axes<expert>>
  %fma = math.fma %a, %b, %b : tensor<3xf64, #moe.axes<expert>>
  %gt = arith.cmpf ogt, %a, %b : tensor<3xf64, #moe.axes<expert>>
  %ne = arith.cmpf une, %a, %b : tensor<3xf64, #moe.axes<expert>>
  %uno = arith.cmpf uno, %a, %b : tensor<3xf64, #moe.axes<expert>>
  %sel = arith.select %gt, %a, %b : tensor<3xi1, #moe.axes<expert>>, tensor<3xf64, #moe.axes<expert>>
  check.expect_close %add, dense<[8.0, 1.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %sub, dense<[4.0, -7.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %mul, dense<[12.0, -12.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %div, dense<[3.0, -0.75, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %rem, dense<[0.0, -3.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %neg, dense<[-6.0, 3.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %max, dense<[6.0, 4.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %min, dense<[2.0, -3.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %maxn, dense<[6.0, 4.0, 1.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %minn, dense<[2.0, -3.0, 1.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %fma, dense<[14.0, -8.0, 0x7FF8000000000000]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_eq %gt, dense<[true, false, false]> : tensor<3xi1> : tensor<3xi1, #moe.axes<expert>>
  check.expect_eq %ne, dense<[true, true, true]> : tensor<3xi1> : tensor<3xi1, #moe.axes<expert>>
  check.expect_eq %uno, dense<[false, false, true]> : tensor<3xi1> : tensor<3xi1, #moe.axes<expert>>
  check.expect_close %sel, dense<[6.0, 4.0, 1.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
}
moe.gate @integers {
  moe.axis @expert size 3
  %a = arith.constant dense<[7, -7, 2147483647]> : tensor<3xi32, #moe.axes<expert>>
  %b = arith.constant dense<[2, 2, 1]> : tensor<3xi32, #moe.axes<expert>>
  %add = arith.addi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %sub = arith.subi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %mul = arith.muli %a, %b : tensor<3xi32, #moe.axes<expert>>
  %div = arith.divsi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %rem = arith.remsi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %divu = arith.divui %a, %b : tensor<3xi32, #moe.axes<expert>>
  %remu = arith.remui %b, %a : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %divu, dense<[3, 2147483644, 2147483647]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %remu, dense<[2, 2, 1]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  %and = arith.andi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %or = arith.ori %a, %b : tensor<3xi32, #moe.axes<expert>>
  %xor = arith.xori %a, %b : tensor<3xi32, #moe.axes<expert>>
  %shl = arith.shli %a, %b : tensor<3xi32, #moe.axes<expert>>
  %sar = arith.shrsi %a, %b : tensor<3xi32, #moe.axes<expert>>
  %shr = arith.shrui %a, %b : tensor<3xi32, #moe.axes<expert>>
  %lt = arith.cmpi slt, %a, %b : tensor<3xi32, #moe.axes<expert>>
  %ult = arith.cmpi ult, %a, %b : tensor<3xi32, #moe.axes<expert>>
  %ext = arith.extsi %a : tensor<3xi32, #moe.axes<expert>> to tensor<3xi64, #moe.axes<expert>>
  %uext = arith.extui %a : tensor<3xi32, #moe.axes<expert>> to tensor<3xi64, #moe.axes<expert>>
  %f = arith.sitofp %a : tensor<3xi32, #moe.axes<expert>> to tensor<3xf64, #moe.axes<expert>>
  %u = arith.uitofp %lt : tensor<3xi1, #moe.axes<expert>> to tensor<3xf64, #moe.axes<expert>>
  check.expect_eq %add, dense<[9, -5, -2147483648]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %sub, dense<[5, -9, 2147483646]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %mul, dense<[14, -14, 2147483647]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %div, dense<[3, -3, 2147483647]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %rem, dense<[1, -1, 0]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %and, dense<[2, 0, 1]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %or, dense<[7, -5, 2147483647]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %xor, dense<[5, -5, 2147483646]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %shl, dense<[28, -28, -2]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %sar, dense<[1, -2, 1073741823]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %shr, dense<[1, 1073741822, 1073741823]> : tensor<3xi32> : tensor<3xi32, #moe.axes<expert>>
  check.expect_eq %lt, dense<[false, true, false]> : tensor<3xi1> : tensor<3xi1, #moe.axes<expert>>
  check.expect_eq %ult, dense<[false, false, false]> : tensor<3xi1> : tensor<3xi1, #moe.axes<expert>>
  check.expect_eq %ext, dense<[7, -7, 2147483647]> : tensor<3xi64> : tensor<3xi64, #moe.axes<expert>>
  check.expect_eq %uext, dense<[7, 4294967289, 2147483647]> : tensor<3xi64> : tensor<3xi64, #moe.axes<expert>>
  check.expect_close %f, dense<[7.0, -7.0, 2147483647.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
  check.expect_close %u, dense<[0.0, 1.0, 0.0]> : tensor<3xf64> : tensor<3xf64, #moe.axes<expert>>
}
