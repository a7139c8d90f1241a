// RUN: moe-opt %s --moe-interpret
// RUN: moe-opt %s --moe-expand-selection-math --moe-interpret=float32-selections=true
// RUN: moe-opt %s --moe-expand-selection-math | FileCheck %s --implicit-check-not=moe.sigmoid --implicit-check-not=moe.softplus \
// RUN:   --implicit-check-not=moe.normal_cdf --implicit-check-not=moe.sign --implicit-check-not=moe.detach --implicit-check-not=math.exp

// moe's own functions have the same values before and after they are decomposed, in f32, out to where they saturate.
// CHECK-LABEL: moe.gate @functions
moe.gate @functions {
  moe.axis @expert size 7
  %x = arith.constant dense<[0.0, 1.0, -1.0, 5.0, -5.0, 200.0, -200.0]> : tensor<7xf32, #moe.axes<expert>>
  %sigmoid = moe.sigmoid %x : tensor<7xf32, #moe.axes<expert>>
  %softplus = moe.softplus %x : tensor<7xf32, #moe.axes<expert>>
  %cdf = moe.normal_cdf %x : tensor<7xf32, #moe.axes<expert>>
  %sign = moe.sign %x : tensor<7xf32, #moe.axes<expert>>
  %detach = moe.detach %x : tensor<7xf32, #moe.axes<expert>>
  check.expect_close %sigmoid, dense<[0.5, 0.7310585786300049, 0.2689414213699951, 0.9933071490757153, 0.0066928509242848554, 1.0, 0.0]> : tensor<7xf64> within 1.2e-7 : tensor<7xf32, #moe.axes<expert>>
  check.expect_close %softplus, dense<[0.6931471805599453, 1.3132616875182228, 0.31326168751822286, 5.006715348489118, 0.006715348489118068, 200.0, 0.0]> : tensor<7xf64> within 1.2e-7 : tensor<7xf32, #moe.axes<expert>>
  check.expect_close %cdf, dense<[0.5, 0.8413447460685429, 0.15865525393145707, 0.9999997133484281, 2.866515718791939e-07, 1.0, 0.0]> : tensor<7xf64> within 1.2e-7 : tensor<7xf32, #moe.axes<expert>>
  check.expect_close %sign, dense<[0.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]> : tensor<7xf64> : tensor<7xf32, #moe.axes<expert>>
  check.expect_close %detach, dense<[0.0, 1.0, -1.0, 5.0, -5.0, 200.0, -200.0]> : tensor<7xf64> : tensor<7xf32, #moe.axes<expert>>
  %s0 = arith.addf %sigmoid, %softplus : tensor<7xf32, #moe.axes<expert>>
  %s1 = arith.addf %s0, %cdf : tensor<7xf32, #moe.axes<expert>>
  %s2 = arith.addf %s1, %sign : tensor<7xf32, #moe.axes<expert>>
  %s3 = arith.addf %s2, %detach : tensor<7xf32, #moe.axes<expert>>
  %r = moe.topk %s3 over expert : tensor<7xf32, #moe.axes<expert>> -> !moe.selection<[], expert, r.slot, 2>
  check.expect_eq %r, dense<[5, 3]> : tensor<2xi32> : !moe.selection<[], expert, r.slot, 2>
}
