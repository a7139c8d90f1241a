// Meetings of threads, and the orders in which they run.
#include "test/Emulator/EngineRun.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <set>

namespace moe::emulator::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Kernels &kernels() {
  static const Kernels made(R"cuda(
extern "C" __global__ void exchanges(int *out) {
  const int lane = threadIdx.x % 32, x = threadIdx.x * 3;
  moe_store1(out, 8 * threadIdx.x, moe_shuffle_xor(x, 5));
  moe_store1(out, 8 * threadIdx.x + 1, moe_from_lane<8>(x, 11));
  moe_store1(out, 8 * threadIdx.x + 2, static_cast<int>(moe_warp_max(static_cast<unsigned>(x))));
  moe_store1(out, 8 * threadIdx.x + 3, moe_warp_min(x - 40));
  moe_store1(out, 8 * threadIdx.x + 4, moe_any(lane == 31));
  moe_store1(out, 8 * threadIdx.x + 5, moe_any(lane == 32));
  moe_store1(out, 8 * threadIdx.x + 6, static_cast<int>(moe_shuffle_xor(0.5 * lane, 1) * 2));
  moe_store1(out, 8 * threadIdx.x + 7, moe_from_lane<32>(lane == 3, 3));
}

extern "C" __global__ void some_lanes(int *out) {
  int x = 0;
  if (threadIdx.x % 32 < 16)
    x = moe_shuffle_xor(x, 1); // shuffles with half of the lanes
  moe_sync_block(); // barrier of the others
  moe_store1(out, threadIdx.x, x);
}
extern "C" __global__ void lanes_returned(int *out) {
  if (threadIdx.x == 5)
    return;
  moe_store1(out, threadIdx.x, moe_shuffle_xor(1, 1)); // shuffles without lane 5
}
extern "C" __global__ void mixed_lanes(int *out) {
  int x = 0;
  if (threadIdx.x % 2)
    x = moe_shuffle_xor(x, 1); // odd lanes
  else
    moe_sync_warp(); // even lanes
  moe_store1(out, threadIdx.x, x);
}
extern "C" __global__ void mixed_lines(int *out) {
  int x = 0;
  if (threadIdx.x % 2)
    x = moe_shuffle_xor(x, 1); // odd lanes' shuffle
  else
    x = moe_shuffle_xor(x, 1); // even lanes' shuffle
  moe_store1(out, threadIdx.x, x);
}
extern "C" __global__ void returned_before_barrier(int *out) {
  if (threadIdx.x >= 32)
    return;
  moe_sync_block(); // barrier of one warp
  moe_store1(out, threadIdx.x, 1);
}
extern "C" __global__ void divergent_barrier(int *out) {
  if (threadIdx.x < 32)
    moe_sync_block(); // first barrier
  else
    moe_sync_block(); // second barrier
  moe_store1(out, threadIdx.x, 1);
}
extern "C" __global__ void uneven_barriers(int *out) {
  moe_sync_block();
  if (threadIdx.x < 32)
    moe_sync_block(); // once more
}

// Takes a number at each of four accesses.
extern "C" __global__ void arrivals(unsigned *next, int *out) {
  for (int n = 0; n < 4; ++n)
    moe_store1(out, (blockIdx.x * blockDim.x + threadIdx.x) * 4 + n, static_cast<int>(moe_atomic_add(next, 1u)));
}
extern "C" __global__ void dynamic(int *out) {
  extern __shared__ unsigned words[];
  moe_put(words, threadIdx.x, static_cast<int>(threadIdx.x));
  moe_sync_block();
  moe_store1(out, threadIdx.x, moe_get<int>(words, blockDim.x - 1 - threadIdx.x));
}
)cuda");
  return made;
}

Outcome run(const char *kernel, uint64_t seed = 0, std::vector<int> *values = nullptr) {
  CallMemory memory;
  int *out = memory.output<int>("out", 8 * 64);
  Outcome outcome = memory.run(kernels(), kernel, 1, 64, seed);
  if (values)
    values->assign(out, out + 8 * 64);
  return outcome;
}

TEST(EngineSchedule, Exchanges) {
  ASSERT_EQ(kernels().message, "");
  for (uint64_t seed : {0, 1, 2, 3, 4, 5}) {
    std::vector<int> values;
    ASSERT_EQ(run("exchanges", seed, &values).text(), "");
    for (int thread = 0; thread < 64; ++thread) {
      const int lane = thread % 32, first = thread - lane;
      const std::vector<int> expected = {(first + (lane ^ 5)) * 3,
                                         (first + lane / 8 * 8 + 11 % 8) * 3,
                                         (first + 31) * 3,
                                         first * 3 - 40,
                                         1,
                                         0,
                                         lane ^ 1,
                                         1};
      EXPECT_EQ(std::vector<int>(values.begin() + 8 * thread, values.begin() + 8 * thread + 8), expected) << thread;
    }
  }
}

TEST(EngineSchedule, LanesThatNeverMeet) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    Outcome outcome = run("some_lanes", seed);
    EXPECT_TRUE(outcome.has(MOE_EMULATOR_WARP));
    EXPECT_THAT(outcome.text(), AllOf(HasSubstr("lanes that never meet: kernel 'some_lanes', block 0 cannot go on"),
                                      HasSubstr("thread 0 to 15, each: waits in a shuffle"),
                                      HasSubstr("// shuffles with half of the lanes`"),
                                      HasSubstr("thread 16 to 31, each: waits at a block barrier"),
                                      HasSubstr("// barrier of the others`")));
    EXPECT_THAT(run("lanes_returned", seed).text(),
                AllOf(HasSubstr("thread 5: returned"), HasSubstr("// shuffles without lane 5`")));
  }
}

TEST(EngineSchedule, LanesInDifferentCalls) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    EXPECT_THAT(run("mixed_lanes", seed).text(),
                AllOf(HasSubstr("threads meet in different calls"), HasSubstr("a warp barrier at"),
                      HasSubstr("a shuffle at"), HasSubstr("// odd lanes`"), HasSubstr("// even lanes`")));
    EXPECT_THAT(run("mixed_lines", seed).text(),
                AllOf(HasSubstr("// odd lanes' shuffle`"), HasSubstr("// even lanes' shuffle`")));
    EXPECT_TRUE(run("mixed_lines", seed).has(MOE_EMULATOR_WARP));
  }
}

TEST(EngineSchedule, DivergentBarriers) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    Outcome outcome = run("returned_before_barrier", seed);
    EXPECT_TRUE(outcome.has(MOE_EMULATOR_BARRIER));
    EXPECT_THAT(outcome.text(),
                AllOf(HasSubstr("divergent block barrier"), HasSubstr("thread 0 to 31, each: waits at"),
                      HasSubstr("thread 32 to 63, each: returned"), HasSubstr("// barrier of one warp`")));
    EXPECT_THAT(run("divergent_barrier", seed).text(),
                AllOf(HasSubstr("threads meet in different calls"), HasSubstr("// first barrier`"),
                      HasSubstr("// second barrier`")));
    EXPECT_THAT(run("uneven_barriers", seed).text(),
                AllOf(HasSubstr("divergent block barrier"), HasSubstr("// once more`")));
  }
}

/// A launch that was given up leaves nothing behind.
TEST(EngineSchedule, GoesOnAfterAStuckLaunch) {
  EXPECT_NE(run("some_lanes", 3).text(), "");
  EXPECT_EQ(run("exchanges", 3).text(), "");
}

//===-- Orders
//--------------------------------------------------------------------------------------------------------===//

std::vector<int> arrivals(uint64_t seed, unsigned blocks = 3) {
  CallMemory memory;
  memory.add("next", MOE_EMULATOR_READ_WRITE, 4, 4);
  int *out = memory.output<int>("out", blocks * 64 * 4);
  EXPECT_EQ(memory.run(kernels(), "arrivals", blocks, 64, seed).text(), "");
  return std::vector<int>(out, out + blocks * 64 * 4);
}

TEST(EngineSchedule, InOrderWithoutASeed) {
  std::vector<int> values = arrivals(0);
  for (size_t n = 0; n < values.size(); ++n)
    ASSERT_EQ(values[n], static_cast<int>(n));
}

TEST(EngineSchedule, OneOrderPerSeed) {
  std::set<std::vector<int>> orders;
  for (uint64_t seed = 0; seed < 16; ++seed) {
    std::vector<int> values = arrivals(seed);
    EXPECT_EQ(values, arrivals(seed));
    orders.insert(values);
  }
  EXPECT_EQ(orders.size(), 16u);
}

/// Blocks, warps of a block and lanes of a warp all run in between each other, each before the other in some order.
TEST(EngineSchedule, Interleaves) {
  size_t blocks = 0, warps = 0, lanes = 0, laterFirst = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    std::vector<int> values = arrivals(seed);
    auto overlap = [&](size_t a, size_t b, size_t count) { // of the accesses [a, a + count) and [b, b + count)
      auto range = [&](size_t first) {
        return std::minmax_element(values.begin() + static_cast<ptrdiff_t>(first),
                                   values.begin() + static_cast<ptrdiff_t>(first + count));
      };
      auto [firstA, lastA] = range(a);
      auto [firstB, lastB] = range(b);
      return *firstA < *lastB && *firstB < *lastA;
    };
    blocks += overlap(0, 256, 256);
    warps += overlap(0, 128, 128);
    lanes += overlap(0, 4, 4) || overlap(4, 8, 4) || overlap(8, 12, 4) || overlap(12, 16, 4);
    laterFirst += values[256] < values[0];
  }
  EXPECT_GE(blocks, 12u);
  EXPECT_GE(warps, 12u);
  EXPECT_GE(lanes, 4u);
  EXPECT_GE(laterFirst, 3u);
  EXPECT_LE(laterFirst, 13u);
}

/// Which blocks come first is drawn too: not only among the first few.
TEST(EngineSchedule, AnyBlockMayComeFirst) {
  size_t late = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    std::vector<int> values = arrivals(seed, 12);
    late += std::find(values.begin(), values.end(), 0) - values.begin() >= 6 * 64 * 4;
  }
  EXPECT_GE(late, 1u);
  EXPECT_LE(late, 7u);
}

TEST(EngineSchedule, DynamicSharedMemory) {
  CallMemory memory;
  int *out = memory.output<int>("out", 64);
  Outcome outcome = memory.run(kernels(), "dynamic", 1, 64, 0, 256);
  EXPECT_EQ(outcome.text(), "");
  EXPECT_EQ(out[0], 63);
  EXPECT_EQ(outcome.kernel.shared_bytes, 256u);
  CallMemory shorter;
  shorter.output<int>("out", 64);
  EXPECT_THAT(shorter.run(kernels(), "dynamic", 1, 64, 0, 252).text(),
              HasSubstr("out of bounds: kernel 'dynamic', thread 63 of block 0 writes 4 bytes at word 63 of 'words'"));
}

TEST(EngineSchedule, LaunchesThatCannotBe) {
  CallMemory memory;
  memory.output<int>("out", 64);
  EXPECT_THAT(memory.run(kernels(), "no_such_kernel", 1, 64).text(),
              AllOf(HasSubstr("there is no kernel 'no_such_kernel'"), HasSubstr("'exchanges'")));
  EXPECT_THAT(memory.run(kernels(), "exchanges", 1, 48).text(),
              HasSubstr("48 threads per block, expected a multiple of 32"));
  EXPECT_THAT(memory.run(kernels(), "exchanges", 0, 64).text(), HasSubstr("a grid of 0 blocks"));
}

} // namespace
} // namespace moe::emulator::test
