// The scalar interpreter of moe_kernel, which the tests of both targets compare with, against values known by hand:
// what tokens, pieces and passes hand to each other.
#include "test/Support/KernelInterpreter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace moe;
using namespace moe::test;

namespace {

class Program {
public:
  explicit Program(const std::string &text) {
    context.loadDialect<kernel::MoeKernelDialect, arith::ArithDialect, math::MathDialect>();
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      ADD_FAILURE() << "the program does not parse:\n" << text;
  }
  bool isReady() const { return static_cast<bool>(module); }
  /// The program of that name.
  kernel::ProgramOp operator[](StringRef name) { return module->lookupSymbol<kernel::ProgramOp>(name); }

private:
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// Five tokens in three sequences, the second one empty; each with a choice of two of three elements.
const char *const sequences = R"(
moe_kernel.program @p piece_offsets @bounds {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @choice input i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @bounds input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @scale input f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @scaled output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @place output i64 axes ["token"] sizes [-1]
  moe_kernel.buffer @load output i16 axes ["sequence", "expert"] sizes [-2, 3]
  moe_kernel.buffer @sums output f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @numbers output i32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @greatest metric f32 axes [] sizes []
  moe_kernel.buffer @total metric i32 axes ["expert"] sizes [3]
  moe_kernel.buffer @count metric i32 axes [] sizes []
  moe_kernel.accumulator @s sum f32 sizes [] per_piece
  moe_kernel.accumulator @c sum i32 sizes [3] per_piece
  moe_kernel.accumulator @all sum i32 sizes [3]
  moe_kernel.accumulator @most max f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    %f = moe_kernel.load @scale : f32
    %i = moe_kernel.load @choice : !moe_kernel.row<2xi32>
    %y = arith.mulf %x, %f : f32
    moe_kernel.store %y, @scaled : f32
    moe_kernel.accumulate %x, @s : f32
    moe_kernel.count %i, @c : !moe_kernel.row<2xi32>
    moe_kernel.count %i, @all : !moe_kernel.row<2xi32>
    %t = moe_kernel.index token : i32
    %b = moe_kernel.index piece_begin : i32
    %d = arith.subi %t, %b : i32
    moe_kernel.store %d, @place : i32
  } pieces {
    %s = moe_kernel.read @s : f32
    %c = moe_kernel.read @c : !moe_kernel.row<3xi32>
    %f = moe_kernel.load @scale : f32
    moe_kernel.store %s, @sums : f32
    moe_kernel.store %c, @load : !moe_kernel.row<3xi32>
    %p = moe_kernel.index piece : i32
    %n = moe_kernel.index piece_size : i32
    %ten = arith.constant 10 : i32
    %q = arith.muli %p, %ten : i32
    %r = arith.addi %q, %n : i32
    moe_kernel.store %r, @numbers : i32
    moe_kernel.accumulate %s, @most : f32
  } finish {
    %m = moe_kernel.read @most : f32
    %a = moe_kernel.read @all : !moe_kernel.row<3xi32>
    %n = moe_kernel.index piece_count : i32
    moe_kernel.store %m, @greatest : f32
    moe_kernel.store %a, @total : !moe_kernel.row<3xi32>
    moe_kernel.store %n, @count : i32
  }
})";

TEST(KernelInterpreter, CollectsForEachPiece) {
  Program program(sequences);
  ASSERT_TRUE(program.isReady());
  Arrays arrays{{"x", {1, 2, 3, 4, 6}},
                {"choice", {0, 1, 0, 2, 2, 1, 1, -1, 7, 1}},
                {"bounds", {0, 2, 2, 5}},
                {"scale", {10, 100, 1000}}};
  interpret(program["p"], 5, arrays);
  EXPECT_EQ(arrays["scaled"], (Elements{10, 20, 3000, 4000, 6000}));
  EXPECT_EQ(arrays["place"], (Elements{0, 1, 0, 1, 2}));
  EXPECT_EQ(arrays["load"], (Elements{2, 1, 1, 0, 0, 0, 0, 3, 1}));
  EXPECT_EQ(arrays["sums"], (Elements{3, 0, 13}));
  EXPECT_EQ(arrays["numbers"], (Elements{2, 10, 23}));
  EXPECT_EQ(arrays["greatest"], (Elements{13}));
  EXPECT_EQ(arrays["total"], (Elements{2, 4, 2}));
  EXPECT_EQ(arrays["count"], (Elements{3}));
}

TEST(KernelInterpreter, WithoutTokensRunsPiecesAndFinish) {
  Program program(sequences);
  ASSERT_TRUE(program.isReady());
  Arrays arrays{{"x", {}}, {"choice", {}}, {"bounds", {0, 0, 0}}, {"scale", {1, 2}}};
  interpret(program["p"], 0, arrays);
  EXPECT_EQ(arrays["sums"], (Elements{0, 0}));
  EXPECT_EQ(arrays["numbers"], (Elements{0, 10}));
  EXPECT_EQ(arrays["greatest"], (Elements{0}));
  EXPECT_EQ(arrays["count"], (Elements{2}));
}

/// The second pass ranks what the first has counted, keeps the first of each element, and writes down the order of all.
const char *const queues = R"(
moe_kernel.program @p piece_length 2 {
  moe_kernel.buffer @x input i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @carried coefficient i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @before coefficient i32 axes ["expert"] sizes [3]
  moe_kernel.buffer @rank output i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @own output i32 axes ["token", "slot"] sizes [-1, 2]
  moe_kernel.buffer @last output i32 axes ["token", "both"] sizes [-1, 4]
  moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 2 extra 1
  moe_kernel.accumulator @queue sum i32 sizes [3] ranked
  moe_kernel.accumulator @queues sum i32 sizes [3] per_piece ranked
  moe_kernel.pass rows {
    %i = moe_kernel.load @x : !moe_kernel.row<2xi32>
    moe_kernel.count %i, @queue : !moe_kernel.row<2xi32>
    moe_kernel.count %i, @queues : !moe_kernel.row<2xi32>
    moe_kernel.store %i, @carried : !moe_kernel.row<2xi32>
  } finish {
    %c = moe_kernel.read @queue : !moe_kernel.row<3xi32>
    %b = moe_kernel.map (%c : !moe_kernel.row<3xi32>) -> !moe_kernel.row<3xi32> {
    ^bb0(%n: i32):
      %e = moe_kernel.position : i32
      %two = arith.constant 2 : i32
      %r = arith.muli %e, %two : i32
      moe_kernel.yield %r : i32
    }
    moe_kernel.store %b, @before : !moe_kernel.row<3xi32>
    %none = arith.constant -1 : i32
    %row = moe_kernel.map -> !moe_kernel.row<7xi32> {
      moe_kernel.yield %none : i32
    }
    %at = moe_kernel.map -> !moe_kernel.row<7xi32> {
      %e = moe_kernel.position : i32
      moe_kernel.yield %e : i32
    }
    moe_kernel.store_at %row, %at, @order : !moe_kernel.row<7xi32>, !moe_kernel.row<7xi32>
  }
  moe_kernel.pass because "a queue is known after all tokens" rows {
    %i = moe_kernel.load @carried : !moe_kernel.row<2xi32>
    %b = moe_kernel.load @before : !moe_kernel.row<3xi32>
    %r = moe_kernel.rank %i, @queue : !moe_kernel.row<2xi32>
    %o = moe_kernel.rank %i, @queues : !moe_kernel.row<2xi32>
    moe_kernel.store %r, @rank : !moe_kernel.row<2xi32>
    moe_kernel.store %o, @own : !moe_kernel.row<2xi32>
    %t = moe_kernel.index token : i32
    %one = arith.constant 1 : i32
    %u = arith.subi %t, %one : i32
    %l = moe_kernel.load_at @carried[%u] : !moe_kernel.row<2xi32>
    %both = moe_kernel.concat %l, %i : !moe_kernel.row<2xi32>, !moe_kernel.row<2xi32> -> !moe_kernel.row<4xi32>
    moe_kernel.store %both, @last : !moe_kernel.row<4xi32>
    %s = moe_kernel.gather %b[%i] : !moe_kernel.row<3xi32>, !moe_kernel.row<2xi32> -> !moe_kernel.row<2xi32>
    %at = moe_kernel.map (%i, %s, %r : !moe_kernel.row<2xi32>, !moe_kernel.row<2xi32>, !moe_kernel.row<2xi32>) -> !moe_kernel.row<2xi32> {
    ^bb0(%e: i32, %first: i32, %n: i32):
      %three = arith.constant 3 : i32
      %none = arith.constant -1 : i32
      %sum = arith.addi %first, %n : i32
      %is = arith.cmpi ult, %e, %three : i32
      %v = arith.select %is, %sum, %none : i32
      moe_kernel.yield %v : i32
    }
    %tt = moe_kernel.map -> !moe_kernel.row<2xi32> {
      moe_kernel.yield %t : i32
    }
    moe_kernel.store_at %tt, %at, @order : !moe_kernel.row<2xi32>, !moe_kernel.row<2xi32>
  } finish {
  }
})";

/// Queues of elements 0: tokens 0 and 1; 1: token 0; 2: tokens 1 and 2; pieces are the tokens 0 1 and 2 3.
TEST(KernelInterpreter, RanksInALaterPass) {
  Program program(queues);
  ASSERT_TRUE(program.isReady());
  Arrays arrays{{"x", {0, 1, 2, 0, 2, -1, -1, 9}}};
  interpret(program["p"], 4, arrays);
  EXPECT_EQ(arrays["rank"], (Elements{0, 0, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(arrays["own"], (Elements{0, 0, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(arrays["last"], (Elements{0, 0, 0, 1, 0, 1, 2, 0, 2, 0, 2, -1, 2, -1, -1, 9}));
  // Rows 0 and 1 are of element 0, 2 of element 1, 4 and 5 of element 2; nothing has written rows 7 and 8.
  EXPECT_EQ(arrays["order"], (Elements{0, 1, 0, -1, 1, 2, -1, 0, 0}));
}

/// A forward that counts, and a step that moves the state by what it has left.
TEST(KernelInterpreter, StepsFromWhatACallHasLeft) {
  Program program(R"(
moe_kernel.program @step step_of @p {
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [2] init 0.000000e+00
  moe_kernel.buffer @twice state f32 axes ["expert"] sizes [2] init 0.000000e+00
  moe_kernel.accumulator @c sum f32 sizes [2]
  moe_kernel.pass rows {
  } finish {
    %b = moe_kernel.load @bias : !moe_kernel.row<2xf32>
    %c = moe_kernel.read @c : !moe_kernel.row<2xf32>
    %n = moe_kernel.map (%b, %c : !moe_kernel.row<2xf32>, !moe_kernel.row<2xf32>) -> !moe_kernel.row<2xf32> {
    ^bb0(%x: f32, %y: f32):
      %0 = arith.subf %x, %y : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %n, @bias : !moe_kernel.row<2xf32>
    %old = moe_kernel.load @bias : !moe_kernel.row<2xf32>
    moe_kernel.store %old, @twice : !moe_kernel.row<2xf32>
  }
}
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 2]
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [2] init 0.000000e+00
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 2]
  moe_kernel.accumulator @c sum f32 sizes [2]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<2xf32>
    %b = moe_kernel.load @bias : !moe_kernel.row<2xf32>
    moe_kernel.accumulate %x, @c : !moe_kernel.row<2xf32>
    %y = moe_kernel.map (%x, %b : !moe_kernel.row<2xf32>, !moe_kernel.row<2xf32>) -> !moe_kernel.row<2xf32> {
    ^bb0(%u: f32, %v: f32):
      %0 = arith.addf %u, %v : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<2xf32>
  } finish {
  }
})");
  ASSERT_TRUE(program.isReady());
  CallContext context;
  Arrays arrays{{"x", {1, 2, 3, 4}}, {"bias", {10, 20}}};
  interpret(program["p"], 2, arrays, false, &context);
  EXPECT_EQ(arrays["y"], (Elements{11, 22, 13, 24}));
  EXPECT_EQ(arrays["bias"], (Elements{10, 20}));
  arrays["twice"] = {0, 0};
  interpret(program["step"], 0, arrays, false, &context);
  EXPECT_EQ(arrays["bias"], (Elements{6, 14}));
  EXPECT_EQ(arrays["twice"], (Elements{10, 20})); // of before the step
}

/// Seven tokens in four sequences of two, none, one and four; the sequences in documents of three and one.
const char *const documents = R"(
moe_kernel.program @p piece_offsets @bounds {
  moe_kernel.pieces offsets @outer
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @bounds input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @outer input i32 axes ["document.bound"] sizes [-6]
  moe_kernel.buffer @weight input f32 axes ["document"] sizes [-5]
  moe_kernel.buffer @sum coefficient f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @place output i32 axes ["sequence", "what"] sizes [-2, 5]
  moe_kernel.buffer @greatest output f32 axes ["document"] sizes [-5]
  moe_kernel.buffer @number output i32 axes ["document"] sizes [-5]
  moe_kernel.buffer @all metric f32 axes [] sizes []
  moe_kernel.buffer @bad status i32 axes [] sizes []
  moe_kernel.accumulator @s sum f32 sizes [] per_piece
  moe_kernel.accumulator @m max f32 sizes [] per_piece
  moe_kernel.accumulator @total sum f32 sizes []
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @s : f32
  } pieces {
    %s = moe_kernel.read @s : f32
    moe_kernel.store %s, @sum : f32
  } finish {
  }
  moe_kernel.pass over_level 1 rows {
    %s = moe_kernel.load @sum : f32
    %w = moe_kernel.load @weight : f32
    %y = arith.mulf %s, %w : f32
    moe_kernel.accumulate %s, @m : f32
    moe_kernel.accumulate %y, @total : f32
    %t = moe_kernel.index token : i32
    %p = moe_kernel.index piece : i32
    %b = moe_kernel.index piece_begin : i32
    %z = moe_kernel.index piece_size : i32
    %n = moe_kernel.index piece_count : i32
    %r = moe_kernel.map -> !moe_kernel.row<5xi32> {
      %e = moe_kernel.position : i32
      %c1 = arith.constant 1 : i32
      %c2 = arith.constant 2 : i32
      %c3 = arith.constant 3 : i32
      %c4 = arith.constant 4 : i32
      %i1 = arith.cmpi sge, %e, %c1 : i32
      %i2 = arith.cmpi sge, %e, %c2 : i32
      %i3 = arith.cmpi sge, %e, %c3 : i32
      %i4 = arith.cmpi sge, %e, %c4 : i32
      %v1 = arith.select %i1, %p, %t : i32
      %v2 = arith.select %i2, %b, %v1 : i32
      %v3 = arith.select %i3, %z, %v2 : i32
      %v4 = arith.select %i4, %n, %v3 : i32
      moe_kernel.yield %v4 : i32
    }
    moe_kernel.store %r, @place : !moe_kernel.row<5xi32>
  } pieces {
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @greatest : f32
    %p = moe_kernel.index piece : i32
    moe_kernel.store %p, @number : i32
  } finish {
    %a = moe_kernel.read @total : f32
    moe_kernel.store %a, @all : f32
    %b = moe_kernel.read @bad_offsets_seen : i32
    moe_kernel.store %b, @bad : i32
  }
})";

TEST(KernelInterpreter, RunsOverPiecesAndTheirPieces) {
  Program program(documents);
  ASSERT_TRUE(program.isReady());
  Arrays arrays{
      {"x", {1, 2, 4, 8, 16, 32, 64}}, {"bounds", {0, 2, 2, 3, 7}}, {"outer", {0, 3, 4}}, {"weight", {100, 0.5}}};
  interpret(program["p"], 7, arrays);
  EXPECT_EQ(arrays["sum"], (Elements{3, 0, 4, 120}));
  EXPECT_EQ(arrays["greatest"], (Elements{4, 120}));
  EXPECT_EQ(arrays["number"], (Elements{0, 1}));
  EXPECT_EQ(arrays["place"], (Elements{0, 0, 0, 3, 2, 1, 0, 0, 3, 2, 2, 0, 0, 3, 2, 3, 1, 3, 1, 2}));
  EXPECT_EQ(arrays["all"], (Elements{760})); // 100 * (3 + 0 + 4) + 0.5 * 120
  EXPECT_EQ(arrays["bad"], (Elements{0}));
}

/// Of sequences 0 up to 9, down to 5, 7: 0, 7, 7, 7; of documents 2, 1, 1: 0, 1, 3.
TEST(KernelInterpreter, PutsOffsetsRightOnEachLevel) {
  Program program(documents);
  ASSERT_TRUE(program.isReady());
  Arrays arrays{{"x", {1, 2, 4, 8, 16, 32, 64}}, {"bounds", {0, 9, 5, 7}}, {"outer", {0, 1, 3}}, {"weight", {1, 2}}};
  interpret(program["p"], 7, arrays);
  EXPECT_EQ(arrays["sum"], (Elements{127, 0, 0}));
  EXPECT_EQ(arrays["greatest"], (Elements{127, 0}));
  EXPECT_EQ(arrays["bad"], (Elements{1}));
  arrays["bounds"] = {0, 3, 5, 7};
  arrays["outer"] = {2, 1, 1};
  interpret(program["p"], 7, arrays);
  EXPECT_EQ(arrays["sum"], (Elements{7, 24, 96}));
  EXPECT_EQ(arrays["greatest"], (Elements{7, 96}));
  EXPECT_EQ(arrays["bad"], (Elements{1}));
}

/// Three tokens in each of two layers; sums of each layer, then of all rows.
TEST(KernelInterpreter, LayersAreRowsOfTokens) {
  Program program(R"(
moe_kernel.program @p layers 2 piece_count 2 {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @same input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @w input f32 axes ["layer"] sizes [-2]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @twice output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @of output f32 axes ["layer"] sizes [-2]
  moe_kernel.buffer @n metric i32 axes [] sizes []
  moe_kernel.accumulator @s sum f32 sizes [] per_piece
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    %same = moe_kernel.load @same : f32
    %w = moe_kernel.load @w : f32
    %a = arith.mulf %x, %w : f32
    %b = arith.addf %a, %same : f32
    %t = arith.addf %same, %same : f32
    moe_kernel.store %b, @y : f32
    moe_kernel.store %t, @twice : f32
    moe_kernel.accumulate %x, @s : f32
  } pieces {
    %s = moe_kernel.read @s : f32
    moe_kernel.store %s, @of : f32
  } finish {
    %n = moe_kernel.size : i32
    moe_kernel.store %n, @n : i32
  }
})");
  ASSERT_TRUE(program.isReady());
  Arrays arrays{{"x", {1, 2, 3, 10, 20, 30}}, {"same", {0.5, 0.25, 0.125}}, {"w", {2, 3}}};
  interpret(program["p"], 3, arrays);
  EXPECT_EQ(arrays["y"], (Elements{2.5, 4.25, 6.125, 30.5, 60.25, 90.125}));
  EXPECT_EQ(arrays["twice"], (Elements{1, 0.5, 0.25}));
  EXPECT_EQ(arrays["of"], (Elements{6, 60}));
  EXPECT_EQ(arrays["n"], (Elements{6}));
}

/// The first pass finds the greatest value of its call, the second one counts the tokens that have half of it or more.
const char *const accumulated = R"(
moe_kernel.program @p {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @half coefficient f32 axes [] sizes []
  moe_kernel.buffer @tokens coefficient i32 axes [] sizes []
  moe_kernel.buffer @of output i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @greatest loss f32 axes [] sizes []
  moe_kernel.buffer @many metric i32 axes [] sizes []
  moe_kernel.buffer @n metric i32 axes [] sizes []
  moe_kernel.accumulator @m max f32 sizes []
  moe_kernel.accumulator @c sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @m : f32
  } finish {
    %m = moe_kernel.read @m : f32
    %h = arith.constant 0.5 : f32
    %v = arith.mulf %m, %h : f32
    %n = moe_kernel.size : i32
    moe_kernel.store %v, @half : f32
    moe_kernel.store %n, @tokens : i32
  }
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    %v = moe_kernel.load @half : f32
    %n = moe_kernel.load @tokens : i32
    %o = arith.cmpf oge, %x, %v : f32
    %i = arith.extui %o : i1 to i32
    moe_kernel.store %v, @y : f32
    moe_kernel.store %n, @of : i32
    moe_kernel.accumulate %i, @c : i32
  } finish {
    %m = moe_kernel.read @m : f32
    %c = moe_kernel.read @c : i32
    %n = moe_kernel.size : i32
    moe_kernel.store %m, @greatest : f32
    moe_kernel.store %c, @many : i32
    moe_kernel.store %n, @n : i32
  }
})";

/// What a pass before the last one hands on is of its call; what is reported is of all of them.
TEST(KernelInterpreter, AccumulatesOverCalls) {
  Program program(accumulated);
  ASSERT_TRUE(program.isReady());
  CallContext context;
  context.finishes = false;
  Arrays first{{"x", {8, 3, 4}}}, second{{"x", {2, 1}}};
  interpret(program["p"], 3, first, false, &context);
  EXPECT_EQ(first["y"], (Elements{4, 4, 4}));
  EXPECT_EQ(first["of"], (Elements{3, 3, 3}));
  EXPECT_EQ(first["many"], (Elements{0})); // nothing has written it
  context.resets = false;
  context.finishes = true;
  interpret(program["p"], 2, second, false, &context);
  EXPECT_EQ(second["y"], (Elements{1, 1}));
  EXPECT_EQ(second["of"], (Elements{2, 2}));
  EXPECT_EQ(second["greatest"], (Elements{8}));
  EXPECT_EQ(second["many"], (Elements{4}));
  EXPECT_EQ(second["n"], (Elements{5}));
}

TEST(KernelInterpreter, FinishesWithoutPasses) {
  Program program(accumulated);
  ASSERT_TRUE(program.isReady());
  CallContext context;
  context.finishes = false;
  Arrays arrays{{"x", {8, 3, 4}}};
  interpret(program["p"], 3, arrays, false, &context);
  arrays["half"] = {-1};
  arrays["x"] = {};
  context.resets = context.accumulates = false;
  context.finishes = true;
  interpret(program["p"], 0, arrays, false, &context);
  EXPECT_EQ(arrays["greatest"], (Elements{8}));
  EXPECT_EQ(arrays["many"], (Elements{2}));
  EXPECT_EQ(arrays["n"], (Elements{3}));
  EXPECT_EQ(arrays["y"], (Elements{4, 4, 4})); // what there was
  EXPECT_EQ(arrays["half"], (Elements{-1}));   // the first pass has not finished again
  // One more call begins anew.
  context.resets = context.accumulates = true;
  arrays["x"] = {5};
  interpret(program["p"], 1, arrays, false, &context);
  EXPECT_EQ(arrays["greatest"], (Elements{5}));
  EXPECT_EQ(arrays["n"], (Elements{1}));
}

/// The words that random numbers are made of, across the end of 32 bits.
TEST(KernelInterpreter, KnowsTheWordsOfACall) {
  std::string text = "moe_kernel.program @p {\n";
  const std::vector<std::string> words = {"token_low", "token_high", "seed_low", "seed_high", "offset"};
  for (const std::string &word : words)
    text += "moe_kernel.buffer @" + word + " output i32 axes [\"token\"] sizes [-1]\n";
  text += "moe_kernel.pass rows {\n";
  for (const std::string &word : words) {
    text += "%" + word + " = moe_kernel.index " + word + " : i32\n";
    text += "moe_kernel.store %" + word + ", @" + word + " : i32\n";
  }
  Program program(text + "} finish {\n}\n}");
  ASSERT_TRUE(program.isReady());
  CallContext context;
  context.seed = 0xfedcba9876543210;
  context.firstToken = 0x1ffffffff;
  context.offset = 0x80000001;
  Arrays arrays;
  interpret(program["p"], 2, arrays, false, &context);
  EXPECT_EQ(arrays["token_low"], (Elements{-1, 0}));
  EXPECT_EQ(arrays["token_high"], (Elements{1, 2}));
  EXPECT_EQ(arrays["seed_low"], (Elements(2, 0x76543210)));
  EXPECT_EQ(arrays["seed_high"], (Elements(2, static_cast<int32_t>(0xfedcba98))));
  EXPECT_EQ(arrays["offset"], (Elements(2, static_cast<int32_t>(0x80000001))));
}

} // namespace
