// Binding a call's arrays: every way in which the command line can disagree with the gate, and what is made up
// otherwise.
#include "tools/moe-run/Arrays.h"
#include "TestGate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <filesystem>

namespace moe::run {
namespace {

using testing::HasSubstr;
using testing::Not;

const moe_gate gate = test::gateOf(test::arrays, 8);
const moe_gate gateWithIds = test::gateOf(test::arraysWithIds, 2);

std::string file(const std::string &name, NpyType type, llvm::ArrayRef<int64_t> sizes) {
  NpyArray array(type, sizes);
  std::string path = std::string(MOE_TEST_OUTPUT_DIR) + "/arrays." + name + ".npy";
  llvm::cantFail(writeNpy(path, type, sizes, array.data.data()));
  return path;
}

std::string errorOf(const InputOptions &options, const moe_gate &of = gate) {
  llvm::Expected<CallArrays> call = makeCallArrays(of, options);
  return call ? std::string("no error") : llvm::toString(call.takeError());
}

InputOptions files(std::vector<std::pair<std::string, std::string>> given) {
  InputOptions options;
  options.files = std::move(given);
  return options;
}

TEST(Arrays, WithoutFilesInputsAreSeededAndAllElseAllocated) {
  InputOptions options;
  options.tokens = 10;
  llvm::Expected<CallArrays> call = makeCallArrays(gate, options);
  ASSERT_TRUE(static_cast<bool>(call));
  EXPECT_EQ(call->tokens, 10);
  EXPECT_EQ(shapeText(call->arrays[0].storage.sizes), "[10, 6]");
  EXPECT_EQ(call->arrays[0].source, "seeded");
  EXPECT_EQ(call->arrays[1].storage.type, NpyType::U16);
  EXPECT_EQ(call->arrays[2].storage.as<float>()[0], 0.25f);
  EXPECT_EQ(shapeText(call->arrays[3].storage.sizes), "[10, 2]");
  EXPECT_EQ(call->arrays[3].storage.type, NpyType::I32);
  EXPECT_EQ(makeCallArrays(gate, InputOptions())->tokens, defaultTokens);
}

TEST(Arrays, FilesDecideTheNumberOfTokens) {
  auto call = makeCallArrays(
      gate, files({{"logits", file("l7", NpyType::F32, {7, 6})}, {"bias", file("b", NpyType::BF16, {6})}}));
  ASSERT_TRUE(static_cast<bool>(call));
  EXPECT_EQ(call->tokens, 7);
}

TEST(Arrays, WrongShapeSaysInputExpectedAndCame) {
  std::string path = file("shape", NpyType::F32, {7, 5});
  EXPECT_THAT(errorOf(files({{"logits", path}, {"bias", file("b", NpyType::U16, {6})}})),
              HasSubstr("input 'logits' ('" + path + "'): expected [T, 6] (token, expert), came [7, 5]"));
  EXPECT_THAT(errorOf(files({{"logits", file("rank", NpyType::F32, {7})}, {"bias", file("b", NpyType::U16, {6})}})),
              HasSubstr("expected [T, 6] (token, expert), came [7]"));
}

TEST(Arrays, WrongTypeSaysInputExpectedAndCame) {
  EXPECT_THAT(
      errorOf(files({{"logits", file("f64", NpyType::F64, {7, 6})}, {"bias", file("b16", NpyType::F16, {6})}})),
      testing::AllOf(
          HasSubstr("expected elements of f32, came f64; convert the array\n"),
          HasSubstr("expected elements of bf16 (as raw '<u2', or '<V2' of ml_dtypes), came f16; convert the array, or "
                    "read it as it is by --dtype bias=f16 if the spec says float")));
}

TEST(Arrays, TokenCountsMustAgreeWithEachOtherAndWithT) {
  InputOptions options = files({{"logits", file("l7", NpyType::F32, {7, 6})}, {"bias", file("b", NpyType::U16, {6})}});
  options.tokens = 8;
  EXPECT_THAT(errorOf(options), HasSubstr("expected T = 8 tokens as -T says, came 7"));
  EXPECT_THAT(errorOf(files({{"logits", file("l7", NpyType::F32, {7, 6})}, {"ids", file("i5", NpyType::I32, {5})}}),
                      gateWithIds),
              HasSubstr("input 'ids' ('" + std::string(MOE_TEST_OUTPUT_DIR) +
                        "/arrays.i5.npy'): expected T = 7 tokens as input 'logits' says, came 5"));
}

TEST(Arrays, MissingInputIsNamedUnlessASeedIsGiven) {
  InputOptions options = files({{"logits", file("l7", NpyType::F32, {7, 6})}});
  EXPECT_EQ(
      errorOf(options),
      "input 'bias' is missing: expected --input bias=FILE.npy with bf16 [6] (expert), or --seed N to make it up");
  options.makeMissing = true;
  EXPECT_EQ(errorOf(options), "no error");
  EXPECT_EQ(errorOf(InputOptions(), gateWithIds),
            "input 'ids' is missing: expected --input ids=FILE.npy with i32 [T] (token)");
}

TEST(Arrays, UnknownAndRepeatedNamesAreNamedWithWhatThereIs) {
  InputOptions options = files({{"logit", "x.npy"}, {"alpha", "x.npy"}});
  options.params = {{"alpah", "1"}, {"logits", "1"}, {"alpha", "1"}, {"alpha", "2"}};
  std::string text = errorOf(options);
  EXPECT_THAT(text, HasSubstr("gate 'tiny' has no input 'logit' (its inputs: logits, bias); did you mean 'logits'?"));
  EXPECT_THAT(text, HasSubstr("gate 'tiny' has no input 'alpha' (its inputs: logits, bias)\n"));
  EXPECT_THAT(text, HasSubstr("gate 'tiny' has no param 'alpah' (its params: alpha); did you mean 'alpha'?"));
  EXPECT_THAT(text, HasSubstr("param 'alpha' is given twice (--param)"));
}

TEST(Arrays, ParamsAreNumbers) {
  InputOptions options;
  options.params = {{"alpha", "1e-3"}};
  EXPECT_EQ(makeCallArrays(gate, options)->arrays[2].storage.as<float>()[0], 1e-3f);
  options.params = {{"alpha", "1e-3x"}};
  EXPECT_THAT(errorOf(options), HasSubstr("param 'alpha': expected a number, came '1e-3x'"));
}

TEST(Arrays, SaveWritesEveryResultUnderItsName) {
  namespace fs = std::filesystem;
  fs::path directory = fs::path(MOE_TEST_OUTPUT_DIR) / "saved" / "deep";
  fs::remove_all(directory);
  auto call = makeCallArrays(gate, InputOptions());
  ASSERT_TRUE(static_cast<bool>(call));
  EXPECT_EQ(llvm::cantFail(saveResults(*call, directory.string())), 5u);
  for (const char *name : {"route", "balance", "z", "load", "status.empty"})
    EXPECT_TRUE(fs::exists(directory / (std::string(name) + ".npy"))) << name;
  EXPECT_FALSE(fs::exists(directory / "logits.npy"));
  EXPECT_EQ(llvm::cantFail(saveInputs(*call, directory.string())), 2u);
  EXPECT_TRUE(fs::exists(directory / "bias.npy"));
}

TEST(Arrays, SaveStaysInItsDirectory) {
  const moe_array escaping[] = {{"../up", MOE_LOSS, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0}};
  auto call = makeCallArrays(test::gateOf(escaping, 1), InputOptions());
  ASSERT_TRUE(static_cast<bool>(call));
  EXPECT_EQ(llvm::toString(saveResults(*call, std::string(MOE_TEST_OUTPUT_DIR) + "/saved").takeError()),
            "cannot write '../up': a name with a '/' cannot be a file's");
}

TEST(Arrays, SaveFailuresNameTheFile) {
  auto call = makeCallArrays(gate, InputOptions());
  ASSERT_TRUE(static_cast<bool>(call));
  EXPECT_THAT(llvm::toString(saveResults(*call, "/proc/nowhere").takeError()),
              HasSubstr("cannot make directory '/proc/nowhere'"));
}

/// A forward call of `gate` and the arrays of its backward.
class BackwardArrays : public testing::Test {
protected:
  BackwardArrays() {
    forwardOptions.tokens = 5;
    forward = llvm::cantFail(makeCallArrays(gate, forwardOptions));
    whole.backward = &backwardGate;
  }
  std::string errorOf(const InputOptions &given) {
    llvm::Expected<CallArrays> call = makeBackwardArrays(whole, forward, given);
    return call ? std::string("no error") : llvm::toString(call.takeError());
  }
  InputOptions forwardOptions;
  CallArrays forward;
  moe_gate whole = gate, backwardGate = test::gateOf(test::backwardArrays, 8);
};

TEST_F(BackwardArrays, TakeWhatIsTheForwardCallsAndZeroTheRest) {
  CallArrays call = llvm::cantFail(makeBackwardArrays(whole, forward, {}));
  EXPECT_EQ(call.tokens, 5);
  for (int index : {0, 1, 2})
    EXPECT_EQ(call.arrays[index].source, fromForward) << index;
  EXPECT_EQ(call.arrays[4].storage.as<float>()[0], 1.0f);
  EXPECT_EQ(call.arrays[5].source, "zero");
  EXPECT_EQ(shapeText(call.arrays[5].storage.sizes), "[5, 2]");
  EXPECT_EQ(call.arrays[5].storage.as<float>()[9], 0.0f);
  EXPECT_EQ(shapeText(call.arrays[6].storage.sizes), "[5, 6]");
  EXPECT_EQ(call.arrays[7].storage.type, NpyType::U16);
}

TEST_F(BackwardArrays, GradientsAndScalesByTheNamesOfOutputsAndLosses) {
  InputOptions given = files({{"weight", file("g5", NpyType::F32, {5, 2})}});
  given.params = {{"balance", "0x1p10"}};
  CallArrays call = llvm::cantFail(makeBackwardArrays(whole, forward, given));
  EXPECT_THAT(call.arrays[5].source, HasSubstr("arrays.g5.npy"));
  EXPECT_EQ(call.arrays[4].storage.as<float>()[0], 1024.0f);
  EXPECT_EQ(call.arrays[4].source, "--scale");
}

TEST_F(BackwardArrays, WrongOnesAreNamed) {
  EXPECT_THAT(errorOf(files({{"weight", file("g4", NpyType::F32, {4, 2})}})),
              HasSubstr("expected T = 5 tokens as the forward call says, came 4"));
  EXPECT_THAT(errorOf(files({{"weight", file("g3", NpyType::F32, {5, 3})}})),
              HasSubstr("expected [T, 2] (token, route.slot), came [5, 3]"));
  std::string text = errorOf(files({{"weight", file("g16", NpyType::F16, {5, 2})}}));
  EXPECT_THAT(text, HasSubstr("expected elements of f32, came f16; convert the array"));
  EXPECT_THAT(text, Not(HasSubstr("--dtype"))) << "the type of a gradient is not chosen there";
  InputOptions given = files({{"route", "x.npy"}, {"weight", "x.npy"}, {"weight", "y.npy"}});
  given.params = {{"balnce", "1"}, {"balance", "x"}, {"alpha", "1"}};
  text = errorOf(given);
  EXPECT_THAT(text, HasSubstr("no input 'grad_route' (its inputs: grad_weight)\n"));
  EXPECT_THAT(text, HasSubstr("input 'grad_weight' is given twice (--grad)"));
  EXPECT_THAT(text, HasSubstr("no param 'scale_balnce' (its params: scale_balance); did you mean 'scale_balance'?"));
  EXPECT_THAT(text, HasSubstr("no param 'scale_alpha'"));
  EXPECT_THAT(text, HasSubstr("param 'scale_balance': expected a number, came 'x'"));
}

TEST_F(BackwardArrays, NothingToDifferentiateIsAnError) {
  std::vector<moe_array> table(test::backwardArrays, test::backwardArrays + 8);
  table.erase(table.begin() + 4);
  backwardGate = test::gateOf(table.data(), 7);
  EXPECT_EQ(errorOf({}), "gate 'tiny' has no loss, so all gradients are zero: expected --grad NAME=FILE.npy with the "
                         "gradient of an output (inputs of the backward call: grad_weight)");
  EXPECT_EQ(errorOf(files({{"weight", file("g5", NpyType::F32, {5, 2})}})), "no error");
}

TEST_F(BackwardArrays, SaveWritesTheGradients) {
  namespace fs = std::filesystem;
  fs::path directory = fs::path(MOE_TEST_OUTPUT_DIR) / "gradients";
  fs::remove_all(directory);
  CallArrays call = llvm::cantFail(makeBackwardArrays(whole, forward, {}));
  EXPECT_EQ(llvm::cantFail(saveResults(call, directory.string())), 2u);
  EXPECT_TRUE(fs::exists(directory / "grad_logits.npy"));
  EXPECT_TRUE(fs::exists(directory / "grad_bias.npy"));
}

} // namespace
} // namespace moe::run
