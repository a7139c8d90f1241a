// RUN: moe-opt %s --moe-expand-math | FileCheck %s --implicit-check-not=math.exp --implicit-check-not=math.log \
// RUN:   --implicit-check-not=math.tanh --implicit-check-not=math.erf --implicit-check-not=math.powf --implicit-check-not=math.fpowi \
// RUN:   --implicit-check-not=math.ipowi --implicit-check-not=math.rsqrt --implicit-check-not=arith.fptosi
// RUN: moe-opt %s --moe-interpret
// RUN: moe-opt %s --moe-expand-math --moe-interpret=float32-selections=true
// RUN: moe-opt %s --moe-expand-selection-math --canonicalize --cse --moe-interpret=float32-selections=true

// Every function in f32 is gone, and the values are the same before and after. All of them feed a selection, so that the
// interpreter rounds as targets do.
moe.gate @functions {
  moe.axis @expert size 5
  %x = arith.constant dense<[0.5, 1.0, 2.0, 0.03125, 9.0]> : tensor<5xf32, #moe.axes<expert>>
  // CHECK: math.fma
  %exp = math.exp %x : tensor<5xf32, #moe.axes<expert>>
  %exp2 = math.exp2 %x : tensor<5xf32, #moe.axes<expert>>
  %expm1 = math.expm1 %x : tensor<5xf32, #moe.axes<expert>>
  %log = math.log %x : tensor<5xf32, #moe.axes<expert>>
  %log1p = math.log1p %x : tensor<5xf32, #moe.axes<expert>>
  %tanh = math.tanh %x : tensor<5xf32, #moe.axes<expert>>
  %erf = math.erf %x : tensor<5xf32, #moe.axes<expert>>
  %erfc = math.erfc %x : tensor<5xf32, #moe.axes<expert>>
  %rsqrt = math.rsqrt %x : tensor<5xf32, #moe.axes<expert>>
  %pow = math.powf %x, %log : tensor<5xf32, #moe.axes<expert>>
  %three = arith.constant dense<3> : tensor<5xi32, #moe.axes<expert>>
  %minus2 = arith.constant dense<-2> : tensor<5xi32, #moe.axes<expert>>
  %cube = math.fpowi %x, %three : tensor<5xf32, #moe.axes<expert>>, tensor<5xi32, #moe.axes<expert>>
  %inverse = math.fpowi %x, %minus2 : tensor<5xf32, #moe.axes<expert>>, tensor<5xi32, #moe.axes<expert>>
  %nine = math.ipowi %three, %three : tensor<5xi32, #moe.axes<expert>>
  check.expect_close %exp, dense<[1.6487212707001282, 2.718281828459045, 7.38905609893065, 1.0317434074991028, 8103.083927575384]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %exp2, dense<[1.4142135623730951, 2.0, 4.0, 1.0218971486541166, 512.0]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %expm1, dense<[0.6487212707001282, 1.718281828459045, 6.38905609893065, 0.03174340749910272, 8102.083927575384]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %log, dense<[-0.6931471805599453, 0.0, 0.6931471805599453, -3.4657359027997265, 2.1972245773362196]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %log1p, dense<[0.4054651081081644, 0.6931471805599453, 1.0986122886681098, 0.030771658666753687, 2.302585092994046]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %tanh, dense<[0.46211715726000973, 0.7615941559557649, 0.9640275800758169, 0.031239831446031267, 0.9999999695400410]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %erf, dense<[0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.03525037421001445, 1.0]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %erfc, dense<[0.4795001221869535, 0.15729920705028513, 0.004677734981047266, 0.9647496257899856, 4.1370317465138102e-37]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %rsqrt, dense<[1.4142135623730951, 1.0, 0.7071067811865476, 5.656854249492381, 0.3333333333333333]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %cube, dense<[0.125, 1.0, 8.0, 3.0517578125e-05, 729.0]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_close %inverse, dense<[4.0, 1.0, 0.25, 1024.0, 0.012345679012345678]> : tensor<5xf64> within 1.2e-7 : tensor<5xf32, #moe.axes<expert>>
  check.expect_eq %nine, dense<27> : tensor<i32> : tensor<5xi32, #moe.axes<expert>>
  check.expect_close %pow, dense<[1.6168066722416747, 1.0, 1.6168066722416747, 164608.52332881652, 124.93528000400045]> : tensor<5xf64> within 2.0e-6 : tensor<5xf32, #moe.axes<expert>>
  %s0 = arith.addf %exp, %exp2 : tensor<5xf32, #moe.axes<expert>>
  %s1 = arith.addf %s0, %expm1 : tensor<5xf32, #moe.axes<expert>>
  %s2 = arith.addf %s1, %pow : tensor<5xf32, #moe.axes<expert>>
  %s3 = arith.addf %s2, %log1p : tensor<5xf32, #moe.axes<expert>>
  %s4 = arith.addf %s3, %tanh : tensor<5xf32, #moe.axes<expert>>
  %s5 = arith.addf %s4, %erf : tensor<5xf32, #moe.axes<expert>>
  %s6 = arith.addf %s5, %erfc : tensor<5xf32, #moe.axes<expert>>
  %s7 = arith.addf %s6, %rsqrt : tensor<5xf32, #moe.axes<expert>>
  %s8 = arith.addf %s7, %cube : tensor<5xf32, #moe.axes<expert>>
  %s9 = arith.addf %s8, %inverse : tensor<5xf32, #moe.axes<expert>>
  %nf = arith.sitofp %nine : tensor<5xi32, #moe.axes<expert>> to tensor<5xf32, #moe.axes<expert>>
  %score = arith.addf %s9, %nf : tensor<5xf32, #moe.axes<expert>>
  %r = moe.topk %score over expert : tensor<5xf32, #moe.axes<expert>> -> !moe.selection<[], expert, r.slot, 1>
  check.expect_eq %r, dense<3> : tensor<i32> : !moe.selection<[], expert, r.slot, 1>
}
