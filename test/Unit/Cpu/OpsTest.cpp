// Each moe_kernel operation through the CPU lowering and the JIT, against the scalar interpreter, for sizes around the
// edges of strips, tiles, loops and register lists, in every variant that this machine runs.
#include "test/Unit/Cpu/KernelRunner.h"
#include <cmath>
#include <numeric>

using namespace moe;
using namespace moe::test;

//===-- Selection
//---------------------------------------------------------------------------------------------------===//

static const char *const selection = R"mlir(
moe_kernel.program @selection {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @mask input i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @index output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @value output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @masked output i32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @gathered output f32 axes ["token", "slot"] sizes [-1, $K]
  moe_kernel.buffer @kth output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @first output i32 axes ["token", "one"] sizes [-1, 1]
  moe_kernel.buffer @is_chosen output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @is_chosen_masked output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @is_first output i1 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @count metric i32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @count_masked metric i32 axes ["expert"] sizes [$E]
  moe_kernel.accumulator @n sum i32 sizes [$E]
  moe_kernel.accumulator @m sum i32 sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %mask = moe_kernel.load @mask : !moe_kernel.row<$Exi1>
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %j, %w = moe_kernel.topk %x mask %mask : !moe_kernel.row<$Exi1> : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Kxi32>, !moe_kernel.row<$Kxf32>
    %g = moe_kernel.gather %x[%j] : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Kxf32>
    %t = moe_kernel.extract %v[0] : !moe_kernel.row<$Kxf32> -> f32
    %f = moe_kernel.slice %i : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<1xi32>
    %c = moe_kernel.chosen %i : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    %d = moe_kernel.chosen %j : !moe_kernel.row<$Kxi32> -> !moe_kernel.row<$Exi1>
    %e = moe_kernel.chosen %f : !moe_kernel.row<1xi32> -> !moe_kernel.row<$Exi1>
    moe_kernel.count %i, @n : !moe_kernel.row<$Kxi32>
    moe_kernel.count %j, @m : !moe_kernel.row<$Kxi32>
    moe_kernel.store %i, @index : !moe_kernel.row<$Kxi32>
    moe_kernel.store %v, @value : !moe_kernel.row<$Kxf32>
    moe_kernel.store %j, @masked : !moe_kernel.row<$Kxi32>
    moe_kernel.store %g, @gathered : !moe_kernel.row<$Kxf32>
    moe_kernel.store %t, @kth : f32
    moe_kernel.store %f, @first : !moe_kernel.row<1xi32>
    moe_kernel.store %c, @is_chosen : !moe_kernel.row<$Exi1>
    moe_kernel.store %d, @is_chosen_masked : !moe_kernel.row<$Exi1>
    moe_kernel.store %e, @is_first : !moe_kernel.row<$Exi1>
  } finish {
    %n = moe_kernel.read @n : !moe_kernel.row<$Exi32>
    %m = moe_kernel.read @m : !moe_kernel.row<$Exi32>
    moe_kernel.store %n, @count : !moe_kernel.row<$Exi32>
    moe_kernel.store %m, @count_masked : !moe_kernel.row<$Exi32>
  }
}
)mlir";

static void checkSelection(int64_t e, int64_t k, llvm::ArrayRef<int64_t> tokens) {
  SCOPED_TRACE("E = " + std::to_string(e) + ", K = " + std::to_string(k));
  KernelRunner runner(fill(selection, e, k));
  for (int64_t t : tokens) {
    runner.expectSame(t, {{"x", wildNumbers(t * e, 1)}, {"mask", truthValues(t * e, 2, 0.6)}}, 0);
    runner.expectSame(t, {{"x", tameNumbers(t * e, 3)}, {"mask", truthValues(t * e, 4, 0.05)}}, 0);
    runner.expectSame(t, {{"x", Elements(t * e, 1.0)}, {"mask", Elements(t * e, 1.0)}}, 0);
  }
}

TEST(Selection, TiesNanAndMasksForEverySizeOfRow) {
  for (int64_t e : {1, 3, 8, 16, 17, 60, 64, 100, 256})
    checkSelection(e, std::min<int64_t>(e, 4), tokenCounts);
}

TEST(Selection, ListsInRegistersAndInMemory) {
  for (int64_t k : {1, 2, 5, 6, 15, 16, 17, 40})
    checkSelection(64, k, {1, 37});
}

TEST(Selection, AllElements) {
  for (int64_t e : {1, 2, 3, 8, 16, 17, 60})
    checkSelection(e, e, {1, 37});
}

TEST(Selection, LargestRow) { checkSelection(8192, 8192, {3}); }

//===-- Groups
//------------------------------------------------------------------------------------------------------===//

static const char *const groups = R"mlir(
moe_kernel.program @groups {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @sum output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @maximum output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @sign output i32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @spread output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @top output f32 axes ["token", "group"] sizes [-1, $G]
  moe_kernel.buffer @whole output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @last metric f32 axes ["group"] sizes [$G]
  moe_kernel.accumulator @P sum f32 sizes [$E]
  moe_kernel.pass rows {
    %zero = arith.constant 0.0 : f32
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %s = moe_kernel.map (%x : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exi32> {
    ^bb0(%a: f32):
      %0 = arith.cmpf ogt, %a, %zero : f32
      %1 = arith.extui %0 : i1 to i32
      moe_kernel.yield %1 : i32
    }
    %n = moe_kernel.reduce sum %s $groups : !moe_kernel.row<$Exi32> -> !moe_kernel.row<$Gxi32>
    %g = moe_kernel.reduce sum %x $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %m = moe_kernel.reduce max %x $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %all = moe_kernel.reduce min %x : !moe_kernel.row<$Exf32> -> f32
    %y = moe_kernel.expand %m $groups : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Exf32>
    %t = moe_kernel.group_top_sum %x, $n $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    moe_kernel.accumulate %y, @P : !moe_kernel.row<$Exf32>
    moe_kernel.store %g, @sum : !moe_kernel.row<$Gxf32>
    moe_kernel.store %m, @maximum : !moe_kernel.row<$Gxf32>
    moe_kernel.store %n, @sign : !moe_kernel.row<$Gxi32>
    moe_kernel.store %y, @spread : !moe_kernel.row<$Exf32>
    moe_kernel.store %t, @top : !moe_kernel.row<$Gxf32>
    moe_kernel.store %all, @whole : f32
  } finish {
    %P = moe_kernel.read @P : !moe_kernel.row<$Exf32>
    %t = moe_kernel.group_top_sum %P, $n $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %m = moe_kernel.reduce sum %P $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %e = moe_kernel.expand %m $groups : !moe_kernel.row<$Gxf32> -> !moe_kernel.row<$Exf32>
    %r = moe_kernel.reduce max %e $groups : !moe_kernel.row<$Exf32> -> !moe_kernel.row<$Gxf32>
    %u = moe_kernel.map (%t, %r : !moe_kernel.row<$Gxf32>, !moe_kernel.row<$Gxf32>) -> !moe_kernel.row<$Gxf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %a, %b : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %u, @last : !moe_kernel.row<$Gxf32>
  }
}
)mlir";

/// `map` empty: equal blocks.
static void checkGroups(int64_t e, int64_t g, int64_t n, const std::vector<int32_t> &map) {
  SCOPED_TRACE("E = " + std::to_string(e) + ", G = " + std::to_string(g) + ", n = " + std::to_string(n));
  std::string attribute;
  for (int32_t group : map)
    attribute += (attribute.empty() ? "" : ", ") + std::to_string(group);
  std::string text =
      fill(groups, {{"groups", map.empty() ? "" : "groups [" + attribute + "]"}, {"n", std::to_string(n)}});
  KernelRunner runner(fill(text, e, 1, g));
  for (int64_t t : {1, 37, 95})
    runner.expectSame(t, {{"x", tameNumbers(t * e, 5)}}, 1e-5);
}

TEST(Groups, EqualBlocks) {
  checkGroups(1, 1, 1, {});
  checkGroups(8, 8, 1, {});
  checkGroups(64, 8, 2, {});
  checkGroups(60, 4, 3, {});
  checkGroups(256, 8, 2, {});
  checkGroups(100, 1, 20, {});
  checkGroups(64, 2, 32, {});
}

TEST(Groups, UnevenMaps) {
  checkGroups(3, 2, 1, {1, 0, 1});
  std::vector<int32_t> map(60);
  for (int32_t e = 0; e < 60; ++e)
    map[e] = e < 5 ? 0 : e % 3 == 0 ? 1 : 2;
  checkGroups(60, 3, 2, map);
  checkGroups(60, 3, 5, map);
  std::vector<int32_t> contiguous(100, 1);
  std::fill_n(contiguous.begin(), 30, 0);
  checkGroups(100, 2, 20, contiguous);
}

TEST(Groups, TopSumOfWildNumbers) {
  KernelRunner runner(fill(fill(groups, {{"groups", ""}, {"n", "2"}}), 16, 1, 4));
  Arrays inputs = {{"x", wildNumbers(37 * 16, 6)}};
  Arrays got = inputs, expected;
  runner.run(0, 37, got);
  expected["x"] = inputs["x"];
  interpret(runner.program(), 37, expected);
  for (size_t i = 0; i < expected["top"].size(); ++i) {
    if (std::isnan(expected["top"][i]))
      EXPECT_TRUE(std::isnan(got["top"][i])) << i;
    else
      EXPECT_EQ(got["top"][i], expected["top"][i]) << i;
  }
}

//===-- Maps, reductions, accumulators
//------------------------------------------------------------------------------===//

static const char *const sums = R"mlir(
moe_kernel.program @sums {
  moe_kernel.buffer @scale param f32 axes [] sizes [] init 2.0
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @bias input f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @weight input bf16 axes ["token"] sizes [-1]
  moe_kernel.buffer @softmax output f32 axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @picked output f32 axes ["token", "slot"] sizes [-1, 1]
  moe_kernel.buffer @limits output f32 axes ["token", "limit"] sizes [-1, 3]
  moe_kernel.buffer @logsum output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @mean metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @total loss f32 axes [] sizes []
  moe_kernel.buffer @lowest metric f32 axes ["expert"] sizes [$E]
  moe_kernel.buffer @highest metric f32 axes [] sizes []
  moe_kernel.buffer @positive status i32 axes [] sizes []
  moe_kernel.buffer @tokens status i32 axes [] sizes []
  moe_kernel.accumulator @P sum f32 sizes [$E]
  moe_kernel.accumulator @Q sum f64 sizes []
  moe_kernel.accumulator @low min f32 sizes [$E]
  moe_kernel.accumulator @high maxnum f32 sizes []
  moe_kernel.accumulator @top max f32 sizes []
  moe_kernel.accumulator @bits sum i32 sizes []
  moe_kernel.pass rows {
    %zero = arith.constant 0.0 : f32
    %x = moe_kernel.load @x : !moe_kernel.row<$Exf32>
    %bias = moe_kernel.load @bias : !moe_kernel.row<$Exf32>
    %w = moe_kernel.load @weight : f32
    %scale = moe_kernel.load @scale : f32
    %b = moe_kernel.map (%x, %bias : !moe_kernel.row<$Exf32>, !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32, %c: f32):
      %p = moe_kernel.position : i32
      %f = arith.sitofp %p : i32 to f32
      %0 = arith.divf %f, %scale : f32
      %1 = arith.addf %a, %c : f32
      %2 = arith.subf %1, %0 : f32
      moe_kernel.yield %2 : f32
    }
    %m = moe_kernel.reduce maxnum %b : !moe_kernel.row<$Exf32> -> f32
    %hi = moe_kernel.reduce max %b : !moe_kernel.row<$Exf32> -> f32
    %lo = moe_kernel.reduce min %b : !moe_kernel.row<$Exf32> -> f32
    %e = moe_kernel.map (%b : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.subf %a, %m : f32
      %1 = math.exp %0 : f32
      moe_kernel.yield %1 : f32
    }
    %z = moe_kernel.reduce sum %e : !moe_kernel.row<$Exf32> -> f32
    %s = moe_kernel.map (%e : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.divf %a, %z : f32
      moe_kernel.yield %0 : f32
    }
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<$Exf32> -> !moe_kernel.row<1xi32>, !moe_kernel.row<1xf32>
    %picked = moe_kernel.gather %bias[%i] : !moe_kernel.row<$Exf32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<1xf32>
    %limits = moe_kernel.map -> !moe_kernel.row<3xf32> {
      %p = moe_kernel.position : i32
      %one = arith.constant 1 : i32
      %c0 = arith.cmpi slt, %p, %one : i32
      %c1 = arith.cmpi eq, %p, %one : i32
      %0 = arith.select %c1, %hi, %w : f32
      %1 = arith.select %c0, %lo, %0 : f32
      moe_kernel.yield %1 : f32
    }
    %l = math.log %z : f32
    %wide = arith.extf %l : f32 to f64
    %pos = arith.cmpf ogt, %l, %zero : f32
    %bit = arith.extui %pos : i1 to i32
    moe_kernel.accumulate %s, @P : !moe_kernel.row<$Exf32>
    moe_kernel.accumulate %wide, @Q : f64
    moe_kernel.accumulate %b, @low : !moe_kernel.row<$Exf32>
    moe_kernel.accumulate %m, @high : f32
    moe_kernel.accumulate %hi, @top : f32
    moe_kernel.accumulate %bit, @bits : i32
    moe_kernel.store %s, @softmax : !moe_kernel.row<$Exf32>
    moe_kernel.store %picked, @picked : !moe_kernel.row<1xf32>
    moe_kernel.store %limits, @limits : !moe_kernel.row<3xf32>
    moe_kernel.store %l, @logsum : f32
  } finish {
    %t = moe_kernel.size : i32
    %tf = arith.sitofp %t : i32 to f32
    %P = moe_kernel.read @P : !moe_kernel.row<$Exf32>
    %mean = moe_kernel.map (%P : !moe_kernel.row<$Exf32>) -> !moe_kernel.row<$Exf32> {
    ^bb0(%a: f32):
      %0 = arith.divf %a, %tf : f32
      moe_kernel.yield %0 : f32
    }
    %Q = moe_kernel.read @Q : f64
    %q = arith.truncf %Q : f64 to f32
    %low = moe_kernel.read @low : !moe_kernel.row<$Exf32>
    %high = moe_kernel.read @high : f32
    %top = moe_kernel.read @top : f32
    %both = arith.subf %high, %top : f32
    %bits = moe_kernel.read @bits : i32
    moe_kernel.store %mean, @mean : !moe_kernel.row<$Exf32>
    moe_kernel.store %q, @total : f32
    moe_kernel.store %low, @lowest : !moe_kernel.row<$Exf32>
    moe_kernel.store %both, @highest : f32
    moe_kernel.store %bits, @positive : i32
    moe_kernel.store %t, @tokens : i32
  }
}
)mlir";

TEST(Sums, MapsReductionsAndAccumulators) {
  for (int64_t e : {1, 3, 8, 16, 17, 60, 64, 100, 256}) {
    SCOPED_TRACE("E = " + std::to_string(e));
    KernelRunner runner(fill(sums, e));
    for (int64_t t : tokenCounts)
      runner.expectSame(
          t,
          {{"scale", {16}}, {"x", tameNumbers(t * e, 7)}, {"bias", tameNumbers(e, 8)}, {"weight", tameNumbers(t, 9)}},
          1e-5);
  }
}

TEST(Sums, NonFiniteTokensStayInTheirLane) {
  KernelRunner runner(fill(sums, 8));
  Arrays inputs = {
      {"scale", {16}}, {"x", tameNumbers(37 * 8, 7)}, {"bias", Elements(8, 0.0)}, {"weight", Elements(37, 1.0)}};
  inputs["x"][3 * 8 + 2] = NAN;
  inputs["x"][36 * 8] = INFINITY;
  runner.expectSame(37, inputs, 1e-5);
}

//===-- Functions
//---------------------------------------------------------------------------------------------------===//

static const char *const exponentials = R"mlir(
moe_kernel.program @exponentials {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 16]
  moe_kernel.buffer @natural output f32 axes ["token", "expert"] sizes [-1, 16]
  moe_kernel.buffer @binary output f32 axes ["token", "expert"] sizes [-1, 16]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<16xf32>
    %n, %b = moe_kernel.map (%x : !moe_kernel.row<16xf32>) -> !moe_kernel.row<16xf32>, !moe_kernel.row<16xf32> {
    ^bb0(%a: f32):
      %0 = math.exp %a : f32
      %1 = math.exp2 %a : f32
      moe_kernel.yield %0, %1 : f32, f32
    }
    moe_kernel.store %n, @natural : !moe_kernel.row<16xf32>
    moe_kernel.store %b, @binary : !moe_kernel.row<16xf32>
  } finish {
  }
}
)mlir";

TEST(Functions, ScalingHasTheSameBitsFromUnderflowToOverflow) {
  KernelRunner runner(exponentials);
  Elements x = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38};
  // Where results become denormal, zero and infinite, densely; in between, coarsely.
  for (double low : {-152.0, -104.5, -88.5, 87.0, 127.0})
    for (int i = 0; i < 400; ++i)
      x.push_back(static_cast<float>(low + i / 128.0));
  for (double value = -160; value < 135; value += 0.37)
    x.push_back(static_cast<float>(value));
  x.resize(x.size() / 16 * 16);
  runner.expectSame(static_cast<int64_t>(x.size()) / 16, {{"x", x}}, 2e-7);
}

//===-- Element types
//-----------------------------------------------------------------------------------------------===//

static const char *const copies = R"mlir(
moe_kernel.program @copies {
  moe_kernel.buffer @x input $type axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @row input $type axes ["expert"] sizes [$E]
  moe_kernel.buffer @y output $type axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @z output $type axes ["token", "expert"] sizes [-1, $E]
  moe_kernel.buffer @w metric $type axes ["expert"] sizes [$E]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<$Ex$register>
    %row = moe_kernel.load @row : !moe_kernel.row<$Ex$register>
    moe_kernel.store %x, @y : !moe_kernel.row<$Ex$register>
    moe_kernel.store %row, @z : !moe_kernel.row<$Ex$register>
  } finish {
    %row = moe_kernel.load @row : !moe_kernel.row<$Ex$register>
    moe_kernel.store %row, @w : !moe_kernel.row<$Ex$register>
  }
}
)mlir";

TEST(Types, LoadsAndStoresKeepEveryValue) {
  for (const char *type : {"f32", "f64", "bf16", "f16", "i32", "i1"})
    for (int64_t e : {1, 2, 3, 4, 5, 8, 17, 64, 100}) {
      SCOPED_TRACE(std::string(type) + ", E = " + std::to_string(e));
      bool isTruth = std::string(type) == "i1", isInteger = isTruth || std::string(type) == "i32";
      std::string reg = type == std::string("bf16") || type == std::string("f16") ? "f32" : type;
      KernelRunner runner(fill(fill(copies, {{"type", type}, {"register", reg}}), e));
      for (int64_t t : tokenCounts) {
        auto numbers = [&](size_t n, unsigned seed) {
          Elements values = isTruth     ? truthValues(n, seed, 0.5)
                            : isInteger ? tameNumbers(n, seed)
                                        : wildNumbers(n, seed);
          for (double &value : values)
            value = isInteger && !isTruth ? std::floor(value * 1e6) : value;
          return values;
        };
        runner.expectSame(t, {{"x", numbers(t * e, 10)}, {"row", numbers(e, 11)}}, 0);
      }
    }
}

static const char *const rounding = R"mlir(
moe_kernel.program @rounding {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @b output bf16 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @h output f16 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    moe_kernel.store %x, @b : !moe_kernel.row<4xf32>
    moe_kernel.store %x, @h : !moe_kernel.row<4xf32>
  } finish {
  }
}
)mlir";

TEST(Types, StoresRoundToNearestEven) {
  KernelRunner runner(rounding);
  ASSERT_TRUE(runner.isReady());
  // Halfway cases to both sides, above halfway, overflow to infinity, NaN.
  double low = 1 + 0x1p-8, high = 1 + 3 * 0x1p-8, above = 1 + 0x1p-8 + 0x1p-20, half = 1 + 0x1p-11;
  Arrays arrays = {{"x", {low, high, above, half, 3.4e38, -3.4e38, NAN, 65520}}};
  runner.run(0, 2, arrays);
  EXPECT_EQ(arrays["b"][0], 1);
  EXPECT_EQ(arrays["b"][1], 1 + 4 * 0x1p-8);
  EXPECT_EQ(arrays["b"][2], 1 + 2 * 0x1p-8);
  EXPECT_EQ(arrays["b"][4], INFINITY);
  EXPECT_EQ(arrays["b"][5], -INFINITY);
  EXPECT_TRUE(std::isnan(arrays["b"][6]));
  EXPECT_EQ(arrays["h"][3], 1);
  EXPECT_EQ(arrays["h"][4], INFINITY);
  EXPECT_TRUE(std::isnan(arrays["h"][6]));
  EXPECT_EQ(arrays["h"][7], INFINITY);
}
