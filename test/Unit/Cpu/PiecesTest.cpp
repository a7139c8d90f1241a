// Programs with pieces (sequences), ranks, arrays carried from pass to pass, dispatch orders and steps, through the
// runtime, against plain loops. Numbers are small integers where sums have to be exact in any order.
#include "test/Unit/Cpu/KernelRunner.h"
#include <cmath>
#include <numeric>
#include <random>

using namespace moe;
using namespace moe::test;

namespace {

constexpr int64_t experts = 6;
constexpr uint32_t threadCounts[] = {1, 2, 7};

/// Sums and counts per piece, what a piece adds to the call, rows per piece read by tokens, what backward gets of it.
const char *const sequences = R"(
moe_kernel.program @sequences $PIECES {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 6]
  $OFFSETS
  moe_kernel.buffer @w input f32 axes ["sequence", "expert"] sizes [-2, 6]
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 6]
  moe_kernel.buffer @place output i16 axes ["token"] sizes [-1]
  moe_kernel.buffer @owner output i64 axes ["token"] sizes [-1]
  moe_kernel.buffer @sums output bf16 axes ["sequence", "expert"] sizes [-2, 6]
  moe_kernel.buffer @size output i64 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @top output i32 axes ["sequence", "expert"] sizes [-2, 6]
  moe_kernel.buffer @kept saved f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @total metric f32 axes ["expert"] sizes [6]
  moe_kernel.buffer @squares metric f32 axes ["expert"] sizes [6]
  moe_kernel.buffer @longest metric i32 axes [] sizes []
  moe_kernel.buffer @pieces metric i32 axes [] sizes []
  $STATUS
  moe_kernel.accumulator @s sum f32 sizes [6] per_piece
  moe_kernel.accumulator @m max f32 sizes [] per_piece
  moe_kernel.accumulator @c sum i32 sizes [6] per_piece
  moe_kernel.accumulator @t sum f32 sizes [6]
  moe_kernel.accumulator @q sum f32 sizes [6]
  moe_kernel.accumulator @l max i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<6xf32>
    %w = moe_kernel.load @w : !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x, %w : !moe_kernel.row<6xf32>, !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<6xf32>
    %t = moe_kernel.index token : i32
    %b = moe_kernel.index piece_begin : i32
    %in = arith.subi %t, %b : i32
    moe_kernel.store %in, @place : i32
    %p = moe_kernel.index piece : i32
    moe_kernel.store %p, @owner : i32
    moe_kernel.accumulate %y, @s : !moe_kernel.row<6xf32>
    moe_kernel.accumulate %y, @t : !moe_kernel.row<6xf32>
    %g = moe_kernel.reduce max %y : !moe_kernel.row<6xf32> -> f32
    moe_kernel.accumulate %g, @m : f32
    %i, %v = moe_kernel.topk %x : !moe_kernel.row<6xf32> -> !moe_kernel.row<1xi32>, !moe_kernel.row<1xf32>
    moe_kernel.count %i, @c : !moe_kernel.row<1xi32>
  } pieces {
    %s = moe_kernel.read @s : !moe_kernel.row<6xf32>
    moe_kernel.store %s, @sums : !moe_kernel.row<6xf32>
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @kept : f32
    %c = moe_kernel.read @c : !moe_kernel.row<6xi32>
    moe_kernel.store %c, @top : !moe_kernel.row<6xi32>
    %n = moe_kernel.index piece_size : i32
    moe_kernel.store %n, @size : i32
    moe_kernel.accumulate %n, @l : i32
    %w = moe_kernel.load @w : !moe_kernel.row<6xf32>
    %q = moe_kernel.map (%s, %w : !moe_kernel.row<6xf32>, !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.accumulate %q, @q : !moe_kernel.row<6xf32>
  } finish {
    %t = moe_kernel.read @t : !moe_kernel.row<6xf32>
    moe_kernel.store %t, @total : !moe_kernel.row<6xf32>
    %q = moe_kernel.read @q : !moe_kernel.row<6xf32>
    moe_kernel.store %q, @squares : !moe_kernel.row<6xf32>
    %l = moe_kernel.read @l : i32
    moe_kernel.store %l, @longest : i32
    %n = moe_kernel.index piece_count : i32
    moe_kernel.store %n, @pieces : i32
    $WORD
  }
}
moe_kernel.program @sequences_backward backward_of @sequences $PIECES {
  moe_kernel.buffer @kept saved f32 axes ["sequence"] sizes [-2]
  $OFFSETS
  moe_kernel.buffer @grad_x output f32 axes ["token", "expert"] sizes [-1, 6]
  moe_kernel.pass rows {
    %k = moe_kernel.load @kept : f32
    %g = moe_kernel.map -> !moe_kernel.row<6xf32> {
      moe_kernel.yield %k : f32
    }
    moe_kernel.store %g, @grad_x : !moe_kernel.row<6xf32>
  } finish {
  }
}
)";

std::string byOffsets(const char *text) {
  return fill(text, {{"PIECES", "piece_offsets @cu_seqlens"},
                     {"OFFSETS", R"(moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3])"},
                     {"STATUS", "moe_kernel.buffer @bad_offsets status i32 axes [] sizes []\n"
                                "  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes []"},
                     {"WORD", "%seen = moe_kernel.read @bad_offsets_seen : i32\n"
                              "    %none = arith.constant 0 : i32\n"
                              "    %is = arith.cmpi ne, %seen, %none : i32\n"
                              "    %word = arith.extui %is : i1 to i32\n"
                              "    moe_kernel.store %word, @bad_offsets : i32"}});
}

Elements offsetsOf(const std::vector<int64_t> &sizes) {
  Elements offsets = {0};
  for (int64_t size : sizes)
    offsets.push_back(offsets.back() + static_cast<double>(size));
  return offsets;
}

Elements integers(size_t count, int low, int high, unsigned seed) {
  std::mt19937 random(seed);
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
  return result;
}

/// Pieces around the edges of chunks (1024 tokens).
std::vector<std::vector<int64_t>> layouts() {
  std::vector<int64_t> many;
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i)
    many.push_back(static_cast<int64_t>(random() % 5));
  return {{},
          {0, 0, 0},
          {5},
          {0, 3, 0, 0, 40, 1, 0},
          {1024, 0, 0, 1024},
          {1000, 24, 0, 0, 5000, 0, 1, 1023, 3000, 0, 0},
          {17, 20000, 300},
          many};
}

int64_t sum(const std::vector<int64_t> &sizes) { return std::accumulate(sizes.begin(), sizes.end(), int64_t(0)); }

Arrays inputsOf(const std::vector<int64_t> &sizes, unsigned seed) {
  auto tokens = static_cast<size_t>(sum(sizes));
  return {{"x", integers(tokens * experts, -8, 8, seed)},
          {"w", integers(sizes.size() * experts, 1, 3, seed + 1)},
          {"cu_seqlens", offsetsOf(sizes)}};
}

/// What @sequences says, token by token.
Arrays expectedOf(const std::vector<int64_t> &sizes, const Arrays &inputs) {
  const Elements &x = inputs.at("x"), &w = inputs.at("w");
  Arrays out;
  out["total"] = out["squares"] = Elements(experts, 0.0);
  double longest = INT32_MIN;
  size_t token = 0;
  for (size_t piece = 0; piece < sizes.size(); ++piece) {
    Elements sums(experts, 0.0), top(experts, 0.0);
    double greatest = -INFINITY;
    for (int64_t place = 0; place < sizes[piece]; ++place, ++token) {
      size_t best = 0;
      for (size_t e = 0; e < experts; ++e) {
        double value = x[token * experts + e] * w[piece * experts + e];
        out["y"].push_back(value);
        sums[e] += value;
        out["total"][e] += value;
        greatest = std::max(greatest, value);
        if (x[token * experts + e] > x[token * experts + best])
          best = e;
      }
      ++top[best];
      out["place"].push_back(static_cast<int16_t>(place));
      out["owner"].push_back(static_cast<double>(piece));
    }
    for (size_t e = 0; e < experts; ++e) {
      out["squares"][e] += sums[e] * w[piece * experts + e];
      out["sums"].push_back(sums[e]);
      out["top"].push_back(top[e]);
    }
    out["size"].push_back(static_cast<double>(sizes[piece]));
    longest = std::max(longest, static_cast<double>(sizes[piece]));
    for (int64_t i = 0; i < sizes[piece] * experts; ++i)
      out["grad_x"].push_back(greatest);
  }
  out["longest"] = {longest};
  out["pieces"] = {static_cast<double>(sizes.size())};
  return out;
}

/// bf16 keeps 8 bits of a sum.
double roundedToBf16(double value) {
  auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000);
}

void expectArrays(const Arrays &got, Arrays expected, const std::string &what) {
  if (auto sums = expected.find("sums"); sums != expected.end())
    for (double &value : sums->second)
      value = roundedToBf16(value);
  for (const auto &[name, values] : expected) {
    ASSERT_TRUE(got.count(name)) << name;
    ASSERT_EQ(got.at(name).size(), values.size()) << name << ", " << what;
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(got.at(name)[i], values[i]) << name << "[" << i << "], " << what;
  }
}

TEST(Pieces, ByOffsets) {
  KernelRunner runner(byOffsets(sequences));
  ASSERT_TRUE(runner.isReady());
  for (const std::vector<int64_t> &sizes : layouts()) {
    Arrays inputs = inputsOf(sizes, 11), expected = expectedOf(sizes, inputs);
    expected["bad_offsets"] = {0};
    for (uint32_t threads : threadCounts)
      for (unsigned variant = 0; variant < runner.descriptor().cpu_variant_count; ++variant) {
        RuntimeCall options{sum(sizes), static_cast<int64_t>(sizes.size()), threads, variant};
        options.runsBackward = true;
        expectArrays(runner.call(inputs, options), expected,
                     std::to_string(sizes.size()) + " pieces, " + std::to_string(threads) + " threads");
      }
  }
}

TEST(Pieces, ByLength) {
  for (int64_t length : {1, 5, 1024, 3000}) {
    KernelRunner runner(
        fill(sequences,
             {{"PIECES", "piece_length " + std::to_string(length)}, {"OFFSETS", ""}, {"STATUS", ""}, {"WORD", ""}}));
    ASSERT_TRUE(runner.isReady());
    for (int64_t count : {0, 1, 3}) {
      std::vector<int64_t> sizes(static_cast<size_t>(count * (length < 10 ? 700 : 1)), length);
      Arrays inputs = inputsOf(sizes, 12);
      for (uint32_t threads : threadCounts) {
        RuntimeCall options{sum(sizes), static_cast<int64_t>(sizes.size()), threads};
        options.runsBackward = true;
        expectArrays(runner.call(inputs, options), expectedOf(sizes, inputs), std::to_string(length) + " tokens each");
      }
    }
  }
}

TEST(Pieces, SumsHaveTheSameBitsAtAnyThreadCount) {
  KernelRunner runner(byOffsets(sequences));
  ASSERT_TRUE(runner.isReady());
  for (const std::vector<int64_t> &sizes : layouts()) {
    Arrays inputs = inputsOf(sizes, 13);
    inputs["x"] = tameNumbers(inputs["x"].size(), 14);
    RuntimeCall options{sum(sizes), static_cast<int64_t>(sizes.size())};
    options.runsBackward = true;
    Arrays first = runner.call(inputs, options), exact = expectedOf(sizes, inputs);
    for (uint32_t threads : {2, 7}) {
      options.threads = threads;
      EXPECT_EQ(runner.call(inputs, options), first) << threads << " threads, " << sizes.size() << " pieces";
    }
    for (size_t e = 0; e < experts; ++e)
      EXPECT_NEAR(first["total"][e], exact["total"][e], 1e-5 * 8 * static_cast<double>(sum(sizes) + 1));
  }
}

/// Whatever the offsets hold, it is as if every one of them were put in its place.
TEST(Pieces, BadOffsetsAreClampedAndReported) {
  KernelRunner runner(byOffsets(sequences));
  ASSERT_TRUE(runner.isReady());
  struct Case {
    Elements offsets;
    std::vector<int64_t> sizes;
  } cases[] = {{{1, 5, 10}, {5, 5}}, {{-3, 5, 10}, {5, 5}}, {{0, 7, 4, 10}, {7, 0, 3}},
               {{0, 5, 9}, {5, 5}},  {{0, 5, 11}, {5, 5}},  {{0, 2e9, -2e9, 10}, {10, 0, 0}},
               {{5, 5}, {10}}};
  Arrays none = inputsOf({}, 15);
  none["cu_seqlens"] = {3};
  EXPECT_EQ(runner.call(none, {})["bad_offsets"], Elements{1});
  for (const Case &it : cases) {
    Arrays inputs = inputsOf(it.sizes, 15), expected = expectedOf(it.sizes, inputs);
    inputs["cu_seqlens"] = it.offsets;
    expected["bad_offsets"] = {1};
    RuntimeCall options{10, static_cast<int64_t>(it.sizes.size())};
    options.runsBackward = true;
    expectArrays(runner.call(inputs, options), expected, "bad offsets");
  }
}

/// Places of slots among those of all tokens and of the piece, carried choices, and a dispatch order made of them.
const char *const queues = R"(
moe_kernel.program @queues piece_offsets @cu_seqlens {
  moe_kernel.buffer @choice input i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @cu_seqlens input i32 axes ["sequence.bound"] sizes [-3]
  moe_kernel.buffer @rank output i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @local output i64 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @order output i32 axes ["row"] sizes [-4] per_token 3 extra 2
  moe_kernel.buffer @previous output i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @share output f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @load metric i32 axes ["expert"] sizes [6]
  moe_kernel.buffer @carried coefficient i32 axes ["token", "slot"] sizes [-1, 3]
  moe_kernel.buffer @busy coefficient f32 axes ["sequence"] sizes [-2]
  moe_kernel.buffer @starts coefficient i32 axes ["expert"] sizes [6]
  moe_kernel.buffer @bad_offsets status i32 axes [] sizes []
  moe_kernel.accumulator @all sum i32 sizes [6] ranked
  moe_kernel.accumulator @own sum i32 sizes [6] per_piece ranked
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes []
  moe_kernel.pass rows {
    %i = moe_kernel.load @choice : !moe_kernel.row<3xi32>
    %c = moe_kernel.map (%i : !moe_kernel.row<3xi32>) -> !moe_kernel.row<3xi32> {
    ^bb0(%a: i32):
      moe_kernel.yield %a : i32
    }
    moe_kernel.store %c, @carried : !moe_kernel.row<3xi32>
    moe_kernel.count %i, @all : !moe_kernel.row<3xi32>
    moe_kernel.count %i, @own : !moe_kernel.row<3xi32>
  } pieces {
    %own = moe_kernel.read @own : !moe_kernel.row<6xi32>
    %most = moe_kernel.reduce max %own : !moe_kernel.row<6xi32> -> i32
    %f = arith.sitofp %most : i32 to f32
    moe_kernel.store %f, @busy : f32
  } finish {
    %all = moe_kernel.read @all : !moe_kernel.row<6xi32>
    %zero = arith.constant 0 : i32
    %e0 = moe_kernel.extract %all[0] : !moe_kernel.row<6xi32> -> i32
    %e1 = moe_kernel.extract %all[1] : !moe_kernel.row<6xi32> -> i32
    %e2 = moe_kernel.extract %all[2] : !moe_kernel.row<6xi32> -> i32
    %e3 = moe_kernel.extract %all[3] : !moe_kernel.row<6xi32> -> i32
    %e4 = moe_kernel.extract %all[4] : !moe_kernel.row<6xi32> -> i32
    %s2 = arith.addi %e0, %e1 : i32
    %s3 = arith.addi %s2, %e2 : i32
    %s4 = arith.addi %s3, %e3 : i32
    %s5 = arith.addi %s4, %e4 : i32
    %r0 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %zero : i32 }
    %r1 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %e0 : i32 }
    %r2 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %s2 : i32 }
    %r3 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %s3 : i32 }
    %r4 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %s4 : i32 }
    %r5 = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %s5 : i32 }
    %c1 = moe_kernel.concat %r0, %r1 : !moe_kernel.row<1xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<2xi32>
    %c2 = moe_kernel.concat %c1, %r2 : !moe_kernel.row<2xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<3xi32>
    %c3 = moe_kernel.concat %r3, %r4 : !moe_kernel.row<1xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<2xi32>
    %c4 = moe_kernel.concat %c3, %r5 : !moe_kernel.row<2xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<3xi32>
    %c5 = moe_kernel.concat %c2, %c4 : !moe_kernel.row<3xi32>, !moe_kernel.row<3xi32> -> !moe_kernel.row<6xi32>
    moe_kernel.store %c5, @starts : !moe_kernel.row<6xi32>
  }
  moe_kernel.pass because "ranks" rows {
    %i = moe_kernel.load @carried : !moe_kernel.row<3xi32>
    %r = moe_kernel.rank %i, @all : !moe_kernel.row<3xi32>
    %l = moe_kernel.rank %i, @own : !moe_kernel.row<3xi32>
    moe_kernel.store %r, @rank : !moe_kernel.row<3xi32>
    moe_kernel.store %l, @local : !moe_kernel.row<3xi32>
    %t = moe_kernel.index token : i32
    %one = arith.constant 1 : i32
    %before = arith.subi %t, %one : i32
    %p = moe_kernel.load_at @carried[%before] : !moe_kernel.row<3xi32>
    moe_kernel.store %p, @previous : !moe_kernel.row<3xi32>
    %starts = moe_kernel.load @starts : !moe_kernel.row<6xi32>
    %s = moe_kernel.gather %starts[%i] : !moe_kernel.row<6xi32>, !moe_kernel.row<3xi32> -> !moe_kernel.row<3xi32>
    %at = moe_kernel.map (%i, %s, %r : !moe_kernel.row<3xi32>, !moe_kernel.row<3xi32>, !moe_kernel.row<3xi32>) -> !moe_kernel.row<3xi32> {
    ^bb0(%a: i32, %b: i32, %c: i32):
      %none = arith.constant -1 : i32
      %nought = arith.constant 0 : i32
      %sum = arith.addi %b, %c : i32
      %is = arith.cmpi sge, %a, %nought : i32
      %place = arith.select %is, %sum, %none : i32
      moe_kernel.yield %place : i32
    }
    %tokens = moe_kernel.map -> !moe_kernel.row<3xi32> { moe_kernel.yield %t : i32 }
    moe_kernel.store_at %tokens, %at, @order : !moe_kernel.row<3xi32>, !moe_kernel.row<3xi32>
    %b = moe_kernel.load @busy : f32
    moe_kernel.store %b, @share : f32
  } finish {
    %all = moe_kernel.read @all : !moe_kernel.row<6xi32>
    moe_kernel.store %all, @load : !moe_kernel.row<6xi32>
    %seen = moe_kernel.read @bad_offsets_seen : i32
    moe_kernel.store %seen, @bad_offsets : i32
  }
}
)";

/// What @queues says; `order` is as long as there are choices, what lies behind stays as it was.
Arrays expectedQueues(const std::vector<int64_t> &sizes, const Elements &choice) {
  Arrays out;
  std::vector<double> all(experts, 0), starts(experts, 0);
  for (double e : choice)
    if (e >= 0)
      ++all[static_cast<size_t>(e)];
  out["load"] = all;
  for (size_t e = 1; e < experts; ++e)
    starts[e] = starts[e - 1] + all[e - 1];
  out["order"] = Elements(static_cast<size_t>(starts.back() + all.back()));
  std::vector<double> counted(experts, 0);
  size_t token = 0;
  for (int64_t size : sizes) {
    std::vector<double> own(experts, 0);
    for (int64_t i = 0; i < size; ++i, ++token)
      for (size_t slot = 0; slot < 3; ++slot) {
        double e = choice[token * 3 + slot];
        out["previous"].push_back(token == 0 ? 0 : choice[(token - 1) * 3 + slot]);
        out["rank"].push_back(e < 0 ? 0 : counted[static_cast<size_t>(e)]);
        out["local"].push_back(e < 0 ? 0 : own[static_cast<size_t>(e)]);
        if (e < 0)
          continue;
        out["order"][static_cast<size_t>(starts[static_cast<size_t>(e)] + counted[static_cast<size_t>(e)]++)] =
            static_cast<double>(token);
        ++own[static_cast<size_t>(e)];
      }
    for (int64_t i = 0; i < size; ++i)
      out["share"].push_back(*std::max_element(own.begin(), own.end()));
  }
  return out;
}

TEST(Pieces, RanksCarriedArraysAndDispatch) {
  KernelRunner runner(queues);
  ASSERT_TRUE(runner.isReady());
  for (const std::vector<int64_t> &sizes : layouts()) {
    Elements choice = integers(static_cast<size_t>(sum(sizes)) * 3, -1, experts - 1, 21);
    Arrays inputs = {{"choice", choice}, {"cu_seqlens", offsetsOf(sizes)}}, expected = expectedQueues(sizes, choice);
    expected["bad_offsets"] = {0};
    for (uint32_t threads : threadCounts)
      for (unsigned variant = 0; variant < runner.descriptor().cpu_variant_count; ++variant) {
        Arrays got = runner.call(inputs, {sum(sizes), static_cast<int64_t>(sizes.size()), threads, variant});
        ASSERT_GE(got["order"].size(), expected["order"].size());
        got["order"].resize(expected["order"].size());
        expectArrays(got, expected, std::to_string(sizes.size()) + " pieces, " + std::to_string(threads) + " threads");
      }
  }
}

/// Numbers that random values are made of.
TEST(Pieces, NumbersOfTheCall) {
  KernelRunner runner(R"(
moe_kernel.program @numbers {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @low output i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @high output i32 axes ["token"] sizes [-1]
  moe_kernel.buffer @seed metric i32 axes ["word"] sizes [3]
  moe_kernel.pass rows {
    %l = moe_kernel.index token_low : i32
    %h = moe_kernel.index token_high : i32
    %s = moe_kernel.index seed_high : i32
    %o = arith.xori %h, %s : i32
    moe_kernel.store %l, @low : i32
    moe_kernel.store %o, @high : i32
  } finish {
    %a = moe_kernel.index seed_low : i32
    %b = moe_kernel.index seed_high : i32
    %c = moe_kernel.index offset : i32
    %ra = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %a : i32 }
    %rb = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %b : i32 }
    %rc = moe_kernel.map -> !moe_kernel.row<1xi32> { moe_kernel.yield %c : i32 }
    %ab = moe_kernel.concat %ra, %rb : !moe_kernel.row<1xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<2xi32>
    %abc = moe_kernel.concat %ab, %rc : !moe_kernel.row<2xi32>, !moe_kernel.row<1xi32> -> !moe_kernel.row<3xi32>
    moe_kernel.store %abc, @seed : !moe_kernel.row<3xi32>
  }
}
)");
  ASSERT_TRUE(runner.isReady());
  RuntimeCall options;
  options.tokens = 2100;
  options.seed = 0x0000001300000007;
  options.offset = 0x80000001;
  options.firstToken = 0x4fffffc00;
  Arrays got = runner.call({{"x", Elements(2100, 0.0)}}, options);
  for (size_t t = 0; t < 2100; ++t) {
    uint64_t number = 0x4fffffc00 + t;
    ASSERT_EQ(got["low"][t], static_cast<int32_t>(number)) << t;
    ASSERT_EQ(got["high"][t], static_cast<int32_t>(number >> 32) ^ 0x13) << t;
  }
  EXPECT_EQ(got["seed"], (Elements{7, 0x13, static_cast<double>(INT32_MIN + 1)}));
}

/// Two states that change places, and one that counts; the gate reads what the caller holds.
const char *const states = R"(
moe_kernel.program @biased {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 6]
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [6] init 0.5
  moe_kernel.buffer @other state f32 axes ["expert"] sizes [6] init 0.0
  moe_kernel.buffer @seen state i32 axes [] sizes [] init 0.0
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 6]
  moe_kernel.accumulator @s sum f32 sizes [6]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<6xf32>
    %b = moe_kernel.load @bias : !moe_kernel.row<6xf32>
    %y = moe_kernel.map (%x, %b : !moe_kernel.row<6xf32>, !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.addf %a, %c : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<6xf32>
    moe_kernel.accumulate %y, @s : !moe_kernel.row<6xf32>
  } finish {
  }
}
moe_kernel.program @biased_step step_of @biased {
  moe_kernel.buffer @rate param f32 axes [] sizes [] init 2.0
  moe_kernel.buffer @bias state f32 axes ["expert"] sizes [6] init 0.5
  moe_kernel.buffer @other state f32 axes ["expert"] sizes [6] init 0.0
  moe_kernel.buffer @seen state i32 axes [] sizes [] init 0.0
  moe_kernel.accumulator @s sum f32 sizes [6]
  moe_kernel.pass rows {
  } finish {
    %s = moe_kernel.read @s : !moe_kernel.row<6xf32>
    %r = moe_kernel.load @rate : f32
    %b = moe_kernel.load @bias : !moe_kernel.row<6xf32>
    %o = moe_kernel.load @other : !moe_kernel.row<6xf32>
    %n = moe_kernel.load @seen : i32
    %new = moe_kernel.map (%o, %s : !moe_kernel.row<6xf32>, !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %c, %r : f32
      %1 = arith.addf %a, %0 : f32
      moe_kernel.yield %1 : f32
    }
    %t = moe_kernel.size : i32
    %m = arith.addi %n, %t : i32
    moe_kernel.store %new, @bias : !moe_kernel.row<6xf32>
    moe_kernel.store %b, @other : !moe_kernel.row<6xf32>
    moe_kernel.store %m, @seen : i32
  }
}
)";

TEST(Step, NewStatesFromTheOldOnes) {
  KernelRunner runner(states);
  ASSERT_TRUE(runner.isReady());
  ASSERT_NE(runner.descriptor().step, nullptr);
  RuntimeCall options{3000, 0, 2};
  options.runsStep = true;
  Arrays inputs = {{"x", integers(3000 * experts, -4, 4, 5)},
                   {"bias", {1, 2, 3, 4, 5, 6}},
                   {"other", {10, 20, 30, 40, 50, 60}},
                   {"seen", {7}}};
  Arrays got = runner.call(inputs, options);
  Elements bias = inputs["other"];
  for (size_t i = 0; i < inputs["x"].size(); ++i)
    bias[i % experts] += 2 * (inputs["x"][i] + inputs["bias"][i % experts]);
  EXPECT_EQ(got["bias"], bias);
  EXPECT_EQ(got["other"], inputs["bias"]);
  EXPECT_EQ(got["seen"], Elements{3007});
}

TEST(Step, WithoutTokensTheStatesStay) {
  KernelRunner runner(states);
  ASSERT_TRUE(runner.isReady());
  RuntimeCall options;
  options.runsStep = true;
  Arrays inputs = {{"bias", {1, 2, 3, 4, 5, 6}}, {"other", {10, 20, 30, 40, 50, 60}}, {"seen", {7}}};
  Arrays got = runner.call(inputs, options);
  for (const auto &[name, values] : inputs)
    EXPECT_EQ(got[name], values) << name;
}

} // namespace
