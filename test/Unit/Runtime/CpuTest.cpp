// Calls on the CPU: values, the same bits at any thread count, phases, several passes, reuse of a workspace, and no
// allocation during a call.
#include "Accumulators.h"
#include "Chunks.h"
#include "CpuFeatures.h"
#include "OnePassCall.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <thread>

std::atomic<long> moe::test::allocations{0};
static void *countedNew(std::size_t bytes, std::size_t alignment) {
  ++moe::test::allocations;
  std::size_t rounded = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void *memory = std::aligned_alloc(alignment, rounded);
  if (!memory)
    std::abort();
  return memory;
}
void *operator new(std::size_t bytes) { return countedNew(bytes, alignof(std::max_align_t)); }
void *operator new(std::size_t bytes, std::align_val_t alignment) {
  return countedNew(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace moe::test {
namespace {

constexpr int64_t tokenCounts[] = {0, 1, 7, 1024, 1025, 4096, 100000, 300001};

/// What the gate should accumulate: chunk by chunk, merged in chunk order.
OnePassAccumulators expectedAccumulators(const OnePassCall &call, int64_t tokens) {
  OnePassAccumulators total = {};
  rt::fillNeutral(one_pass_gate, &total);
  int64_t size = rt::chunkTokens(tokens);
  for (int64_t begin = 0; begin < tokens; begin += size) {
    OnePassAccumulators chunk = {};
    rt::fillNeutral(one_pass_gate, &chunk);
    std::vector<float> y(call.x.size());
    std::vector<int32_t> sign(call.sign.size());
    float scale = call.scale;
    void *arrays[ONE_PASS_ARRAYS] = {&scale, const_cast<float *>(call.x.data()), const_cast<float *>(call.bias),
                                     y.data(), sign.data()};
    moe_cpu_call cpuCall = {};
    cpuCall.arrays = arrays;
    cpuCall.token_count = tokens;
    cpuCall.phase = MOE_FORWARD;
    alignas(64) char scratch[64];
    one_pass_gate.cpu_variants[1].passes[0].rows(&cpuCall, begin, std::min(begin + size, tokens), &chunk, scratch);
    if (begin == 0)
      total = chunk;
    else
      rt::combine(one_pass_gate, 0, /*perPiece=*/false, &total, &chunk);
  }
  total.tokens = tokens;
  return total;
}

TEST(Cpu, ValuesOfAForward) {
  for (int64_t tokens : tokenCounts) {
    SCOPED_TRACE(tokens);
    OnePassCall call(tokens, 2);
    ASSERT_EQ(call.run(), MOE_OK) << lastError();
    double sum = 0;
    float largest = -INFINITY;
    for (int64_t i = 0; i < tokens * CHANNELS; ++i) {
      ASSERT_EQ(call.y[i], call.scale * call.x[i] + call.bias[i % CHANNELS]) << i;
      sum += call.y[i];
      largest = std::max(largest, call.y[i]);
    }
    for (int64_t t = 0; t < tokens; ++t)
      ASSERT_EQ(call.sign[t], call.y[t * CHANNELS] < 0) << t;
    EXPECT_EQ(call.empty, tokens == 0);
    if (tokens == 0) {
      EXPECT_EQ(call.mean, 0);
      EXPECT_TRUE(std::isnan(call.largest));
      continue;
    }
    EXPECT_NEAR(call.mean, sum / (CHANNELS * tokens), 1e-5);
    EXPECT_EQ(call.largest, largest);
    OnePassAccumulators expected = expectedAccumulators(call, tokens);
    EXPECT_EQ(std::memcmp(&call.block(), &expected, sizeof(expected)), 0);
  }
}

TEST(Cpu, SameBitsAtAnyThreadCount) {
  for (int64_t tokens : tokenCounts) {
    SCOPED_TRACE(tokens);
    OnePassCall one(tokens, 1);
    ASSERT_EQ(one.run(), MOE_OK) << lastError();
    for (uint32_t threads : {2u, 7u}) {
      for (int repeat = 0; repeat < 3; ++repeat) {
        OnePassCall many(tokens, threads);
        scratch_conflicts = 0;
        ASSERT_EQ(many.run(), MOE_OK) << lastError();
        EXPECT_EQ(scratch_conflicts, 0) << "two threads shared scratch memory, or it was misaligned";
        EXPECT_EQ(std::memcmp(&many.block(), &one.block(), sizeof(OnePassAccumulators)), 0) << threads;
        EXPECT_EQ(std::memcmp(&many.mean, &one.mean, sizeof(float)), 0);
        EXPECT_EQ(many.y, one.y);
        EXPECT_EQ(many.sign, one.sign);
      }
    }
  }
}

TEST(Cpu, ChunksDependOnTokensOnlyAndStayBounded) {
  for (int64_t tokens :
       {int64_t(0), int64_t(1), int64_t(1024), int64_t(1025), int64_t(262144), int64_t(262145), int64_t(INT32_MAX)}) {
    SCOPED_TRACE(tokens);
    EXPECT_EQ(rt::chunkTokens(tokens) % 16, 0);
    EXPECT_GE(rt::chunkTokens(tokens), 1024);
    EXPECT_LE(rt::chunkCount(tokens), 256u);
    EXPECT_LE(rt::chunkCount(tokens), rt::maxChunksUpTo(tokens));
    EXPECT_GE(rt::chunkCount(tokens) * rt::chunkTokens(tokens), tokens);
    EXPECT_LT((rt::chunkCount(tokens) - 1.0) * rt::chunkTokens(tokens), std::max<double>(tokens, 1));
  }
  EXPECT_EQ(rt::chunkCount(0), 0u);
  EXPECT_EQ(rt::chunkCount(1024), 1u);
  EXPECT_EQ(rt::chunkCount(1025), 2u);
}

TEST(Cpu, SmallCallsAreOneChunkAndNoTokensNone) {
  rows_calls = 0;
  OnePassCall none(0, 7);
  ASSERT_EQ(none.run(), MOE_OK);
  EXPECT_EQ(rows_calls, 0);
  OnePassCall small(1024, 7);
  ASSERT_EQ(small.run(), MOE_OK);
  EXPECT_EQ(rows_calls, 1);
  rows_calls = 0, rows_most_tokens = 0;
  OnePassCall large(300001, 7);
  ASSERT_EQ(large.run(), MOE_OK);
  EXPECT_EQ(rows_calls, static_cast<int>(rt::chunkCount(300001)));
  EXPECT_EQ(rows_most_tokens, rt::chunkTokens(300001));
}

TEST(Cpu, AccumulateThenFinishIsForwardBitForBit) {
  OnePassCall whole(5000, 2), split(5000, 2);
  ASSERT_EQ(whole.run(), MOE_OK);
  ASSERT_EQ(split.run(MOE_ACCUMULATE | MOE_RESET), MOE_OK) << lastError();
  EXPECT_EQ(split.mean, 777) << "accumulate alone must not write losses";
  EXPECT_EQ(split.y, whole.y);
  ASSERT_EQ(split.run(MOE_FINISH), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(&split.block(), &whole.block(), sizeof(OnePassAccumulators)), 0);
  EXPECT_EQ(split.mean, whole.mean);
  EXPECT_EQ(split.largest, whole.largest);
  EXPECT_EQ(split.empty, 0);
}

TEST(Cpu, AccumulatesOverSeveralCalls) {
  OnePassCall call(5000, 2);
  ASSERT_EQ(call.run(), MOE_OK);
  float mean = call.mean, largest = call.largest;
  OnePassAccumulators whole = call.block();
  call.bind(1500);
  ASSERT_EQ(call.run(MOE_ACCUMULATE | MOE_RESET), MOE_OK) << lastError();
  call.bind(0);
  ASSERT_EQ(call.run(MOE_ACCUMULATE), MOE_OK) << lastError();
  call.bind(3500, 1500);
  ASSERT_EQ(call.run(MOE_ACCUMULATE | MOE_FINISH), MOE_OK) << lastError();
  EXPECT_EQ(call.block().tokens, 5000);
  EXPECT_EQ(call.block().negative, whole.negative);
  EXPECT_NEAR(call.mean, mean, 1e-5);
  EXPECT_EQ(call.largest, largest);
}

TEST(Cpu, ResetWithoutTokensGivesNeutralElements) {
  OnePassCall call(0, 1);
  std::memset(call.accumulators.data(), 0xff, call.accumulators.bytes());
  ASSERT_EQ(call.run(MOE_ACCUMULATE | MOE_RESET), MOE_OK);
  EXPECT_EQ(call.block().tokens, 0);
  EXPECT_EQ(call.block().sum[2], 0);
  EXPECT_EQ(call.block().largest, -INFINITY);
  EXPECT_EQ(call.block().smallest, INFINITY);
  EXPECT_EQ(call.block().best, -INFINITY);
  EXPECT_EQ(call.block().longest, INT32_MIN);
}

TEST(Cpu, AccumulateWithoutAccumulatorsWritesOutputsOnly) {
  OnePassCall call(5000, 2), whole(5000, 2);
  ASSERT_EQ(whole.run(), MOE_OK);
  OnePassAccumulators before = {};
  call.block() = before;
  call.call.accumulators = nullptr;
  ASSERT_EQ(call.run(MOE_ACCUMULATE), MOE_OK) << lastError();
  EXPECT_EQ(call.y, whole.y);
  EXPECT_EQ(call.mean, 777);
  EXPECT_EQ(std::memcmp(&call.block(), &before, sizeof(before)), 0);
}

TEST(Cpu, ForwardAfterForwardOnOneWorkspaceGivesTheSame) {
  OnePassCall call(5000, 2);
  ASSERT_EQ(call.run(), MOE_OK);
  OnePassAccumulators first = call.block();
  float mean = call.mean;
  call.bind(17);
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_EQ(call.block().tokens, 17);
  call.bind(5000);
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(&call.block(), &first, sizeof(first)), 0);
  EXPECT_EQ(call.mean, mean);
}

TEST(Cpu, NanPropagatesThroughMaxAndMinAndNotThroughMaxnum) {
  for (int64_t where : {int64_t(0), int64_t(2999), int64_t(5999)}) { // in the first and in the last chunks
    OnePassCall call(2000, 2);
    call.x[where] = NAN;
    ASSERT_EQ(call.run(), MOE_OK);
    EXPECT_TRUE(std::isnan(call.largest)) << where;
    EXPECT_TRUE(std::isnan(call.block().smallest)) << where;
    EXPECT_FALSE(std::isnan(call.block().best)) << where;
    EXPECT_GT(call.block().best, 1);
  }
}

TEST(Cpu, CombineFollowsTheTables) {
  OnePassAccumulators a = {}, b = {};
  a = {5, {1, 2, 3}, 4, 5, 6, INT32_MAX, 3, 1.0};
  b = {7, {10, 20, 30}, NAN, 2, NAN, 1, 9, 0x1p-60};
  rt::combine(one_pass_gate, 0, /*perPiece=*/false, &a, &b);
  EXPECT_EQ(a.tokens, 5);
  EXPECT_EQ(a.sum[1], 22);
  EXPECT_TRUE(std::isnan(a.largest));
  EXPECT_EQ(a.smallest, 2);
  EXPECT_EQ(a.best, 6);
  EXPECT_EQ(a.negative, INT32_MIN) << "counts wrap";
  EXPECT_EQ(a.longest, 9);
  EXPECT_EQ(a.squares, 1.0);
}

TEST(Cpu, UnboundParamTakesItsDefault) {
  OnePassCall bound(50, 1), unbound(50, 1);
  bound.scale = 2.0f; // the default in the descriptor
  unbound.bindings[SCALE] = {};
  ASSERT_EQ(bound.run(), MOE_OK);
  ASSERT_EQ(unbound.run(), MOE_OK) << lastError();
  EXPECT_EQ(bound.y, unbound.y);
}

TEST(Cpu, DenseStridesAreAccepted) {
  OnePassCall call(50, 1);
  const int64_t strides[] = {CHANNELS, 1};
  call.bindings[X].strides = strides;
  EXPECT_EQ(call.run(), MOE_OK) << lastError();
  OnePassCall one(1, 1);
  const int64_t anything[] = {999, 1}; // an axis of one element is never stepped over
  one.bindings[X].strides = anything;
  EXPECT_EQ(one.run(), MOE_OK) << lastError();
}

TEST(Cpu, NothingButTheOutputsIsTouched) {
  OnePassCall call(100, 2);
  call.bind(90);
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_NE(call.y[90 * CHANNELS - 1], 777);
  for (size_t i = 90 * CHANNELS; i < call.y.size(); ++i)
    ASSERT_EQ(call.y[i], 777);
  EXPECT_NE(call.sign[89], 777);
  EXPECT_EQ(call.sign[90], 777);
}

TEST(Cpu, ACallAllocatesNothing) {
  for (uint32_t threads : {1u, 2u}) {
    OnePassCall call(5000, threads);
    ASSERT_EQ(call.run(), MOE_OK);
    long before = allocations;
    moe_status status = call.run();
    long after = allocations;
    ASSERT_EQ(status, MOE_OK);
    EXPECT_EQ(after - before, 0);
  }
  long before = allocations;
  std::unique_ptr<int> seen(new int);
  asm volatile("" : : "r"(seen.get()) : "memory"); // so that the compiler does not leave the allocation out
  EXPECT_EQ(allocations - before, 1) << "the counter itself does not work";
}

TEST(Cpu, OneExecutableServesSeveralThreads) {
  OnePassCall first(20000, 2);
  ASSERT_EQ(first.run(), MOE_OK);
  auto work = [&](std::vector<float> &y, float &mean) {
    rt::Block workspace(first.workspace.bytes()), accumulators(first.accumulators.bytes());
    ASSERT_EQ(moe_init_workspace(first.executable.get(), workspace.data(), workspace.bytes(), nullptr), MOE_OK);
    moe_binding bindings[ONE_PASS_ARRAYS];
    std::copy(std::begin(first.bindings), std::end(first.bindings), bindings);
    std::vector<int32_t> sign(20000);
    float largest;
    int32_t empty;
    bindings[Y].data = y.data();
    bindings[SIGN].data = sign.data();
    bindings[MEAN].data = &mean;
    bindings[LARGEST].data = &largest;
    bindings[EMPTY].data = &empty;
    moe_call call = first.call;
    call.bindings = bindings;
    call.workspace = workspace.data();
    call.accumulators = accumulators.data();
    for (int i = 0; i < 20; ++i)
      ASSERT_EQ(moe_run(first.executable.get(), &call), MOE_OK) << lastError();
  };
  std::vector<float> y1(60000), y2(60000);
  float mean1 = 0, mean2 = 0;
  std::thread other(work, std::ref(y1), std::ref(mean1));
  work(y2, mean2);
  other.join();
  EXPECT_EQ(y1, first.y);
  EXPECT_EQ(y2, first.y);
  EXPECT_EQ(mean1, first.mean);
  EXPECT_EQ(mean2, first.mean);
}

TEST(Cpu, TwoPassesWithCoefficientsBetween) {
  for (int64_t tokens : {int64_t(0), int64_t(1), int64_t(7), int64_t(4096), int64_t(100000)}) {
    std::vector<float> results[3];
    for (uint32_t threads : {1u, 2u, 7u}) {
      SCOPED_TRACE(tokens);
      rt::Executable gate = rt::Executable::cpu(two_pass_gate, threads);
      rt::Call call(gate, tokens);
      std::vector<float> x(tokens * CHANNELS), output(tokens * CHANNELS);
      std::mt19937 random(7);
      std::normal_distribution<float> normal(3.0f, 2.0f);
      for (float &value : x)
        value = normal(random);
      float variance = 777;
      call.input("x", x.data(), {tokens, CHANNELS}).output("x", output.data(), {tokens, CHANNELS});
      call.output("variance", &variance, {});
      call.forward(tokens);
      call.forward(tokens);
      if (tokens >= 4096) {
        EXPECT_NEAR(variance, 4.0f, 0.3f);
        double mean = 0;
        for (float value : output)
          mean += value;
        EXPECT_NEAR(mean / static_cast<double>(output.size()), 0.0, 1e-3);
      }
      if (tokens <= 1)
        EXPECT_EQ(variance, 0);
      output.push_back(variance);
      results[threads == 1 ? 0 : threads == 2 ? 1 : 2] = output;
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

/// two_pass_gate, or a copy of it, on numbers whose sums are exact in any order.
struct TwoPassCall {
  explicit TwoPassCall(int64_t tokens, const moe_gate &gate = two_pass_gate)
      : executable(rt::Executable::cpu(gate, 2)), call(executable, tokens), x(static_cast<size_t>(tokens) * CHANNELS),
        output(x.size(), 777.0f) {
    std::mt19937 random(3);
    for (float &value : x)
      value = static_cast<float>(static_cast<int>(random() % 17) - 8);
    call.output("variance", &variance, {});
  }
  /// The tokens from `first` on.
  void bind(int64_t first, int64_t count) {
    call.input("x", x.data() + first * CHANNELS, {count, CHANNELS});
    call.output("x", output.data() + first * CHANNELS, {count, CHANNELS});
  }
  void accumulate(int64_t first, int64_t count) {
    bind(first, count);
    call.accumulate(count);
  }
  float forward(int64_t first, int64_t count) {
    bind(first, count);
    call.forward(count);
    return variance;
  }
  struct Block {
    int64_t tokens;
    float sum[CHANNELS], squares[CHANNELS];
  };
  Block &block() { return *static_cast<Block *>(call.accumulatorData()); }

  rt::Executable executable;
  rt::Call call;
  std::vector<float> x, output;
  float variance = 777;
};

TEST(Cpu, SeveralPassesAccumulate) {
  constexpr int64_t total = 6144, parts[] = {2048, 0, 4096};
  TwoPassCall whole(total), split(total);
  double squares = 0;
  TwoPassCall::Block sums = {};
  int64_t first = 0;
  for (int64_t count : parts) {
    squares += static_cast<double>(whole.forward(first, count)) * static_cast<double>(count);
    for (int c = 0; c < CHANNELS; ++c)
      sums.sum[c] += whole.block().sum[c];
    first += count;
  }
  split.call.reset();
  EXPECT_EQ(split.block().tokens, 0);
  first = 0;
  for (int64_t count : parts) {
    split.accumulate(first, count);
    first += count;
  }
  EXPECT_EQ(split.variance, 777) << "accumulate alone must not write losses";
  EXPECT_EQ(split.output, whole.output) << "each call is centered by its own mean";
  EXPECT_EQ(split.block().tokens, total);
  for (int c = 0; c < CHANNELS; ++c)
    EXPECT_EQ(split.block().sum[c], sums.sum[c]) << "what the first pass collects is merged too";
  split.call.finish();
  EXPECT_NEAR(split.variance, squares / total, 1e-4 * squares / total);
  whole.forward(0, total);
  EXPECT_NE(split.output, whole.output);
}

TEST(Cpu, SeveralPassesFinishInTheLastCallToo) {
  TwoPassCall once(3000), twice(3000);
  once.call.reset();
  once.accumulate(0, 1000);
  once.accumulate(1000, 2000);
  once.call.finish();
  twice.call.reset();
  twice.accumulate(0, 1000);
  twice.bind(1000, 2000);
  twice.call.finish(2000);
  EXPECT_EQ(once.variance, twice.variance);
  EXPECT_EQ(std::memcmp(&once.block(), &twice.block(), sizeof(TwoPassCall::Block)), 0);
}

TEST(Cpu, SeveralPassesRecompute) {
  TwoPassCall whole(3000), again(3000);
  float variance = whole.forward(0, 3000);
  EXPECT_EQ(again.forward(0, 3000), variance);
  TwoPassCall::Block before = again.block();
  again.variance = 777;
  std::fill(again.output.begin(), again.output.end(), 777.0f);
  again.call.route(3000);
  EXPECT_EQ(again.output, whole.output);
  EXPECT_EQ(again.variance, 777);
  EXPECT_EQ(std::memcmp(&again.block(), &before, sizeof(before)), 0);
}

TEST(Cpu, WhatNeedsTheWholeBatchIsNotSplit) {
  moe_gate gate = two_pass_gate;
  gate.whole_batch = "'x' of each token depends on the mean over all of them";
  TwoPassCall call(100, gate);
  call.bind(0, 100);
  std::pair<int, std::function<void()>> calls[] = {{MOE_ACCUMULATE, [&] { call.call.accumulate(100); }},
                                                   {MOE_FINISH, [&] { call.call.finish(); }},
                                                   {MOE_ACCUMULATE | MOE_FINISH, [&] { call.call.finish(100); }},
                                                   {MOE_ACCUMULATE | MOE_RESET, [&] { call.call.reset(); }}};
  for (auto &[phase, run] : calls)
    try {
      run();
      FAIL() << "expected a failure of phase " << phase;
    } catch (const rt::Error &error) {
      std::string text = error.what();
      EXPECT_EQ(error.status(), MOE_UNSUPPORTED);
      for (std::string part : {std::string("'two_pass' needs all tokens"), std::string(gate.whole_batch),
                               "Phase " + std::to_string(phase), std::string("MOE_FORWARD")})
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  EXPECT_EQ(call.output, std::vector<float>(300, 777.0f));
  call.call.forward(100);
  std::vector<float> output = call.output;
  std::fill(call.output.begin(), call.output.end(), 777.0f);
  call.call.route(100);
  EXPECT_EQ(call.output, output);
}

TEST(Cpu, VariantIsTheFirstThatRunsOrTheNamedOne) {
  std::string missing = rt::missingFeatures("avx512");
  moe_executable *executable = nullptr;
  moe_status status = moe_prepare_cpu(&one_pass_gate, 1, "avx512", &executable);
  if (missing.empty())
    EXPECT_EQ(status, MOE_OK) << lastError();
  else
    expectFailure(status, MOE_UNSUPPORTED, {"avx512", "this machine lacks", missing.c_str()});
  moe_release(executable);
  expectFailure(moe_prepare_cpu(&one_pass_gate, 1, "avx2", &executable), MOE_UNSUPPORTED, {"no avx2", "generic"});
  EXPECT_EQ(executable, nullptr);
  EXPECT_NE(prepareCpu(one_pass_gate, 0), nullptr);
  EXPECT_NE(rt::missingFeatures("avx99"), "");
}

} // namespace
} // namespace moe::test
