// What only backward programs need of the CPU target: scatter, saved arrays, outputs that are added to, and values that
// are the same for all tokens. Against the scalar interpreter, in every variant that this machine runs.
#include "test/Unit/Cpu/KernelRunner.h"
#include <cmath>
#include <random>

using namespace moe;
using namespace moe::test;

/// Positions of a route: mostly within 0 … n - 1 and with repetitions, a few outside.
static Elements positions(size_t count, int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  const double outside[] = {-1, -2, static_cast<double>(n), static_cast<double>(n + 1), INT32_MIN, INT32_MAX};
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(random() % 6 == 0 ? outside[random() % 6] : static_cast<double>(random() % n));
  return result;
}

/// Eighths between -8 and 8: their sums are exact, but 1 / 3 of them are not.
static Elements thirds(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(static_cast<float>((static_cast<int>(random() % 128) - 64) / 24.0));
  return result;
}

//===-- Scatter
//-----------------------------------------------------------------------------------------------------===//

static const char *const scatter = R"mlir(
moe_kernel.program @scatter {
  moe_kernel.buffer @w input f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @i input i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @c input f32 axes ["slot"] sizes [$K]
  moe_kernel.buffer @j input i32 axes ["slot"] sizes [$K]
  moe_kernel.buffer @both output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @sum output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @here output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @there output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @fixed output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @back output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @wide output f64 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @once metric f32 axes ["expert"] sizes [$E]
  moe_kernel.pass rows {
    %w = moe_kernel.load @w : !moe_kernel.row<$Kxf32>
    %i = moe_kernel.load @i : !moe_kernel.row<$Kxi32>
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %c = moe_kernel.load @c : !moe_kernel.row<$Kxf32>
    %j = moe_kernel.load @j : !moe_kernel.row<$Kxi32>
    %both = moe_kernel.scatter %w to %i : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %here = moe_kernel.scatter %c to %i : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %there = moe_kernel.scatter %w to %j : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %fixed = moe_kernel.scatter %c to %j : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %sum = moe_kernel.map (%x, %both, %fixed : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32, %d: f32):
      %0 = arith.addf %a, %b : f32
      %1 = arith.addf %0, %d : f32
      moe_kernel.yield %1 : f32
    }
    %back = moe_kernel.gather %both[%i] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    %v = moe_kernel.map (%w : !moe_kernel.row<$Kxf32>) -> !moe_kernel.row<$Kxf64> {
    ^bb0(%a: f32):
      %0 = arith.extf %a : f32 to f64
      moe_kernel.yield %0 : f64
    }
    %wide = moe_kernel.scatter %v to %i : !moe_kernel.row<$Kxf64>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf64>
    moe_kernel.store %both, @both : !moe_kernel.row<$Exf32>
    moe_kernel.store %here, @here : !moe_kernel.row<$Exf32>
    moe_kernel.store %there, @there : !moe_kernel.row<$Exf32>
    moe_kernel.store %fixed, @fixed : !moe_kernel.row<$Exf32>
    moe_kernel.store %sum, @sum : !moe_kernel.row<$Exf32>
    moe_kernel.store %back, @back : !moe_kernel.row<$Kxf32>
    moe_kernel.store %wide, @wide : !moe_kernel.row<$Exf64>
  } finish {
    %c = moe_kernel.load @c : !moe_kernel.row<$Kxf32>
    %j = moe_kernel.load @j : !moe_kernel.row<$Kxi32>
    %once = moe_kernel.scatter %c to %j : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    moe_kernel.store %once, @once : !moe_kernel.row<$Exf32>
  }
}
)mlir";

TEST(Scatter, AddsInOrderAndIgnoresWhatIsOutside) {
  for (int64_t e : {1, 3, 17, 64, 896})
    for (int64_t k : {1, 6, 17}) {
      SCOPED_TRACE("E = " + std::to_string(e) + ", K = " + std::to_string(k));
      KernelRunner runner(fill(scatter, e, k));
      for (int64_t t : {int64_t(0), int64_t(1), int64_t(37), int64_t(95)})
        runner.expectSame(t,
                          {{"w", thirds(t * k, 1)},
                           {"i", positions(t * k, e, 2)},
                           {"x", thirds(t * e, 3)},
                           {"c", thirds(k, 4)},
                           {"j", positions(k, e, 5)}},
                          0);
    }
}

TEST(Scatter, OrderOfSlotsIsTheOrderOfAdditions) {
  KernelRunner runner(fill(scatter, 4, 3));
  ASSERT_TRUE(runner.isReady());
  Arrays arrays = {
      {"w", {1e8, 1, -1e8}}, {"i", {2, 2, 2}}, {"x", Elements(4, 0.0)}, {"c", {1, 1, 1}}, {"j", {0, 0, 0}}};
  runner.run(0, 1, arrays);
  EXPECT_EQ(arrays["both"][2], 0); // (1e8 + 1) - 1e8 in f32; any other order gives 1
  EXPECT_EQ(arrays["wide"][2], 1);
}

TEST(Scatter, NanAndInfinityStayAtTheirPosition) {
  KernelRunner runner(fill(scatter, 8, 2));
  Arrays inputs = {{"w", wildNumbers(37 * 2, 1)},
                   {"i", positions(37 * 2, 8, 2)},
                   {"x", Elements(37 * 8, 0.0)},
                   {"c", {NAN, INFINITY}},
                   {"j", {-1, 3}}};
  runner.expectSame(37, inputs, 0);
}

//===-- Saved arrays
//------------------------------------------------------------------------------------------------===//

static const char *const keeps = R"mlir(
moe_kernel.program @keeps {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @best saved bf16 axes ["token"] sizes [-1]
  moe_kernel.buffer @mean saved f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @greatest saved f32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %best = moe_kernel.extract %v[0] : !moe_kernel.row<$Kxf32> -> f32
    moe_kernel.accumulate %x, @P : !moe_kernel.row<$Exf32>
    moe_kernel.store %i, @route : !moe_kernel.row<$Kxi32>
    moe_kernel.store %best, @best : f32
    moe_kernel.store %x, @y : !moe_kernel.row<$Exf32>
  } finish {
    %P = moe_kernel.read @P : !moe_kernel.row<$Exf32>
    %m = moe_kernel.reduce max %P : !moe_kernel.row<$Exf32> -> f32
    moe_kernel.store %P, @mean : !moe_kernel.row<$Exf32>
    moe_kernel.store %m, @greatest : f32
  }
}
)mlir";

TEST(Saved, ForwardWritesWhatIsKept) {
  for (int64_t e : {2, 5, 64}) {
    KernelRunner runner(fill(keeps, e, 2));
    for (int64_t t : tokenCounts) {
      SCOPED_TRACE("E = " + std::to_string(e));
      Arrays inputs = {{"x", tameNumbers(t * e, 1)}};
      runner.expectSame(t, inputs, 1e-5);
      runner.expectSame(t, inputs, 1e-5, {MOE_FORWARD, {"route"}});
      runner.expectSame(t, inputs, 1e-5, {MOE_FORWARD, {"best", "mean"}});
      runner.expectSame(t, inputs, 1e-5, {MOE_FORWARD, {"route", "best", "mean", "greatest"}});
    }
  }
}

/// The derivative of a gate by hand: sum_e s_e m_e over the experts, and weights taken from the scores at the route.
static const char *const uses = R"mlir(
moe_kernel.program @uses_backward {
  moe_kernel.buffer @logits input $type axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @grad_weight input f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @scale param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @route saved i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @best saved bf16 axes ["token"] sizes [-1]
  moe_kernel.buffer @mean saved f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @greatest saved f32 axes [] sizes []
  moe_kernel.buffer @grad_logits output $type axes ["token", "expert"] sizes [-1, $E] adds
  moe_kernel.pass rows {
    %x = moe_kernel.load @logits : !moe_kernel.row<$Exf32>
    %g = moe_kernel.load @grad_weight : !moe_kernel.row<$Kxf32>
    %scale = moe_kernel.load @scale : f32
    %i = moe_kernel.load @route : !moe_kernel.row<$Kxi32>
    %best = moe_kernel.load @best : f32
    %mean = moe_kernel.load @mean : !moe_kernel.row<$Exf32>
    %greatest = moe_kernel.load @greatest : f32
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f32
    %factor = arith.divf %scale, %tf : f32
    %d = moe_kernel.scatter %g to %i : !moe_kernel.row<$Kxf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exf32>
    %m = moe_kernel.reduce maxnum %x : !moe_kernel.row<$Exf32> -> f32
    %u = moe_kernel.map (%x : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.subf %a, %m : f32
      %1 = math.exp %0 : f32
      moe_kernel.yield %1 : f32
    }
    %z = moe_kernel.reduce sum %u : !moe_kernel.row<$Exf32> -> f32
    %s, %h = moe_kernel.map (%u, %d, %mean : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %0 = arith.divf %a, %z : f32
      %1 = arith.subf %c, %greatest : f32
      %2 = arith.mulf %1, %factor : f32
      %3 = arith.addf %b, %2 : f32
      moe_kernel.yield %0, %3 : f32, f32
    }
    %p = moe_kernel.map (%s, %h : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      moe_kernel.yield %0 : f32
    }
    %q = moe_kernel.reduce sum %p : !moe_kernel.row<$Exf32> -> f32
    %y = moe_kernel.map (%s, %h : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.subf %b, %q : f32
      %1 = arith.mulf %a, %0 : f32
      %2 = arith.addf %1, %best : f32
      moe_kernel.yield %2 : f32
    }
    moe_kernel.store %y, @grad_logits : !moe_kernel.row<$Exf32>
  } finish {
  }
}
)mlir";

TEST(Saved, BackwardReadsThem) {
  for (const char *type : {"f32", "bf16", "f16"})
    for (int64_t e : {1, 2, 5, 14, 64, 256}) {
      int64_t k = std::min<int64_t>(e, 6);
      KernelRunner runner(fill(fill(uses, {{"type", type}}), e, k));
      for (int64_t t : tokenCounts) {
        SCOPED_TRACE(std::string(type) + ", E = " + std::to_string(e));
        Arrays inputs = {{"logits", tameNumbers(t * e, 1)},
                         {"grad_weight", tameNumbers(t * k, 2)},
                         {"scale", {3}},
                         {"route", positions(t * k, e, 3)},
                         {"best", tameNumbers(t, 4)},
                         {"mean", tameNumbers(e, 5)},
                         {"greatest", {2.5}},
                         {"grad_logits", tameNumbers(t * e, 6)}};
        double tolerance = type == std::string("f32") ? 1e-5 : type == std::string("f16") ? 1e-3 : 8e-3;
        runner.expectSame(t, inputs, tolerance);
        runner.expectSame(t, inputs, tolerance, {MOE_FORWARD | MOE_ADD, {}});
      }
    }
}

//===-- Outputs that are added to
//-----------------------------------------------------------------------------------===//

static const char *const adds = R"mlir(
moe_kernel.program @adds {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @z input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @grad output $type axes ["token", "expert"] sizes [-1, $E] adds
  moe_kernel.buffer @plain output $type axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @one output $type axes ["token"] sizes [-1] adds
  moe_kernel.buffer @bias output $type axes ["expert"] sizes [$E] adds
  moe_kernel.buffer @total output $type axes [] sizes [] adds
  moe_kernel.accumulator @B sum f32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %z = moe_kernel.load @z : f32
    moe_kernel.accumulate %x, @B : !moe_kernel.row<$Exf32>
    $widen
    moe_kernel.store %y, @grad : !moe_kernel.row<$Ex$register>
    moe_kernel.store %y, @plain : !moe_kernel.row<$Ex$register>
    moe_kernel.store %v, @one : $register
  } finish {
    %x = moe_kernel.read @B : !moe_kernel.row<$Exf32>
    %z = moe_kernel.reduce max %x : !moe_kernel.row<$Exf32> -> f32
    $widen
    moe_kernel.store %y, @bias : !moe_kernel.row<$Ex$register>
    moe_kernel.store %v, @total : $register
  }
}
)mlir";

/// %y and %v: the row %x and the scalar %z, times 1.
static std::string addsText(const std::string &type, int64_t e) {
  bool isWide = type == "f64";
  std::string widen = R"(
    %one = arith.constant 1.0 : f32
    %y = moe_kernel.map (%x : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Ex$register> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %one : f32
      $cast
      moe_kernel.yield %c : $register
    }
    %w = arith.mulf %z, %one : f32
    $scalar)";
  std::string cast = isWide ? "%c = arith.extf %0 : f32 to f64" : "%c = arith.mulf %0, %one : f32";
  std::string scalar = isWide ? "%v = arith.extf %w : f32 to f64" : "%v = arith.mulf %w, %one : f32";
  return fill(fill(fill(adds, {{"widen", widen}}),
                   {{"cast", cast}, {"scalar", scalar}, {"register", isWide ? "f64" : "f32"}, {"type", type}}),
              e);
}

TEST(Adds, ToWhatStandsInTheArray) {
  for (const char *type : {"f32", "bf16", "f16", "f64"})
    for (int64_t e : {1, 2, 3, 4, 14, 17, 64}) {
      KernelRunner runner(addsText(type, e));
      for (int64_t t : tokenCounts) {
        SCOPED_TRACE(std::string(type) + ", E = " + std::to_string(e));
        // Sums of eighths are exact in any order; those in the arrays are not.
        Elements eighths = thirds(t * e, 1);
        for (double &value : eighths)
          value = std::round(value * 8) / 8;
        Arrays inputs = {{"x", eighths},
                         {"z", tameNumbers(t, 2)},
                         {"grad", tameNumbers(t * e, 3)},
                         {"one", tameNumbers(t, 4)},
                         {"bias", tameNumbers(e, 5)},
                         {"total", {0.3}}};
        runner.expectSame(t, inputs, 0);
        runner.expectSame(t, inputs, 0, {MOE_FORWARD | MOE_ADD, {}});
      }
    }
}

TEST(Adds, RoundOnce) {
  KernelRunner runner(addsText("bf16", 1));
  ASSERT_TRUE(runner.isReady());
  // Just below and just above the middle of 1 and the next bf16; x rounded on its own would be that middle, and go
  // to 1.
  Arrays arrays = {{"x", {0x1p-8 - 0x1p-20, 0x1p-8 + 0x1p-20}}, {"z", {0, 0}}, {"grad", {1, 1}}};
  runner.run(0, 2, arrays, {MOE_FORWARD | MOE_ADD, {}});
  EXPECT_EQ(arrays["grad"][0], 1);
  EXPECT_EQ(arrays["grad"][1], 1 + 0x1p-7);
}

//===-- The same for all tokens
//-------------------------------------------------------------------------------------===//

static const char *const uniform = R"mlir(
moe_kernel.program @uniform {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @i input i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @a input f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @b input bf16 axes ["expert"] sizes [$E]
  moe_kernel.buffer @m input i1 axes ["expert"] sizes [$E]
  moe_kernel.buffer @n input i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @p param f32 axes [] sizes [] init 1.0
  moe_kernel.buffer @mixed output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @row output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @truth output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @spread output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @top output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @is_top output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @ga output f32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @gb output f32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @gm output i1 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @gn output i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @gx output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @scalar output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @positive output i1 axes ["token"] sizes [-1]
  moe_kernel.accumulator @A sum f32 sizes [$E]
  moe_kernel.accumulator @N sum i32 sizes [$E]
  moe_kernel.buffer @sum metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @count metric i32 axes ["expert"] sizes [$E]
  moe_kernel.pass rows {
    %zero = arith.constant 0.0 : f32
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %i = moe_kernel.load @i : !moe_kernel.row<3xi32>
    %a = moe_kernel.load @a : !moe_kernel.row<$Exf32>
    %b = moe_kernel.load @b : !moe_kernel.row<$Exf32>
    %m = moe_kernel.load @m : !moe_kernel.row<$Exi1>
    %n = moe_kernel.load @n : !moe_kernel.row<$Exi32>
    %p = moe_kernel.load @p : f32
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f32
    %q = arith.mulf %p, %tf : f32
    %pos = arith.cmpf ogt, %p, %zero : f32
    // One map that is partly the same for all tokens: a row, a scalar, and something of both.
    %mixed, %row, %truth = moe_kernel.map (%x, %a, %b, %m, %n : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exi1>, !moe_kernel.row<$Exi32>) -> !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exi1> {
    ^bb0(%v: f32, %c: f32, %d: f32, %h: i1, %j: i32):
      %half = arith.constant 0.5 : f32
      %e = moe_kernel.position : i32
      %ef = arith.sitofp %e : i32 to f32
      %0 = arith.addf %c, %d : f32
      %1 = arith.mulf %0, %p : f32
      %2 = arith.mulf %p, %half : f32
      %3 = arith.addf %1, %2 : f32
      %4 = arith.select %h, %3, %ef : f32
      %5 = arith.addf %v, %4 : f32
      %6 = arith.cmpi sgt, %j, %e : i32
      %7 = arith.select %6, %5, %c : f32
      %8 = arith.addf %7, %ef : f32
      moe_kernel.yield %8, %4, %6 : f32, f32, i1
    }
    %g = moe_kernel.reduce sum %row : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %z = moe_kernel.reduce max %g : !moe_kernel.row<$Gxf32> -> f32
    %spread = moe_kernel.expand %g : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Exf32>
    %top, %val = moe_kernel.topk %a mask %m : !moe_kernel.row<$Exi1> : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %is = moe_kernel.chosen %top : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    %ga = moe_kernel.gather %a[%i] : !moe_kernel.row<$Exf32>, !moe_kernel.row<3xi32> -> !moe_kernel.row<3xf32>
    %gb = moe_kernel.gather %b[%i] : !moe_kernel.row<$Exf32>, !moe_kernel.row<3xi32> -> !moe_kernel.row<3xf32>
    %gm = moe_kernel.gather %m[%i] : !moe_kernel.row<$Exi1>, !moe_kernel.row<3xi32> -> !moe_kernel.row<3xi1>
    %gn = moe_kernel.gather %n[%i] : !moe_kernel.row<$Exi32>, !moe_kernel.row<3xi32> -> !moe_kernel.row<3xi32>
    %gx = moe_kernel.gather %x[%top] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    %r = moe_kernel.reduce sum %x : !moe_kernel.row<$Exf32> -> f32
    %s = arith.mulf %r, %zero : f32
    %u = arith.addf %s, %z : f32
    %w = arith.addf %u, %q : f32
    moe_kernel.accumulate %row, @A : !moe_kernel.row<$Exf32>
    moe_kernel.count %top, @N : !moe_kernel.row<$Kxi32>
    moe_kernel.store %mixed, @mixed : !moe_kernel.row<$Exf32>
    moe_kernel.store %row, @row : !moe_kernel.row<$Exf32>
    moe_kernel.store %truth, @truth : !moe_kernel.row<$Exi1>
    moe_kernel.store %spread, @spread : !moe_kernel.row<$Exf32>
    moe_kernel.store %top, @top : !moe_kernel.row<$Kxi32>
    moe_kernel.store %is, @is_top : !moe_kernel.row<$Exi1>
    moe_kernel.store %ga, @ga : !moe_kernel.row<3xf32>
    moe_kernel.store %gb, @gb : !moe_kernel.row<3xf32>
    moe_kernel.store %gm, @gm : !moe_kernel.row<3xi1>
    moe_kernel.store %gn, @gn : !moe_kernel.row<3xi32>
    moe_kernel.store %gx, @gx : !moe_kernel.row<$Kxf32>
    moe_kernel.store %w, @scalar : f32
    moe_kernel.store %pos, @positive : i1
  } finish {
    %A = moe_kernel.read @A : !moe_kernel.row<$Exf32>
    %N = moe_kernel.read @N : !moe_kernel.row<$Exi32>
    moe_kernel.store %A, @sum : !moe_kernel.row<$Exf32>
    moe_kernel.store %N, @count : !moe_kernel.row<$Exi32>
  }
}
)mlir";

TEST(Uniform, RowsAndScalarsOfEveryKind) {
  for (int64_t e : {2, 6, 16, 34, 64, 100})
    for (int64_t k : {int64_t(1), std::min<int64_t>(e, 20)}) {
      SCOPED_TRACE("E = " + std::to_string(e) + ", K = " + std::to_string(k));
      KernelRunner runner(fill(uniform, e, k, 2));
      for (int64_t t : tokenCounts) {
        Elements n;
        for (double value : tameNumbers(e, 7))
          n.push_back(std::floor(value * 20));
        runner.expectSame(t,
                          {{"x", tameNumbers(t * e, 1)},
                           {"i", positions(t * 3, e, 2)},
                           {"a", tameNumbers(e, 3)},
                           {"b", tameNumbers(e, 4)},
                           {"m", truthValues(e, 5, 0.8)},
                           {"n", n},
                           {"p", {0.75}}},
                          2e-5);
      }
    }
}
