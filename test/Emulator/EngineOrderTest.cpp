// Races: for each way in which accesses can be ordered, a kernel that does it right and one that leaves a step out.
// What is left out must be found in every order in which the threads run, also where the values come out right.
#include "test/Emulator/EngineRun.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace moe::emulator::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Kernels &kernels() {
  static const Kernels made(R"cuda(
// Each thread leaves its number in shared memory and reads that of another.
template <bool Sync> MOE_DEVICE void through_block(int *out, unsigned *shared) {
  moe_put(shared, threadIdx.x, static_cast<int>(threadIdx.x)); // put by all
  if (Sync)
    moe_sync_block();
  moe_store1(out, threadIdx.x, moe_get<int>(shared, threadIdx.x ^ 32)); // get of another warp
}
extern "C" __global__ void block_barrier(int *out) {
  __shared__ unsigned shared[64];
  through_block<true>(out, shared);
}
extern "C" __global__ void no_block_barrier(int *out) {
  __shared__ unsigned shared[64];
  through_block<false>(out, shared);
}

// The same within a warp. The shuffle in between orders nothing.
template <bool Sync> MOE_DEVICE void through_warp(int *out, unsigned *shared) {
  moe_put(shared, threadIdx.x, static_cast<int>(threadIdx.x)); // put by lane
  const int meets = moe_shuffle_xor(0, 1);
  if (Sync)
    moe_sync_warp();
  moe_store1(out, threadIdx.x, moe_get<int>(shared, threadIdx.x ^ 1) + meets); // get of another lane
}
extern "C" __global__ void warp_barrier(int *out) {
  __shared__ unsigned shared[64];
  through_warp<true>(out, shared);
}
extern "C" __global__ void no_warp_barrier(int *out) {
  __shared__ unsigned shared[64];
  through_warp<false>(out, shared);
}
// A warp barrier is not enough for another warp.
extern "C" __global__ void warp_barrier_for_block(int *out) {
  __shared__ unsigned shared[64];
  moe_put(shared, threadIdx.x, 1);
  moe_sync_warp();
  moe_store1(out, threadIdx.x, moe_get<int>(shared, threadIdx.x ^ 32));
}

// The same where only the other warp reads, after the first has met.
extern "C" __global__ void other_warp_reads(int *out) {
  __shared__ unsigned shared[32];
  if (threadIdx.x < 32)
    moe_put(shared, threadIdx.x, 1);
  moe_sync_warp();
  moe_store1(out, threadIdx.x, threadIdx.x < 32 ? 0 : moe_get<int>(shared, threadIdx.x - 32));
}

// A write after reads: by lanes 0, 5 and 40, written by one of them.
template <int Writer> MOE_DEVICE void write_after_read(int *out, unsigned *shared) {
  if (threadIdx.x == 7)
    moe_put(shared, 0, 1);
  moe_sync_block();
  int value = 0;
  if (threadIdx.x == 0 || threadIdx.x == 5 || threadIdx.x == 40)
    value = moe_get<int>(shared, 0); // the read
  if (threadIdx.x == Writer)
    moe_put(shared, 0, 2); // the write
  moe_store1(out, threadIdx.x, value);
}
extern "C" __global__ void write_after_read_0(int *out) {
  __shared__ unsigned shared[1];
  write_after_read<0>(out, shared);
}
extern "C" __global__ void write_after_read_5(int *out) {
  __shared__ unsigned shared[1];
  write_after_read<5>(out, shared);
}
extern "C" __global__ void write_after_read_40(int *out) {
  __shared__ unsigned shared[1];
  write_after_read<40>(out, shared);
}

// Two readers, of which the later one then writes.
template <int Reader, int Writer> MOE_DEVICE void write_after_own_read(int *out, unsigned *shared) {
  if (threadIdx.x == 7)
    moe_put(shared, 0, 1);
  moe_sync_block();
  int value = 0;
  if (threadIdx.x == Reader || threadIdx.x == Writer)
    value = moe_get<int>(shared, 0); // one of two reads
  if (threadIdx.x == Writer)
    moe_put(shared, 0, 2); // then writes
  moe_store1(out, threadIdx.x, value);
}
extern "C" __global__ void lane_writes_after_own_read(int *out) {
  __shared__ unsigned shared[1];
  write_after_own_read<0, 5>(out, shared);
}
extern "C" __global__ void warp_writes_after_own_read(int *out) {
  __shared__ unsigned shared[1];
  write_after_own_read<0, 40>(out, shared);
}
extern "C" __global__ void reads_and_writes_alone(int *out) {
  __shared__ unsigned shared[1];
  write_after_own_read<5, 5>(out, shared);
}

// Exchanges do not race with each other, but with a plain read.
extern "C" __global__ void exchanges(int *out) {
  __shared__ unsigned shared[1];
  if (threadIdx.x == 0)
    moe_put(shared, 0, -1);
  moe_sync_block();
  moe_swap(shared, 0, static_cast<int>(threadIdx.x));
  moe_sync_block();
  moe_store1(out, threadIdx.x, moe_get<int>(shared, 0));
}
extern "C" __global__ void put_and_exchange(int *out) {
  __shared__ unsigned shared[1];
  if (threadIdx.x == 0)
    moe_put(shared, 0, -1); // the plain put
  moe_swap(shared, 0, static_cast<int>(threadIdx.x)); // the exchange
  moe_store1(out, threadIdx.x, 0);
}
extern "C" __global__ void exchange_and_read(int *out) {
  __shared__ unsigned shared[1];
  if (threadIdx.x == 0)
    moe_put(shared, 0, -1);
  moe_sync_block();
  moe_swap(shared, 0, static_cast<int>(threadIdx.x)); // the exchange
  moe_store1(out, threadIdx.x, moe_get<int>(shared, 0)); // the plain read
}
)cuda");
  return made;
}

constexpr uint64_t seeds[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

void expectClean(const char *kernel, unsigned threads) {
  ASSERT_EQ(kernels().message, "");
  for (uint64_t seed : seeds) {
    CallMemory memory;
    memory.output<int>("out", threads);
    EXPECT_EQ(memory.run(kernels(), kernel, 1, threads, seed).text(), "") << kernel << ", seed " << seed;
  }
}

template <typename Matcher> void expectRace(const char *kernel, unsigned threads, Matcher matcher) {
  ASSERT_EQ(kernels().message, "");
  for (uint64_t seed : seeds) {
    CallMemory memory;
    memory.output<int>("out", threads);
    Outcome outcome = memory.run(kernels(), kernel, 1, threads, seed);
    EXPECT_TRUE(outcome.has(MOE_EMULATOR_RACE)) << kernel << ", seed " << seed;
    EXPECT_THAT(outcome.text(), matcher) << kernel << ", seed " << seed;
  }
}

TEST(EngineOrder, BlockBarrier) {
  expectClean("block_barrier", 64);
  expectRace("no_block_barrier", 64,
             AllOf(HasSubstr("race: kernel 'no_block_barrier', thread "), HasSubstr("of 'shared' in shared memory"),
                   HasSubstr("// put by all`"), HasSubstr("// get of another warp`"),
                   HasSubstr("nothing orders the two")));
}

TEST(EngineOrder, WarpBarrier) {
  expectClean("warp_barrier", 64);
  expectRace("no_warp_barrier", 64, AllOf(HasSubstr("// put by lane`"), HasSubstr("// get of another lane`")));
  expectRace("warp_barrier_for_block", 64, HasSubstr("nothing orders the two"));
  expectRace("other_warp_reads", 64, HasSubstr("nothing orders the two"));
}

/// Whichever of the readers writes, the other two race with it.
TEST(EngineOrder, WriteAfterRead) {
  for (const char *kernel : {"write_after_read_0", "write_after_read_5", "write_after_read_40"})
    expectRace(kernel, 64, AllOf(HasSubstr("// the read`"), HasSubstr("// the write`")));
  for (const char *kernel : {"lane_writes_after_own_read", "warp_writes_after_own_read"})
    expectRace(kernel, 64, AllOf(HasSubstr("// one of two reads`"), HasSubstr("// then writes`")));
  expectClean("reads_and_writes_alone", 64);
}

TEST(EngineOrder, Atomics) {
  expectClean("exchanges", 64);
  expectRace("put_and_exchange", 64, AllOf(HasSubstr("// the exchange`"), HasSubstr("// the plain put`")));
  expectRace("exchange_and_read", 64, AllOf(HasSubstr("// the exchange`"), HasSubstr("// the plain read`")));
}

//===-- Between blocks
//------------------------------------------------------------------------------------------------===//

const Kernels &grid() {
  static const Kernels made(R"cuda(
// Every block leaves a number per thread; the last one to arrive adds them up.
enum { fence_of_all = 1, fence_of_first = 2, fence_after = 4, fence_of_another = 8 };
template <int How> MOE_DEVICE void last_block(unsigned *workspace, int *sum, unsigned *shared) {
  unsigned *const parts = workspace + 16;
  moe_store1(parts, blockIdx.x * 64 + threadIdx.x, threadIdx.x); // leaves its part
  if (How & fence_of_all)
    moe_fence();
  moe_sync_block();
  if (How & fence_of_another) {
    if (threadIdx.x == 40)
      moe_fence();
    moe_sync_block();
  }
  if (threadIdx.x == 0) {
    if (How & fence_of_first)
      moe_fence();
    const bool last = moe_atomic_add(workspace, 1u) == gridDim.x - 1;
    if (last)
      moe_store1(workspace, 0, 0u);
    moe_put(shared, 0, last);
  }
  moe_sync_block();
  if (!moe_get<bool>(shared, 0))
    return;
  if (How & fence_after)
    moe_fence();
  unsigned total = 0;
  for (int block = 0; block < gridDim.x; ++block)
    total += moe_load1(parts, block * 64 + threadIdx.x); // reads the parts
  moe_store1(sum, threadIdx.x, static_cast<int>(total));
}
extern "C" __global__ void fence_before_barrier(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  last_block<fence_of_all | fence_after>(workspace, sum, shared);
}
extern "C" __global__ void fence_behind_barrier(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  last_block<fence_of_first | fence_after>(workspace, sum, shared);
}
extern "C" __global__ void fence_of_another_thread(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  last_block<fence_of_another | fence_after>(workspace, sum, shared);
}
extern "C" __global__ void no_fence_before(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  last_block<fence_after>(workspace, sum, shared);
}
extern "C" __global__ void no_fence_after(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  last_block<fence_of_all>(workspace, sum, shared);
}
extern "C" __global__ void from_rows(unsigned *workspace, int *sum) {
  __shared__ unsigned shared[1];
  unsigned *const parts = workspace + 16;
  moe_store1(parts, blockIdx.x * 64 + threadIdx.x, threadIdx.x);
  if (!moe_arrive_last(workspace, shared))
    return;
  unsigned total = 0;
  for (int block = 0; block < gridDim.x; ++block)
    total += moe_load1(parts, block * 64 + threadIdx.x);
  moe_store1(sum, threadIdx.x, static_cast<int>(total));
}

// One warp per block: a fence by one lane covers what a warp barrier has led to it.
template <bool Sync, int Fencer> MOE_DEVICE void last_warp(unsigned *workspace, int *sum) {
  unsigned *const parts = workspace + 16;
  const int lane = threadIdx.x;
  moe_store1(parts, blockIdx.x * 32 + lane, threadIdx.x);
  if (Sync)
    moe_sync_warp();
  if (lane == Fencer)
    moe_fence();
  if (Fencer)
    moe_sync_warp();
  bool last = false;
  if (lane == 0) {
    last = moe_atomic_add(workspace, 1u) == gridDim.x - 1;
    if (last)
      moe_store1(workspace, 0, 0u);
    moe_fence();
  }
  last = moe_any(last);
  moe_sync_warp();
  if (!last)
    return;
  unsigned total = 0;
  for (int block = 0; block < gridDim.x; ++block)
    total += moe_load1(parts, block * 32 + (lane + 1) % 32);
  moe_store1(sum, lane, static_cast<int>(total));
}
extern "C" __global__ void warp_leads_to_fence(unsigned *workspace, int *sum) { last_warp<true, 0>(workspace, sum); }
extern "C" __global__ void fence_of_another_lane(unsigned *workspace, int *sum) { last_warp<true, 3>(workspace, sum); }
extern "C" __global__ void nothing_leads_to_fence(unsigned *workspace, int *sum) { last_warp<false, 0>(workspace, sum); }

// Block 0 tells block 1, which tells block 2: what block 0 has written is known there if block 1 fences in between.
template <bool Fence> MOE_DEVICE void hand_on(unsigned *workspace, int *sum) {
  if (threadIdx.x != 0)
    return;
  if (blockIdx.x == 0) {
    moe_store1(workspace, 16, 5u); // first of the chain
    moe_fence();
    moe_atomic_add(workspace, 1u);
  } else if (blockIdx.x == 1) {
    if (moe_atomic_add(workspace, 0u) == 0)
      return;
    if (Fence)
      moe_fence();
    moe_atomic_add(workspace + 1, 1u);
  } else {
    if (moe_atomic_add(workspace + 1, 0u) == 0)
      return;
    moe_fence();
    moe_store1(sum, 0, static_cast<int>(moe_load1(workspace, 16))); // end of the chain
  }
}
extern "C" __global__ void chain(unsigned *workspace, int *sum) { hand_on<true>(workspace, sum); }
extern "C" __global__ void broken_chain(unsigned *workspace, int *sum) { hand_on<false>(workspace, sum); }

// A plain store to the location ends what was released there.
extern "C" __global__ void cut_chain(unsigned *workspace, int *sum) {
  if (threadIdx.x != 0)
    return;
  if (blockIdx.x == 0) {
    moe_store1(workspace, 16, 5u);
    moe_fence();
    moe_atomic_add(workspace, 1u);
    moe_store1(workspace, 0, 7u); // plain store to the ticket
  } else {
    moe_atomic_add(workspace, 0u);
    moe_fence();
    moe_store1(sum, 0, static_cast<int>(moe_load1(workspace, 16))); // learns nothing
  }
}

// Two blocks read, a third writes.
extern "C" __global__ void foreign_readers(unsigned *workspace, int *sum) {
  if (threadIdx.x == 0) {
    if (blockIdx.x < 2)
      moe_store1(sum, blockIdx.x, static_cast<int>(moe_load1(workspace, 0))); // foreign read
    else
      moe_store1(workspace, 0, 0u); // write beside readers
  }
}
)cuda",
                            true);
  return made;
}

Outcome runGrid(const char *kernel, unsigned blocks, unsigned threads, uint64_t seed,
                std::vector<int> *sums = nullptr) {
  CallMemory memory;
  memory.workspace(16 + blocks * 64, 16);
  int *sum = memory.output<int>("sum", 64);
  Outcome outcome = memory.run(grid(), kernel, blocks, threads, seed);
  if (sums)
    sums->assign(sum, sum + threads);
  return outcome;
}

TEST(EngineOrder, LastBlock) {
  ASSERT_EQ(grid().message, "");
  for (const char *kernel : {"fence_before_barrier", "fence_behind_barrier", "fence_of_another_thread", "from_rows"})
    for (uint64_t seed : seeds) {
      std::vector<int> sums;
      EXPECT_EQ(runGrid(kernel, 7, 64, seed, &sums).text(), "") << kernel << ", seed " << seed;
      for (int thread = 0; thread < 64; ++thread)
        EXPECT_EQ(sums[static_cast<size_t>(thread)], 7 * thread) << kernel << ", seed " << seed;
    }
}

TEST(EngineOrder, LastBlockWithoutAFence) {
  for (const char *kernel : {"no_fence_before", "no_fence_after"})
    for (uint64_t seed : seeds)
      EXPECT_THAT(runGrid(kernel, 7, 64, seed).text(),
                  AllOf(HasSubstr("race: kernel"), HasSubstr("'workspace'"), HasSubstr("// leaves its part`"),
                        HasSubstr("// reads the parts`"), HasSubstr("of block")))
          << kernel << ", seed " << seed;
}

TEST(EngineOrder, FenceCoversWhatAWarpBarrierLedToIt) {
  for (uint64_t seed : seeds) {
    EXPECT_EQ(runGrid("warp_leads_to_fence", 5, 32, seed).text(), "") << seed;
    EXPECT_EQ(runGrid("fence_of_another_lane", 5, 32, seed).text(), "") << seed;
    EXPECT_TRUE(runGrid("nothing_leads_to_fence", 5, 32, seed).has(MOE_EMULATOR_RACE)) << seed;
  }
}

/// In order, block 2 does see what block 0 has started.
TEST(EngineOrder, HandedOn) {
  auto withoutLeftTickets = [](const Outcome &outcome) {
    std::string text;
    for (const Outcome::Finding &finding : outcome.findings)
      if (finding.kind != MOE_EMULATOR_NOT_RESTORED)
        text += finding.text;
    return text;
  };
  for (uint64_t seed : seeds)
    EXPECT_EQ(withoutLeftTickets(runGrid("chain", 3, 32, seed)), "") << seed;
  EXPECT_THAT(withoutLeftTickets(runGrid("broken_chain", 3, 32, 0)),
              AllOf(HasSubstr("// first of the chain`"), HasSubstr("// end of the chain`")));
  EXPECT_THAT(withoutLeftTickets(runGrid("cut_chain", 2, 32, 0)), HasSubstr("// learns nothing`"));
}

TEST(EngineOrder, ReadersInOtherBlocks) {
  for (uint64_t seed : seeds)
    EXPECT_THAT(runGrid("foreign_readers", 3, 32, seed).text(),
                AllOf(HasSubstr("// foreign read`"), HasSubstr("// write beside readers`")))
        << seed;
}

} // namespace
} // namespace moe::emulator::test
