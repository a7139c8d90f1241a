// The table and the loads: columns stand under each other, groups follow the axes' maps.
#include "tools/moe-run/Report.h"
#include "TestGate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

namespace moe::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const moe_gate gate = test::gateOf(test::arrays, 8);

TEST(Report, TableAlignsNamesAndSumsLosses) {
  InputOptions options;
  options.tokens = 3;
  CallArrays call = llvm::cantFail(makeCallArrays(gate, options));
  call.arrays[4].storage.as<float>()[0] = 0.5f;
  call.arrays[5].storage.as<float>()[0] = 0.125f;
  for (int i = 0; i < 6; ++i)
    call.arrays[6].storage.as<int32_t>()[i] = i;
  std::string text;
  llvm::raw_string_ostream os(text);
  printTable(os, call);
  EXPECT_EQ(text, "  input   logits   f32 [3, 6]  seeded\n"
                  "  input   bias     bf16 [6]  seeded\n"
                  "  param   alpha    0.25  (default)\n"
                  "  output  route    i32 [3, 2]\n"
                  "  loss    balance  0.5\n"
                  "  loss    z        0.125\n"
                  "  loss    (total)  0.625\n"
                  "  metric  load     i32 [6]  least 0, mean 2.5, greatest 5\n"
                  "  status  empty    0\n");
}

TEST(Report, NaNHasNoSignAndNoPartInSummaries) {
  InputOptions options;
  options.tokens = 3;
  CallArrays call = llvm::cantFail(makeCallArrays(gate, options));
  call.arrays[4].storage.as<float>()[0] = -std::numeric_limits<float>::quiet_NaN();
  call.arrays[6].storage = NpyArray(NpyType::F32, {6});
  const float values[] = {NAN, 1, 2, NAN, 6, -NAN};
  std::copy(std::begin(values), std::end(values), call.arrays[6].storage.as<float>().begin());
  std::string text;
  llvm::raw_string_ostream os(text);
  printTable(os, call);
  EXPECT_THAT(text, HasSubstr("loss    balance  nan\n"));
  EXPECT_THAT(text, HasSubstr("loss    (total)  nan\n"));
  EXPECT_THAT(text, HasSubstr("least 1, mean 3, greatest 6, 3 of 6 nan\n"));
  std::fill_n(call.arrays[6].storage.as<float>().begin(), 6, NAN);
  text.clear();
  printTable(os, call);
  EXPECT_THAT(text, HasSubstr("[6]  6 of 6 nan\n"));
}

TEST(Report, GradientsHaveTheirNorm) {
  InputOptions options;
  options.tokens = 2;
  CallArrays forward = llvm::cantFail(makeCallArrays(gate, options));
  moe_gate whole = gate, backward = test::gateOf(test::backwardArrays, 8);
  whole.backward = &backward;
  options.files.clear();
  options.params = {{"balance", "2"}};
  CallArrays call = llvm::cantFail(makeBackwardArrays(whole, forward, options));
  float *logits = call.arrays[6].storage.as<float>().data();
  logits[1] = -4;
  logits[7] = 3;
  uint16_t *bias = call.arrays[7].storage.as<uint16_t>().data();
  bias[0] = 0xc040; // -3
  bias[2] = 0x7fc0; // NaN
  std::string text;
  llvm::raw_string_ostream os(text);
  printGradients(os, call);
  EXPECT_EQ(text, "  scale   scale_balance  2\n"
                  "  input   grad_weight    f32 [2, 2]  zero\n"
                  "  grad    grad_logits    f32 [2, 6]  norm 5, greatest 4\n"
                  "  grad    grad_bias      bf16 [6]  norm 3, greatest 3, 1 of 6 nan\n");
  // With f16 in their place the same bits are other numbers.
  moe_array half = *call.arrays[7].description;
  half.dtype = MOE_F16;
  call.arrays[7].description = &half;
  text.clear();
  printGradients(os, call);
  EXPECT_THAT(text, HasSubstr("grad_bias      f16 [6]  norm 2.125, greatest 2.125, 1 of 6 nan\n"));
}

TEST(Report, LoadCountsValidSlotsOnly) {
  NpyArray route(NpyType::I32, {3, 2});
  const int32_t indices[] = {0, 5, 5, -1, 5, 6};
  std::copy(std::begin(indices), std::end(indices), route.as<int32_t>().begin());
  EXPECT_THAT(loadPerElement(route, 6), ElementsAre(1, 0, 0, 0, 0, 3));
}

TEST(Report, GroupsFollowMapsBlocksAndNesting) {
  const std::vector<int64_t> load = {1, 2, 4, 8, 16, 32};
  EXPECT_THAT(loadPerGroup(gate, test::axes[2], "expert", load), ElementsAre(17, 46));
  EXPECT_THAT(loadPerGroup(gate, test::axes[3], "expert", load), ElementsAre(3, 12, 48));
  EXPECT_THAT(loadPerGroup(gate, test::axes[4], "expert", load), ElementsAre(63));
  EXPECT_THAT(loadPerGroup(gate, test::axes[1], "expert", load), IsEmpty());
  // Devices were selected: their rack groups them, pairs of experts do not.
  EXPECT_THAT(loadPerGroup(gate, test::axes[4], "device", {3, 4}), ElementsAre(7));
  EXPECT_THAT(loadPerGroup(gate, test::axes[3], "device", {3, 4}), IsEmpty());
}

TEST(Report, LoadIsDrawnPerExpertAndPerCoarserAxis) {
  CallArrays call = llvm::cantFail(makeCallArrays(gate, InputOptions()));
  std::string text;
  llvm::raw_string_ostream os(text);
  printLoad(os, gate, call.arrays[3], "expert", {80, false});
  EXPECT_THAT(text, HasSubstr("load per expert: 8192 routes over 6"));
  EXPECT_THAT(text, HasSubstr("load per device: 8192 routes over 2"));
  EXPECT_THAT(text, HasSubstr("load per pair: 8192 routes over 3"));
  EXPECT_THAT(text, HasSubstr("load per rack: 8192 routes over 1"));
}

} // namespace
} // namespace moe::run
