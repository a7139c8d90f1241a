// The emulator can fail: each test plants one defect in the CUDA that an example really gets, and sees it reported by
// its own name, with the lines of source and the array that it is about, in order and in random orders. An edit whose
// text is no longer in the source is a test failure, so no test can come to plant nothing.
#include "test/Support/GateCall.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fstream>
#include <regex>

namespace moe::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// What to put in place of a text that stands exactly once in the source, as far as the forward kernel goes.
struct Edit {
  const char *from;
  const char *to;
};

class Defects : public testing::Test {
protected:
  void SetUp() override {
    gate = Gate::load(MOE_SOURCE_DIR "/examples/deepseek_moe.moe", {});
    ASSERT_TRUE(gate);
    source = gate->descriptor().cuda_source;
    forwardEnd = source.find("_backward_layout");
    if (size_t next = source.find("extern \"C\" __global__", source.find("deepseek_moe_forward(")); next < forwardEnd)
      forwardEnd = next;
  }

  void plant(const Edit &edit) {
    size_t at = source.find(edit.from);
    ASSERT_LT(at, forwardEnd) << "the generated source has no\n" << edit.from;
    ASSERT_GE(source.find(edit.from, at + 1), forwardEnd) << "twice in the generated source:\n" << edit.from;
    source.replace(at, std::string(edit.from).size(), edit.to);
  }

  /// The gate with the edited source.
  rt::Executable compile() {
    edited = gate->descriptor();
    edited.cuda_source = source.c_str();
    return rt::Executable::emulator(edited);
  }

  std::vector<Buffer> inputs(int64_t tokens) const {
    std::vector<Buffer> arrays = makeBuffers(gate->descriptor(), tokens);
    fill(bufferOf(gate->descriptor(), arrays, "logits", true), Data::Ordinary, 1);
    return arrays;
  }

  /// Plants the defect and expects it to be found in every one of some orders.
  template <typename Matcher> void expectFound(const Edit &edit, int64_t tokens, uint32_t blocks, Matcher matcher) {
    ASSERT_NO_FATAL_FAILURE(plant(edit));
    rt::Executable executable = compile();
    for (uint64_t seed : {0, 1, 2, 3}) {
      executable.schedule(blocks, seed);
      GateCall call(executable, tokens);
      std::vector<Buffer> arrays = inputs(tokens);
      EXPECT_THAT(findingsOf(call, arrays, tokens), matcher) << "seed " << seed;
    }
  }

  std::unique_ptr<Gate> gate;
  std::string source;
  size_t forwardEnd = 0; ///< where the backward kernel begins in `source`
  moe_gate edited;
};

TEST_F(Defects, WithoutOneNothingIsFound) {
  rt::Executable executable = compile();
  GateCall call(executable, 37);
  std::vector<Buffer> arrays = inputs(37);
  EXPECT_EQ(findingsOf(call, arrays, 37), "");
}

/// `text` without its numbers, which say where a line or a thread happens to be.
std::string withoutNumbers(const std::string &text) { return std::regex_replace(text, std::regex("[0-9]+"), "N"); }

/// The text of the page's block that begins with `start`.
std::string blockOfPage(const std::string &start) {
  std::ifstream file(MOE_SOURCE_DIR "/docs/emulator.md");
  std::string page(std::istreambuf_iterator<char>(file), {});
  size_t from = page.find("\n" + start);
  return from == std::string::npos ? "" : page.substr(from + 1, page.find("\n```", from) - from - 1);
}

//===-- Order
//--------------------------------------------------------------------------------------------------------===//

/// A warp adds up what others are still putting into shared memory.
TEST_F(Defects, MissingBlockBarrier) {
  expectFound(
      {"  moe_sync_block();\n  for (int quad = threadIdx.x; quad < Quads; quad += 32 * Warps) {\n    moe_quad sum",
       "  for (int quad = threadIdx.x; quad < Quads; quad += 32 * Warps) {\n    moe_quad sum"},
      37, 1,
      AllOf(HasSubstr("race: "), HasSubstr("of 'shared' in shared memory"), HasSubstr("`moe_put(shared, words"),
            HasSubstr("moe_get<moe_quad>(shared, 4 * ")));
}

/// Lanes read scores that other lanes of their warp have staged.
TEST_F(Defects, MissingWarpSync) {
  expectFound({"      moe_sync_warp();\n      const float weight =", "      const float weight ="}, 37, 1,
              AllOf(HasSubstr("race: "), HasSubstr("of 'shared' in shared memory"), HasSubstr("moe_put4(shared, stage"),
                    HasSubstr("`const float weight = ")));
}

TEST_F(Defects, AreShownOnThePage) {
  ASSERT_NO_FATAL_FAILURE(plant({"      moe_sync_warp();\n      const float weight =", "      const float weight ="}));
  rt::Executable executable = compile();
  GateCall call(executable, 37);
  std::vector<Buffer> arrays = inputs(37);
  std::string shown = blockOfPage("race: kernel 'deepseek_moe_forward'");
  ASSERT_NE(shown, "") << "docs/emulator.md shows no race";
  EXPECT_THAT(withoutNumbers(findingsOf(call, arrays, 37)), HasSubstr(withoutNumbers(shown)));
}

/// The next row is staged while lanes still read this one.
TEST_F(Defects, MissingWarpSyncBehindTheReads) {
  expectFound(
      {"moe_get<float>(shared, stage + route);\n      moe_sync_warp();\n", "moe_get<float>(shared, stage + route);\n"},
      97, 1, AllOf(HasSubstr("race: "), HasSubstr("of 'shared' in shared memory")));
}

/// A block may see the ticket of another before its partial results.
TEST_F(Defects, MissingFenceBeforeTheTicket) {
  expectFound({"  moe_fence();\n  moe_sync_block();\n  if (threadIdx.x == 0) {\n    const bool last = moe_atomic_add",
               "  moe_sync_block();\n  if (threadIdx.x == 0) {\n    const bool last = moe_atomic_add"},
              37, 3,
              AllOf(HasSubstr("race: "), HasSubstr("of 'partials'"), HasSubstr("moe_store_quad(partials"),
                    HasSubstr("moe_load_quad(partials")));
}

/// And the last block may have read them before it took its ticket.
TEST_F(Defects, MissingFenceBehindTheTicket) {
  expectFound({"  moe_fence();\n  moe_sync_block();\n  return last;", "  moe_sync_block();\n  return last;"}, 37, 3,
              AllOf(HasSubstr("race: "), HasSubstr("of 'partials'")));
}

/// Only the blocks' first warp meets at the barrier.
TEST_F(Defects, DivergentBlockBarrier) {
  expectFound({"    moe_sync_block();\n    const int words =",
               "    if (threadIdx.x < 32) moe_sync_block();\n    const int words ="},
              37, 1, AllOf(HasSubstr("barrier"), HasSubstr("if (threadIdx.x < 32) moe_sync_block();")));
}

/// The mask of every shuffle names all 32 lanes; here lanes whose row is past the end do not come.
TEST_F(Defects, WrongShuffleMask) {
  expectFound({"      const float nonfinite_tokens_sum = moe_sum_row<8, 4, 8>(nonfinite_tokens_t);",
               "      float nonfinite_tokens_sum = 0.0f;\n"
               "      if (live) nonfinite_tokens_sum = moe_sum_row<8, 4, 8>(nonfinite_tokens_t);"},
              37, 1,
              AllOf(HasSubstr("lanes that never meet: "), HasSubstr("thread 32 to 39, each: waits in a shuffle"),
                    HasSubstr("moe_shuffle_xor(whole, offset)")));
}

/// Lanes of one warp that meet, but in different shuffles.
TEST_F(Defects, LanesInDifferentShuffles) {
  expectFound({"      const float nonfinite_tokens_sum = moe_sum_row<8, 4, 8>(nonfinite_tokens_t);",
               "      float nonfinite_tokens_sum = 0.0f;\n"
               "      if (live) nonfinite_tokens_sum = moe_sum_row<8, 4, 8>(nonfinite_tokens_t);\n"
               "      else moe_sync_warp(), moe_sync_warp(), moe_sync_warp();"},
              37, 1,
              AllOf(HasSubstr("threads meet in different calls"), HasSubstr("moe_sync_warp(), moe_sync_warp()"),
                    HasSubstr("moe_shuffle_xor(whole, offset)")));
}

//===-- Places
//-------------------------------------------------------------------------------------------------------===//

TEST_F(Defects, OffByOneRowStored) {
  expectFound({"      const bool live = row < end;", "      const bool live = row <= end;"}, 37, 1,
              AllOf(HasSubstr("out of bounds: "), HasSubstr("of 'weight' (888 bytes)"), HasSubstr("of row 37)"),
                    HasSubstr("moe_store1(weight_out, row * 6 + lane, weight)")));
}

TEST_F(Defects, OffByOneRowLoaded) {
  expectFound({"      if (next < end) {", "      if (next <= end) {"}, 32, 1,
              AllOf(HasSubstr("out of bounds: "), HasSubstr("of 'logits' (8192 bytes)"), HasSubstr("of row 32)"),
                    HasSubstr("moe_load4(logits_in, next * 64")));
}

TEST_F(Defects, MisalignedVectorLoad) {
  expectFound({"        moe_load4(logits_in, next * 64 + j / 4 * 32",
               "        moe_load4(logits_in, next * 64 - 2 + j / 4 * 32"},
              97, 1, AllOf(HasSubstr("misaligned: "), HasSubstr("of 'logits'"), HasSubstr("no multiple of 16")));
}

/// Every block works from the first token on.
TEST_F(Defects, TwoBlocksWriteTheSameOutput) {
  expectFound({"    const long long begin = token_count * blockIdx.x / gridDim.x;", "    const long long begin = 0;"},
              37, 3,
              AllOf(HasSubstr("written twice: "), HasSubstr("of 'weight'"), HasSubstr("of 'route'"),
                    HasSubstr("of block 1"), HasSubstr("moe_store1(route_out, row * 6 + lane, route)")));
}

TEST_F(Defects, InputWritten) {
  expectFound({"moe_store1(route_out, row * 6 + lane, route);", "moe_store1((int *)logits_in, row * 6 + lane, route);"},
              37, 1, AllOf(HasSubstr("input written: "), HasSubstr("of 'logits'")));
}

/// The same for a gate whose sequences are packed: four of them, one empty, in three blocks.
class SequenceDefects : public Defects {
protected:
  void SetUp() override {
    gate = Gate::load(MOE_SOURCE_DIR "/examples/systems/deepseek_v3_packed.moe", {});
    ASSERT_TRUE(gate);
    source = gate->descriptor().cuda_source;
    forwardEnd = source.find("deepseek_v3_packed_backward");
    ASSERT_NE(forwardEnd, std::string::npos);
  }

  std::string findings(uint64_t seed) {
    edited = gate->descriptor();
    edited.cuda_source = source.c_str();
    rt::Executable executable = rt::Executable::emulator(edited, 3, seed);
    GateCall call(executable, 37, 4);
    call.keeps = true;
    std::vector<Buffer> arrays = makeBuffers(gate->descriptor(), 37, 4);
    fill(bufferOf(gate->descriptor(), arrays, "logits", true), Data::Ordinary, 1);
    Buffer &offsets = bufferOf(gate->descriptor(), arrays, "offsets", true);
    for (int64_t i = 0; int bound : {0, 10, 10, 30, 37})
      offsets.set(i++, bound);
    return findingsOf(call, arrays, 37);
  }
};

/// A block finishes its part of a sequence that goes on in the next one, as if it were all of it.
TEST_F(SequenceDefects, TwoBlocksFinishTheSameSequence) {
  EXPECT_EQ(findings(0), "");
  ASSERT_NO_FATAL_FAILURE(plant({"      if (!goes_on && threadIdx.x < 32) // one warp finishes it",
                                 "      if (threadIdx.x < 32) // one warp finishes it"}));
  for (uint64_t seed : {0, 1, 2})
    EXPECT_THAT(findings(seed),
                AllOf(HasSubstr("written twice: "), HasSubstr("of 'saved_f'"), HasSubstr("moe_store1(saved_f")));
}

/// The last block merges parts of a sequence before it knows that they are there.
TEST_F(SequenceDefects, PartsOfASequenceWithoutAFence) {
  ASSERT_NO_FATAL_FAILURE(
      plant({"  moe_fence();\n  moe_sync_block();\n  return last;", "  moe_sync_block();\n  return last;"}));
  for (uint64_t seed : {0, 1, 2})
    EXPECT_THAT(findings(seed),
                AllOf(HasSubstr("race: "), HasSubstr("of 'partials'"), HasSubstr("moe_load_quad(ends")));
}

//===-- Values
//-------------------------------------------------------------------------------------------------------===//

/// The last word of each warp's part is left as it was.
TEST_F(Defects, ReadOfUnwrittenSharedMemory) {
  expectFound({"    if (threadIdx.x % 32 < 4)\n      moe_put(shared, words + 128",
               "    if (threadIdx.x % 32 < 3)\n      moe_put(shared, words + 128"},
              5, 1,
              AllOf(HasSubstr("uninitialised: "), HasSubstr("of 'shared' in shared memory"),
                    HasSubstr("moe_get<moe_quad>(shared, 4 * ")));
}

/// The parts of one block more than there are.
TEST_F(Defects, ReadOfUnwrittenWorkspace) {
  expectFound({"    const int blocks = phase & MOE_ACCUMULATE ? gridDim.x : 0;",
               "    const int blocks = phase & MOE_ACCUMULATE ? gridDim.x + 1 : 0;"},
              5, 3,
              AllOf(HasSubstr("uninitialised: "), HasSubstr("of 'partials'"), HasSubstr("moe_load_quad(partials")));
}

TEST_F(Defects, OutputNeverWritten) {
  expectFound({"if (live && lane < 6) moe_store1(route_out", "if (live && lane < 5) moe_store1(route_out"}, 37, 1,
              HasSubstr("never written: 148 of the 888 bytes of 'route'"));
}

/// The call that leaves the ticket as it is says so; and the next one on that workspace has no last block.
TEST_F(Defects, TicketNotRearmed) {
  expectFound({"    if (last)\n      moe_store1(ticket, 0, 0u);\n", ""}, 37, 3,
              AllOf(HasSubstr("not restored: "), HasSubstr("of 'tickets'")));
  rt::Executable executable = compile();
  executable.schedule(3, 0);
  GateCall call(executable, 37);
  std::vector<Buffer> arrays = inputs(37), again = arrays;
  EXPECT_THAT(findingsOf(call, arrays, 37), HasSubstr("not restored: "));
  EXPECT_THAT(findingsOf(call, again, 37), HasSubstr("never written: 4 of the 4 bytes of 'expert_balance'"));
}

/// CUDA that the emulator does not have is refused by name, not run without.
TEST_F(Defects, UnknownCudaIsACompileErrorThatNamesIt) {
  ASSERT_NO_FATAL_FAILURE(
      plant({"      const bool live = row < end;", "      const bool live = row < end;\n      __nanosleep(100);"}));
  try {
    compile();
    FAIL() << "it compiles";
  } catch (const rt::Error &error) {
    EXPECT_EQ(error.status(), MOE_COMPILE_FAILED);
    EXPECT_THAT(error.what(), HasSubstr("__nanosleep"));
  }
}

} // namespace
} // namespace moe::test
