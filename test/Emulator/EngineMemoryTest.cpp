// Accesses that go wrong by themselves: each kind of defect as a kernel that has it, and as one that does not.
#include "test/Emulator/EngineRun.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace moe::emulator::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Kernels &kernels() {
  static const Kernels made(R"cuda(
// One row of four per thread, `extra` rows too far.
extern "C" __global__ void copy_rows(const float *in, float *out, int extra) {
  float row[4];
  moe_load4(in, (threadIdx.x + extra) * 4, row); // loads a row
  moe_store4(out, threadIdx.x * 4, row);
}
extern "C" __global__ void store_rows(const float *in, float *out, int extra) {
  float row[4];
  moe_load4(in, threadIdx.x * 4, row);
  moe_store4(out, (static_cast<int>(threadIdx.x) + extra) * 4ll, row); // stores a row
}
extern "C" __global__ void load_two(const float *in, float *out, int extra) {
  float pair[2];
  moe_load2(in, 2 * threadIdx.x + extra, pair); // loads a pair
  moe_store2(out, 2 * threadIdx.x, pair);
}
extern "C" __global__ void write_input(const float *in, float *out, int extra) {
  moe_store1(out, threadIdx.x, 1.0f);
  if (extra)
    moe_store1(const_cast<float *>(in), threadIdx.x, 2.0f); // stores to the input
}
extern "C" __global__ void write_twice(const float *in, float *out, int extra) {
  moe_store1(out, threadIdx.x, 1.0f); // first store
  if (extra && threadIdx.x == 3)
    moe_store1(out, 3, 2.0f); // second store
}
extern "C" __global__ void write_by_all_blocks(const float *in, float *out, int extra) {
  if (blockIdx.x == 0 || extra)
    moe_store1(out, threadIdx.x, 1.0f); // stored by each block
}

// Shared memory.
extern "C" __global__ void read_unwritten(const float *in, float *out, int extra) {
  __shared__ __align__(16) unsigned words[64];
  if (!extra || threadIdx.x != 9)
    moe_put(words, threadIdx.x, 1.0f);
  moe_sync_block();
  moe_store1(out, threadIdx.x, moe_get<float>(words, threadIdx.x)); // reads a word
}
extern "C" __global__ void shared_bounds(const float *in, float *out, int extra) {
  __shared__ __align__(16) unsigned words[64];
  moe_put(words, threadIdx.x + extra, 1.0f); // puts a word
  moe_store1(out, threadIdx.x, 1.0f);
}
extern "C" __global__ void shared_misaligned(const float *in, float *out, int extra) {
  __shared__ __align__(16) unsigned words[260];
  const float four[4] = {};
  moe_put4(words, 4 * threadIdx.x + extra, four); // puts four words
  moe_store1(out, threadIdx.x, 1.0f);
}

// Halves of words: neighbours are different memory.
extern "C" __global__ void halves(const float *in, unsigned short *out, int extra) {
  moe_store1(out, threadIdx.x, static_cast<unsigned short>(threadIdx.x)); // stores a half
  const unsigned both = 0;
  if (extra && threadIdx.x == 0)
    moe_store2(out, 0, &both); // stores both halves
}

extern "C" __global__ void scratch(const float *in, float *scratch, float *out, int extra) {
  if (!extra)
    moe_store1(scratch, threadIdx.x, 1.0f);
  moe_store1(out, threadIdx.x, moe_load1(scratch, threadIdx.x)); // reads its scratch
}

__device__ const int table[4] = {1, 2, 3, 5};
extern "C" __global__ void constants(const float *in, int *out, int extra) {
  moe_store1(out, threadIdx.x, moe_constant(table, threadIdx.x % 4 + extra)); // reads the table
}
extern "C" __global__ void through_null(const float *in, float *out, float *none, int extra) {
  moe_store1(out, threadIdx.x, 1.0f);
  if (extra)
    moe_store1(none, threadIdx.x, 1.0f); // stores nowhere
}
extern "C" __global__ void ticket(unsigned *workspace, int extra) {
  if (threadIdx.x == 0 && moe_atomic_add(workspace, 1u) == gridDim.x - 1 && !extra)
    moe_store1(workspace, 0, 0u);
}
)cuda");
  return made;
}

constexpr unsigned threads = 32;

/// in[4 * threads], out[4 * threads].
Outcome run(const char *kernel, int extra, unsigned blocks = 1, size_t outOffset = 0) {
  CallMemory memory;
  memory.input("in", std::vector<float>(4 * threads, 1.0f), 16);
  memory.output<float>("out", 4 * threads, 16, outOffset);
  memory.value(extra);
  return memory.run(kernels(), kernel, blocks, threads);
}

template <typename Matcher>
void expectOnlyWith(const char *kernel, moe_emulator_finding_kind kind, Matcher matcher, unsigned blocks = 1,
                    int extra = 1) {
  ASSERT_EQ(kernels().message, "");
  EXPECT_EQ(run(kernel, 0, blocks).text(), "") << kernel;
  Outcome outcome = run(kernel, extra, blocks);
  ASSERT_EQ(outcome.findings.size(), 1u) << outcome.text();
  EXPECT_EQ(outcome.findings[0].kind, kind);
  EXPECT_THAT(outcome.text(), matcher);
}

TEST(EngineMemory, OutOfBounds) {
  expectOnlyWith(
      "copy_rows", MOE_EMULATOR_OUT_OF_BOUNDS,
      AllOf(HasSubstr("out of bounds: kernel 'copy_rows', thread 31 of block 0 reads 16 bytes at byte 512 of "
                      "'in' (512 bytes), element 128 (0 of row 32)"),
            HasSubstr("at kernels.cu:8 `moe_load4"), HasSubstr("// loads a row`")));
  expectOnlyWith(
      "store_rows", MOE_EMULATOR_OUT_OF_BOUNDS,
      AllOf(HasSubstr("thread 0 of block 0 writes 16 bytes at 16 bytes before 'out'"), HasSubstr("// stores a row`")),
      1, -1);
}

/// One byte behind the end is outside also where another buffer begins.
TEST(EngineMemory, OutOfBoundsIntoTheNextBuffer) {
  std::vector<float> both(256);
  CallMemory memory;
  memory.add("in", MOE_EMULATOR_READ, 512, 512);
  memory.output<float>("out", 128);
  memory.value(1);
  EXPECT_TRUE(memory.run(kernels(), "copy_rows", 1, threads).has(MOE_EMULATOR_OUT_OF_BOUNDS));
}

TEST(EngineMemory, Misaligned) {
  expectOnlyWith("load_two", MOE_EMULATOR_MISALIGNED,
                 AllOf(HasSubstr("misaligned: kernel 'load_two', thread 0 of block 0 reads 8 bytes at byte 4 of 'in'"),
                       HasSubstr("multiple of 8"), HasSubstr("// loads a pair`")));
  // The address counts, not the place in the buffer.
  EXPECT_TRUE(run("copy_rows", 0, 1, 8).has(MOE_EMULATOR_MISALIGNED));
  EXPECT_EQ(run("copy_rows", 0, 1, 16).text(), "");
}

TEST(EngineMemory, Writes) {
  expectOnlyWith("write_input", MOE_EMULATOR_INPUT_WRITTEN,
                 AllOf(HasSubstr("input written: "), HasSubstr("of 'in'"), HasSubstr("// stores to the input`")));
  expectOnlyWith("write_twice", MOE_EMULATOR_WRITTEN_TWICE,
                 AllOf(HasSubstr("thread 3 of block 0 writes 4 bytes at byte 12 of 'out'"),
                       HasSubstr("// first store`"), HasSubstr("// second store`")));
  expectOnlyWith("write_by_all_blocks", MOE_EMULATOR_WRITTEN_TWICE,
                 AllOf(HasSubstr("// stored by each block`"), HasSubstr("of block 1"), HasSubstr("of block 0"),
                       HasSubstr("nothing orders the two")),
                 2);
}

TEST(EngineMemory, SharedMemory) {
  expectOnlyWith("read_unwritten", MOE_EMULATOR_UNINITIALISED,
                 AllOf(HasSubstr("thread 9 of block 0 reads 4 bytes at word 9 of 'words' in shared memory (64 words)"),
                       HasSubstr("no value yet"), HasSubstr("// reads a word`")));
  expectOnlyWith(
      "shared_bounds", MOE_EMULATOR_OUT_OF_BOUNDS,
      AllOf(HasSubstr("thread 31 of block 0 writes 4 bytes at word 64 of 'words'"), HasSubstr("// puts a word`")), 1,
      33);
  expectOnlyWith("shared_misaligned", MOE_EMULATOR_MISALIGNED,
                 AllOf(HasSubstr("of 'words' in shared memory"), HasSubstr("multiple of 16")));
}

/// What one block has left in shared memory is no value for the next one.
TEST(EngineMemory, SharedMemoryOfTheBlockBefore) {
  const Kernels both(R"cuda(
extern "C" __global__ void leaves(int *out) {
  __shared__ unsigned words[1];
  if (blockIdx.x == 0 && threadIdx.x == 0)
    moe_put(words, 0, 7);
  moe_sync_block();
  if (threadIdx.x == 0)
    moe_store1(out, blockIdx.x, moe_get<int>(words, 0));
}
)cuda");
  CallMemory memory;
  int *out = memory.output<int>("out", 2);
  EXPECT_THAT(memory.run(both, "leaves", 2, 32).text(),
              HasSubstr("uninitialised: kernel 'leaves', thread 0 of block 1"));
  EXPECT_EQ(out[0], 7);
  EXPECT_NE(out[1], 7);
}

TEST(EngineMemory, Halves) {
  for (int extra : {0, 1}) {
    CallMemory memory;
    memory.input("in", std::vector<float>(1));
    memory.output<unsigned short>("out", threads);
    memory.value(extra);
    Outcome outcome = memory.run(kernels(), "halves", 1, threads);
    EXPECT_EQ(outcome.has(MOE_EMULATOR_WRITTEN_TWICE), extra == 1) << outcome.text();
    EXPECT_EQ(outcome.findings.empty(), extra == 0) << outcome.text();
  }
}

TEST(EngineMemory, Workspace) {
  for (int extra : {0, 1}) {
    CallMemory memory;
    memory.input("in", std::vector<float>(1));
    memory.add("scratch", MOE_EMULATOR_READ_WRITE, 4 * threads, 0);
    float *out = memory.output<float>("out", threads);
    memory.value(extra);
    Outcome outcome = memory.run(kernels(), "scratch", 1, threads);
    if (extra)
      EXPECT_THAT(outcome.text(),
                  AllOf(HasSubstr("uninitialised: "), HasSubstr("'scratch'"), HasSubstr("// reads its scratch`")));
    else
      EXPECT_EQ(outcome.text(), "");
    EXPECT_EQ(out[0] == 1.0f, !extra);
  }
}

TEST(EngineMemory, NotRestored) {
  for (int extra : {0, 1}) {
    CallMemory memory;
    memory.workspace(16, 16);
    memory.value(extra);
    Outcome outcome = memory.run(kernels(), "ticket", 3, threads);
    ASSERT_EQ(outcome.findings.size(), static_cast<size_t>(extra)) << outcome.text();
    if (extra)
      EXPECT_THAT(outcome.text(), HasSubstr("not restored: byte 0 of 'workspace' was 0 when the call began and is 3"));
  }
}

TEST(EngineMemory, ConstantsAndNull) {
  for (int extra : {0, 1}) {
    CallMemory memory;
    memory.input("in", std::vector<float>(1));
    memory.output<int>("out", threads);
    memory.value(extra);
    Outcome outcome = memory.run(kernels(), "constants", 1, threads);
    EXPECT_EQ(outcome.findings.empty(), !extra);
    if (extra)
      EXPECT_THAT(outcome.text(), HasSubstr("reads element 4 of a constant table that has 4"));
  }
  for (int extra : {0, 1}) {
    CallMemory memory;
    memory.input("in", std::vector<float>(1));
    memory.output<float>("out", threads);
    memory.null();
    memory.value(extra);
    Outcome outcome = memory.run(kernels(), "through_null", 1, threads);
    EXPECT_EQ(outcome.findings.empty(), !extra);
    if (extra)
      EXPECT_THAT(outcome.text(), AllOf(HasSubstr("through a null pointer"), HasSubstr("// stores nowhere`")));
  }
}

/// One finding, however often it comes up.
TEST(EngineMemory, Times) {
  Outcome outcome = run("write_by_all_blocks", 1, 5);
  ASSERT_EQ(outcome.findings.size(), 1u);
  EXPECT_EQ(outcome.findings[0].times, 4 * threads);
}

} // namespace
} // namespace moe::emulator::test
