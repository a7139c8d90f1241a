// The C++ wrapper: binding by name, owned blocks, phases, backward calls, and failures as exceptions.
#include "TenLossCall.h"

namespace moe::test {
namespace {

class Wrapper : public testing::Test {
protected:
  Wrapper() {
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(i % 17) - 8.0f;
    bind(call, tokens);
  }
  void bind(rt::Call &to, int64_t count) {
    to.input("x", x.data(), {count, CHANNELS}).input("bias", bias, {CHANNELS});
    to.output("y", y.data(), {count, CHANNELS}).output("sign", sign.data(), {count});
    to.output("mean", &mean, {}).output("largest", &largest, {}).output("empty", &empty, {});
  }
  /// Runs `body` and gives the text of the exception that it throws.
  template <typename Body> std::string thrown(moe_status expected, Body &&body) {
    try {
      body();
    } catch (const rt::Error &error) {
      EXPECT_STREQ(moe_status_name(error.status()), moe_status_name(expected));
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  static constexpr int64_t tokens = 2000;
  std::vector<float> x = std::vector<float>(tokens * CHANNELS), y = x;
  std::vector<int32_t> sign = std::vector<int32_t>(tokens);
  float bias[CHANNELS] = {1, 2, 3}, mean = 777, largest = 777;
  int32_t empty = 777;
  rt::Executable gate = rt::Executable::cpu(one_pass_gate, 2, "generic");
  rt::Call call{gate, tokens};
};

TEST_F(Wrapper, ForwardWithDefaultAndSetParam) {
  call.forward(tokens);
  EXPECT_EQ(y[0], 2.0f * x[0] + 1.0f);
  EXPECT_EQ(empty, 0);
  float before = mean;
  call.param("scale", 4.0f).forward(tokens);
  EXPECT_EQ(y[0], 4.0f * x[0] + 1.0f);
  EXPECT_NE(mean, before);
}

TEST_F(Wrapper, SplitGivesWhatForwardGives) {
  call.forward(tokens);
  float expected = mean;
  OnePassAccumulators whole = *static_cast<OnePassAccumulators *>(call.accumulatorData());
  call.reset();
  EXPECT_EQ(static_cast<OnePassAccumulators *>(call.accumulatorData())->tokens, 0);
  call.accumulate(tokens);
  call.finish();
  EXPECT_EQ(mean, expected);
  EXPECT_EQ(std::memcmp(call.accumulatorData(), &whole, sizeof(whole)), 0);
  mean = 777;
  call.route(tokens);
  EXPECT_EQ(mean, 777);
  EXPECT_EQ(std::memcmp(call.accumulatorData(), &whole, sizeof(whole)), 0);
}

TEST_F(Wrapper, CallsAndExecutablesMove) {
  rt::Executable moved = std::move(gate);
  call.param("scale", 3.0f);
  rt::Call movedCall = std::move(call);
  movedCall.forward(tokens);
  EXPECT_EQ(y[0], 3.0f * x[0] + 1.0f);
}

TEST_F(Wrapper, BlocksAreAligned) {
  for (uint64_t bytes : {0u, 1u, 65u, 4096u})
    EXPECT_EQ(reinterpret_cast<uintptr_t>(rt::Block(bytes).data()) % MOE_ALIGNMENT, 0u);
}

TEST_F(Wrapper, UnknownNamesListTheKnownOnes) {
  std::string text = thrown(MOE_INVALID_ARGUMENT, [&] { call.input("logits", x.data(), {tokens, CHANNELS}); });
  EXPECT_NE(text.find("no input, param or state 'logits'; it has: scale, x, bias"), std::string::npos) << text;
  text = thrown(MOE_INVALID_ARGUMENT, [&] { call.output("x", x.data(), {tokens, CHANNELS}); });
  EXPECT_NE(text.find("y, sign, mean, largest, empty"), std::string::npos) << text;
  text = thrown(MOE_INVALID_ARGUMENT, [&] { call.param("bias", 1); });
  EXPECT_NE(text.find("'bias' of gate 'one_pass' is not a param"), std::string::npos) << text;
}

TEST_F(Wrapper, FailuresCarryTheRuntimesText) {
  call.output("sign", y.data(), {tokens});
  std::string text = thrown(MOE_INVALID_ARGUMENT, [&] { call.forward(tokens); });
  EXPECT_NE(text.find("MOE_INVALID_ARGUMENT: output 'sign' has dtype f32, expected i32"), std::string::npos) << text;
  bind(call, tokens);
  text = thrown(MOE_INVALID_ARGUMENT, [&] { call.forward(tokens - 1); });
  EXPECT_NE(text.find("token_count of the call is 1999"), std::string::npos) << text;
  text = thrown(MOE_UNSUPPORTED, [&] { rt::Executable::cpu(one_pass_gate, 1, "riscv"); });
  EXPECT_NE(text.find("riscv"), std::string::npos) << text;
}

/// ten_loss_gate through the wrapper; `same` has the arrays and the expected gradients.
class WrapperBackward : public Wrapper {
protected:
  WrapperBackward() {
    forward.input("x", same.x.data(), {count, CHANNELS}).input("w", same.w, {CHANNELS});
    forward.output("y", same.y.data(), {count, CHANNELS});
    for (int k = 0; k < LOSSES; ++k)
      forward.output(("loss_" + std::to_string(k)).c_str(), &same.losses[k], {});
  }
  void bindGradients(rt::Backward &backward) {
    backward.input("grad_y", same.gradY.data(), {count, CHANNELS});
    backward.output("grad_x", same.gradX.data(), {count, CHANNELS}).output("grad_w", same.gradW, {CHANNELS});
    backward.output("sign", same.sign.data(), {count});
    for (int k = 0; k < LOSSES; ++k)
      backward.param(("scale_loss_" + std::to_string(k)).c_str(), same.scales[k]);
  }

  static constexpr int64_t count = 200;
  TenLossCall same{count, 1};
  rt::Executable ten = rt::Executable::cpu(ten_loss_gate, 2);
  rt::Call forward{ten, count};
};

TEST_F(WrapperBackward, GradientsOverwrittenAndAdded) {
  EXPECT_EQ(ten.savedBytes(count), same.saved.bytes());
  EXPECT_EQ(ten.coefficientBytes(), same.coefficients.bytes());
  forward.keep(count).forward(count);
  rt::Backward backward(forward);
  bindGradients(backward);
  backward.run(count);
  EXPECT_EQ(same.gradX, same.expectedGradX());
  backward.add(count);
  EXPECT_EQ(same.gradX[5], 2 * same.expectedGradX()[5]);
  backward.param("scale_loss_2", 100).run(count);
  same.scales[2] = 100;
  EXPECT_EQ(same.gradX, same.expectedGradX());
}

TEST_F(WrapperBackward, InputsAreTheCallsUnlessBound) {
  forward.keep(count).forward(count);
  rt::Backward backward(forward);
  bindGradients(backward);
  float other[CHANNELS] = {0, 0, 0};
  backward.input("w", other, {CHANNELS}).run(count);
  EXPECT_EQ(same.gradX[0], 0);
  rt::Backward again(forward);
  bindGradients(again);
  forward.input("w", other, {CHANNELS}); // what the call holds when the backward runs
  again.run(count);
  EXPECT_EQ(same.gradX[0], 0);
  backward.input("w", same.w, {CHANNELS}).run(count);
  EXPECT_EQ(same.gradX, same.expectedGradX());
}

TEST_F(WrapperBackward, BorrowedBlocksOfMicroBatches) {
  rt::Block first(ten.savedBytes(count)), second(ten.savedBytes(count)), coefficients(ten.coefficientBytes());
  auto keepIn = [&](const rt::Block &saved) {
    forward.keep(saved.data(), saved.bytes(), coefficients.data(), coefficients.bytes());
  };
  forward.reset();
  std::vector<float> x = same.x, zeros(same.x.size());
  keepIn(first);
  forward.accumulate(count);
  forward.input("x", zeros.data(), {count, CHANNELS});
  keepIn(second);
  forward.accumulate(count);
  forward.finish();
  rt::Backward backward(forward);
  bindGradients(backward);
  keepIn(second);
  backward.run(count);
  EXPECT_EQ(same.gradW[0], 0) << "x was zero in the second micro-batch";
  keepIn(first);
  backward.run(count);
  EXPECT_NE(same.gradW[0], 0);
}

TEST_F(WrapperBackward, Failures) {
  std::string text = thrown(MOE_UNSUPPORTED, [&] { rt::Backward backward(call); });
  EXPECT_NE(text.find("'one_pass' has no backward program"), std::string::npos) << text;
  forward.forward(count);
  rt::Backward backward(forward);
  text = thrown(MOE_INVALID_ARGUMENT, [&] { backward.input("x", same.x.data(), {count, CHANNELS}); });
  EXPECT_NE(text.find("no input, param or state 'x'; it has: w, grad_y, scale_loss_0"), std::string::npos) << text;
  text = thrown(MOE_INVALID_ARGUMENT, [&] { backward.output("grad_z", same.x.data(), {count, CHANNELS}); });
  EXPECT_NE(text.find("no output 'grad_z'; it has: grad_x, grad_w, sign"), std::string::npos)
      << "kept arrays are nobody's to bind: " << text;
  text = thrown(MOE_INVALID_ARGUMENT, [&] { backward.run(count); });
  EXPECT_NE(text.find("'grad_y' is not bound"), std::string::npos) << text;
  bindGradients(backward);
  text = thrown(MOE_INVALID_ARGUMENT, [&] { backward.run(count); });
  EXPECT_NE(text.find("moe_call.saved is null"), std::string::npos) << text;
}

TEST_F(Wrapper, TypesHaveTheirDtypes) {
  static_assert(rt::dtypeOf<const float>() == MOE_F32 && rt::dtypeOf<double>() == MOE_F64);
  static_assert(rt::dtypeOf<rt::bf16>() == MOE_BF16 && rt::dtypeOf<rt::f16>() == MOE_F16);
  static_assert(rt::dtypeOf<int32_t>() == MOE_I32 && rt::dtypeOf<int64_t>() == MOE_I64);
  static_assert(rt::dtypeOf<bool>() == MOE_BOOL && sizeof(bool) == 1);
}

} // namespace
} // namespace moe::test
