// Pieces in pieces: passes over tokens, over sequences and over documents, emulated, against the meaning of the
// moe_kernel text. Lengths, numbers and offsets at each level, empty pieces of both, documents that blocks cut, many
// grids and random orders; offsets that are bad at one level or the other.
#include "test/Emulator/KernelProgram.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <random>

namespace moe::test {
namespace {

const char *const nested = "Emulator/Inputs/nested.mlir";

/// `size` elements in pieces of 0 to `most` of them, with empty ones at both ends.
std::vector<int> boundsOf(int size, int most, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> bounds{0, 0};
  while (bounds.back() < size)
    bounds.push_back(std::min(size, bounds.back() + static_cast<int>(random() % (static_cast<unsigned>(most) + 1))));
  bounds.push_back(size);
  return bounds;
}

class Nested : public testing::TestWithParam<Shape> {
protected:
  void check(KernelProgram &program, int tokens, unsigned grid, unsigned seed, int most) {
    std::vector<int> bounds = boundsOf(tokens, most, seed);
    int sequences = GetParam().pieces ? tokens / GetParam().pieces : static_cast<int>(bounds.size()) - 1;
    std::vector<int> outer = boundsOf(sequences, 7, seed + 1);
    if (static_cast<int>(outer.size()) - 1 > sequences) // there are at most as many documents
      outer = sequences ? std::vector<int>{0, sequences} : std::vector<int>{0};
    Arrays arrays = program.inputs(tokens, Rows::Plain, seed + 7, bounds, outer);
    GateCall call(program.emulator(), tokens, std::max(sequences, static_cast<int>(outer.size()) - 1));
    call.keeps = true;
    program.emulator().schedule(grid, seed);
    Arrays expected = program.interpret(arrays, tokens);
    std::string what =
        "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid) + " seed=" + std::to_string(seed);
    program.run(call, arrays, tokens, MOE_FORWARD, what);
    ASSERT_FALSE(HasFailure());
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
  }
};

TEST_P(Nested, ArePassesOverEachLevel) {
  KernelProgram program(GetParam());
  ASSERT_TRUE(program.isReady());
  unsigned seed = 0;
  for (int tokens : {0, 24, 120, 480})
    for (unsigned grid : {1u, 3u, 8u})
      ASSERT_NO_FATAL_FAILURE(check(program, tokens, grid, seed++, tokens == 480 ? 40 : 9));
}

INSTANTIATE_TEST_SUITE_P(All, Nested,
                         testing::Values(Shape{nested, 16, 0, 0, 3, 0, "f32", 0, 4, "length 3"},
                                         Shape{nested, 16, 0, 0, 3, 0, "f32", 0, 3, "count 4"},
                                         Shape{nested, 60, 0, 0, 4, 0, "bf16", 0, 2, "offsets @cu_documents"},
                                         Shape{nested, 8, 0, 0, 2, 0, "f32", 1, 0, "offsets @cu_documents"},
                                         Shape{nested, 64, 0, 0, 6, 0, "f32", 0, 0, "offsets @cu_documents"}));

/// The rest of a pass over sequences: one element of each, in 132 blocks.
TEST(NestedPieces, OfAFullGrid) {
  KernelProgram program({nested, 4, 0, 0, 2, 0, "f32", 0, 2, "length 5"});
  ASSERT_TRUE(program.isReady());
  for (unsigned seed : {0u, 9u}) {
    program.emulator().schedule(132, seed);
    GateCall call(program.emulator(), 3000);
    Arrays arrays = program.inputs(3000, Rows::Plain, 3), expected = program.interpret(arrays, 3000);
    program.run(call, arrays, 3000, MOE_FORWARD, "1500 sequences");
    ASSERT_FALSE(testing::Test::HasFailure());
    ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, "1500 sequences"));
  }
}

/// Bad offsets of any level are said, and count as the nearest that would be in place.
TEST(NestedPieces, WithBadOffsets) {
  KernelProgram program({nested, 16, 0, 0, 3, 0, "f32", 0, 0, "offsets @cu_documents"});
  ASSERT_TRUE(program.isReady());
  const std::vector<int> good = {0, 10, 10, 80, 97}, goodOuter = {0, 3, 4};
  for (unsigned grid : {1u, 3u})
    for (int level : {0, 1, 2}) {
      GateCall call(program.emulator(), 97, 4);
      program.emulator().schedule(grid, grid);
      std::vector<int> bounds = level == 0 ? std::vector<int>{0, 10, 9, 80, 97} : good;
      std::vector<int> outer = level == 1 ? std::vector<int>{0, 5, 4} : goodOuter;
      Arrays arrays = program.inputs(97, Rows::Plain, 5, bounds, outer), taken = arrays;
      if (level == 0)
        taken["cu_seqlens"] = {0, 10, 10, 80, 97};
      if (level == 1)
        taken["cu_documents"] = {0, 4, 4};
      Arrays expected = program.interpret(taken, 97);
      expected["bad_offsets"] = {level == 2 ? 0.0 : 1.0};
      std::string what = "bad at level " + std::to_string(level) + ", grid " + std::to_string(grid);
      program.run(call, arrays, 97, MOE_FORWARD, what);
      ASSERT_FALSE(testing::Test::HasFailure());
      ASSERT_NO_FATAL_FAILURE(program.expectSame(expected, arrays, what));
    }
}

/// Micro-batches: each has its coefficients, and all their totals; what one has said of its offsets stays said.
TEST(NestedPieces, InPartsAddUp) {
  KernelProgram program({nested, 16, 0, 0, 3, 0, "f32", 0, 0, "offsets @cu_documents"});
  ASSERT_TRUE(program.isReady());
  program.emulator().schedule(3, 5);
  for (bool wrong : {false, true}) {
    GateCall call(program.emulator(), 97, 4);
    Arrays first = program.inputs(97, Rows::Plain, 1, {0, 10, 10, 80, 97}, {0, 3, 4}), taken = first,
           second = program.inputs(30, Rows::Plain, 2, {0, 13, 30}, {0, 2});
    if (wrong)
      first["cu_documents"] = {0, 9, 4}, taken["cu_documents"] = {0, 4, 4};
    Arrays wantFirst = program.interpret(taken, 97), wantSecond = program.interpret(second, 30), none = second;
    program.run(call, first, 97, MOE_ACCUMULATE | MOE_RESET, "first");
    program.run(call, second, 30, MOE_ACCUMULATE, "second");
    EXPECT_EQ(first["document_load"], wantFirst["document_load"]);
    EXPECT_EQ(second["document_load"], wantSecond["document_load"]);
    for (size_t n = 0; n < second["y"].size(); ++n)
      ASSERT_NEAR(second["y"][n], wantSecond["y"][n], 1e-4) << "coefficients are those of the call";
    none["cu_seqlens"] = none["cu_documents"] = {0};
    none["x"] = none["weight"] = none["scale"] = {};
    program.run(call, none, 0, MOE_FINISH, "finish");
    EXPECT_EQ(none["count"][0], 127);
    EXPECT_EQ(none["bad_offsets"][0], wrong);
    EXPECT_NEAR(none["both"][0], wantFirst["both"][0] + wantSecond["both"][0], 1e-4);
    EXPECT_NEAR(none["greatest"][0], std::max(wantFirst["greatest"][0], wantSecond["greatest"][0]), 1e-5);
    for (size_t e = 0; e < 16; ++e) {
      EXPECT_EQ(none["total"][e], wantFirst["total"][e] + wantSecond["total"][e]);
      EXPECT_EQ(none["most"][e], std::max(wantFirst["most"][e], wantSecond["most"][e]));
      EXPECT_NEAR(none["scales"][e], wantFirst["scales"][e] + wantSecond["scales"][e], 1e-4);
    }
  }
}

/// A defect that is planted in the pass over sequences: a block finishes its part of a document that goes on in the
/// next one, as if it were all of it.
TEST(NestedPieces, TwoBlocksFinishTheSameDocument) {
  KernelProgram program({nested, 16, 0, 0, 3, 0, "f32", 0, 1, "offsets @cu_documents"});
  ASSERT_TRUE(program.isReady());
  std::string source = program.gate().cuda_source, right = "if (!goes_on && threadIdx.x < 32)";
  size_t at = source.find(right, source.find("nested_forward_pass2("));
  ASSERT_NE(at, std::string::npos);
  moe_gate edited = program.gate();
  for (bool wrong : {false, true}) {
    if (wrong)
      source.replace(at, right.size(), "if (threadIdx.x < 32)");
    edited.cuda_source = source.c_str();
    rt::Executable executable = rt::Executable::emulator(edited, 3);
    GateCall call(executable, 40, 3);
    Arrays arrays = program.inputs(40, Rows::Plain, 1, {}, {0, 10, 25, 40});
    std::vector<Buffer> buffers = makeBuffers(edited, program.countsOf(arrays, 40));
    for (uint32_t i = 0; i < edited.array_count; ++i)
      if (edited.arrays[i].role == MOE_INPUT)
        for (int64_t e = 0; e < buffers[i].count(); ++e)
          buffers[i].set(e, arrays.at(edited.arrays[i].name).at(static_cast<size_t>(e)));
    for (uint64_t seed : {0u, 1u, 2u}) {
      executable.schedule(3, seed);
      std::vector<Buffer> copies = buffers;
      std::string found = findingsOf(call, copies, 40);
      if (wrong)
        EXPECT_THAT(found, testing::AllOf(testing::HasSubstr("written twice: "),
                                          testing::HasSubstr("kernel 'nested_forward_pass2'"),
                                          testing::HasSubstr("of 'document_load'")));
      else
        EXPECT_EQ(found, "");
    }
  }
}

} // namespace
} // namespace moe::test
