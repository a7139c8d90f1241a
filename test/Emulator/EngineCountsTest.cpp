// Counts of known access patterns: bytes, requests of warps, sectors of 32 bytes against the ideal.
#include "test/Emulator/EngineRun.h"
#include "gtest/gtest.h"

namespace moe::emulator::test {
namespace {

const Kernels &kernels() {
  static const Kernels made(R"cuda(
extern "C" __global__ void coalesced(const float *in, float *out) {
  float v[4];
  moe_load4(in, threadIdx.x * 4, v);
  moe_store4(out, threadIdx.x * 4, v);
}
extern "C" __global__ void strided(const float *in, float *out) {
  moe_store1(out, threadIdx.x * 8, moe_load1(in, threadIdx.x * 8));
}
extern "C" __global__ void broadcast(const float *in, float *out) {
  moe_store1(out, threadIdx.x, moe_load1(in, 5));
}
// 3 lanes per row of 6; a warp has 10 rows, 2 lanes have none.
extern "C" __global__ void rows_of_six(const float *in, float *out) {
  float v[2];
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 10 + lane / 3;
  if (lane < 30) {
    moe_load2(in, row * 6 + lane % 3 * 2, v);
    moe_store2(out, row * 6 + lane % 3 * 2, v);
  }
}
// Two rounds of one line; a shuffle between the rounds, or none.
template <bool Meet> MOE_DEVICE void rounds(const float *in, float *out) {
  for (int round = 0; round < 2; ++round) {
    float v = moe_load1(in, round * 32 + threadIdx.x);
    if (Meet)
      v = moe_shuffle_xor(v, 1);
    moe_store1(out, round * 32 + threadIdx.x, v);
  }
}
extern "C" __global__ void rounds_with_shuffle(const float *in, float *out) { rounds<true>(in, out); }
extern "C" __global__ void rounds_without(const float *in, float *out) { rounds<false>(in, out); }
// Half of the lanes in each round: two requests, since the lanes meet in between.
extern "C" __global__ void halves_by_turns(const float *in, float *out) {
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x % 2 == round)
      moe_store1(out, threadIdx.x, moe_load1(in, threadIdx.x));
    moe_sync_warp();
  }
}
extern "C" __global__ void meetings(const float *in, float *out) {
  __shared__ unsigned shared[64];
  moe_put(shared, threadIdx.x, moe_load1(in, threadIdx.x));
  moe_sync_warp();
  moe_sync_block();
  const float v = moe_shuffle_xor(moe_get<float>(shared, threadIdx.x ^ 32), 1);
  moe_store1(out, threadIdx.x, v);
}
extern "C" __global__ void tickets(unsigned *ticket) { moe_atomic_add(ticket, 1u); }
)cuda");
  return made;
}

struct Counts {
  moe_emulator_traffic loads, stores;
  moe_emulator_kernel_report kernel;
  uint64_t undefined;
};

Counts count(const char *kernel, size_t elements, unsigned threads = 32, size_t rowBytes = 0, size_t offset = 0,
             uint64_t seed = 0) {
  EXPECT_EQ(kernels().message, "");
  CallMemory memory;
  memory.input("in", std::vector<float>(elements), rowBytes, offset);
  memory.output<float>("out", elements, rowBytes, offset);
  Outcome outcome = memory.run(kernels(), kernel, 1, threads, seed);
  EXPECT_EQ(outcome.text(), "");
  return {outcome.buffers[0].loads, outcome.buffers[1].stores, outcome.kernel, outcome.buffers[1].undefined_bytes};
}

void expectTraffic(const moe_emulator_traffic &traffic, uint64_t accesses, uint64_t bytes, uint64_t requests,
                   uint64_t sectors, uint64_t distinct, uint64_t ideal) {
  EXPECT_EQ(traffic.accesses, accesses);
  EXPECT_EQ(traffic.bytes, bytes);
  EXPECT_EQ(traffic.requests, requests);
  EXPECT_EQ(traffic.sectors, sectors);
  EXPECT_EQ(traffic.distinct_bytes, distinct);
  EXPECT_EQ(traffic.ideal_sectors, ideal);
}

TEST(EngineCounts, Coalesced) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    Counts counts = count("coalesced", 256, 64, 0, 0, seed);
    expectTraffic(counts.loads, 64, 1024, 2, 32, 1024, 32);
    expectTraffic(counts.stores, 64, 1024, 2, 32, 1024, 32);
    EXPECT_EQ(counts.undefined, 0u);
  }
}

TEST(EngineCounts, Strided) {
  Counts counts = count("strided", 256);
  expectTraffic(counts.loads, 32, 128, 1, 32, 128, 4);
  expectTraffic(counts.stores, 32, 128, 1, 32, 128, 4);
  EXPECT_EQ(counts.undefined, 1024u - 128u);
}

TEST(EngineCounts, Broadcast) {
  Counts counts = count("broadcast", 32);
  expectTraffic(counts.loads, 32, 128, 1, 1, 4, 1);
  expectTraffic(counts.stores, 32, 128, 1, 4, 128, 4);
}

/// A row that begins in the middle of a sector costs one sector more, with rows and without.
TEST(EngineCounts, UnalignedRows) {
  Counts whole = count("coalesced", 128, 32, 0, 16);
  expectTraffic(whole.loads, 32, 512, 1, 17, 512, 17);
  // Rows of 24 bytes: of ten, every fourth begins a sector. 240 bytes are 8 sectors.
  Counts rows = count("rows_of_six", 60, 32, 24);
  expectTraffic(rows.loads, 30, 240, 1, 8, 240, 8 + 7);
  expectTraffic(rows.stores, 30, 240, 1, 8, 240, 8 + 7);
}

/// A line that a warp runs through twice is two requests, whether or not the lanes meet in between.
TEST(EngineCounts, Rounds) {
  for (const char *kernel : {"rounds_with_shuffle", "rounds_without"})
    for (uint64_t seed : {0, 1, 2, 3}) {
      Counts counts = count(kernel, 64, 32, 0, 0, seed);
      expectTraffic(counts.loads, 64, 256, 2, 8, 256, 8);
      expectTraffic(counts.stores, 64, 256, 2, 8, 256, 8);
    }
}

TEST(EngineCounts, LanesByTurns) {
  Counts counts = count("halves_by_turns", 32);
  expectTraffic(counts.loads, 32, 128, 2, 8, 128, 4);
  expectTraffic(counts.stores, 32, 128, 2, 8, 128, 4);
}

TEST(EngineCounts, Meetings) {
  Counts counts = count("meetings", 64, 64);
  EXPECT_EQ(counts.kernel.shared_stores, 64u);
  EXPECT_EQ(counts.kernel.shared_loads, 64u);
  EXPECT_EQ(counts.kernel.shared_bytes, 256u);
  EXPECT_EQ(counts.kernel.shuffles, 2u);
  EXPECT_EQ(counts.kernel.warp_barriers, 2u);
  EXPECT_EQ(counts.kernel.block_barriers, 1u);
  EXPECT_GT(counts.kernel.nanoseconds, 0u);
}

TEST(EngineCounts, Atomics) {
  CallMemory memory;
  auto *ticket = static_cast<unsigned *>(memory.add("ticket", MOE_EMULATOR_READ_WRITE, 4, 4));
  Outcome outcome = memory.run(kernels(), "tickets", 2, 64);
  EXPECT_EQ(outcome.text(), "");
  EXPECT_EQ(*ticket, 128u);
  expectTraffic(outcome.buffers[0].loads, 128, 512, 4, 4, 4, 1);
  expectTraffic(outcome.buffers[0].stores, 128, 512, 4, 4, 4, 1);
}

} // namespace
} // namespace moe::emulator::test
