// Arrays, blocks and bindings of ten_loss_gate and its backward, all valid; a test changes what it is about. The
// numbers are small integers and powers of two, so that sums are exact in any order.
#pragma once
#include "BackwardGates.h"
#include "OnePassCall.h"

#include <cstring>

namespace moe::test {

struct TenLossCall {
  TenLossCall(int64_t tokens, uint32_t threads)
      : executable(prepareCpu(ten_loss_gate, threads)), tokens(tokens), x(size()), y(size()), gradY(size()),
        gradX(size(), 777.0f), sign(static_cast<size_t>(tokens), 777) {
    std::mt19937 random(7);
    for (size_t i = 0; i < size(); ++i) {
      x[i] = static_cast<float>(static_cast<int>(random() % 9) - 4);
      gradY[i] = static_cast<float>(static_cast<int>(random() % 5) - 2);
    }
    for (float &scale : scales)
      scale = 0.25f;
    uint64_t bytes = 0;
    EXPECT_EQ(moe_workspace_bytes(executable.get(), tokens, 0, &bytes), MOE_OK);
    workspace = filled(bytes);
    EXPECT_EQ(moe_accumulator_bytes(executable.get(), &bytes), MOE_OK);
    accumulators = filled(bytes);
    EXPECT_EQ(moe_saved_bytes(executable.get(), tokens, 0, &bytes), MOE_OK);
    saved = filled(bytes);
    EXPECT_EQ(moe_coefficient_bytes(executable.get(), &bytes), MOE_OK);
    coefficients = filled(bytes);
    EXPECT_EQ(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr), MOE_OK);
    bind(tokens);
    call.struct_size = sizeof(moe_call);
    call.accumulators = accumulators.data();
    call.workspace = workspace.data();
    call.workspace_bytes = workspace.bytes();
    call.saved = saved.data();
    call.saved_bytes = saved.bytes();
    call.coefficients = coefficients.data();
    call.coefficient_bytes = coefficients.bytes();
  }
  TenLossCall(const TenLossCall &) = delete;

  /// A block that holds no meaningful number.
  static rt::Block filled(uint64_t bytes) {
    rt::Block block(bytes);
    std::memset(block.data(), 0xcd, bytes);
    return block;
  }
  size_t size() const { return static_cast<size_t>(tokens * CHANNELS); }

  /// Token axes have `count` elements from `first` on.
  void bind(int64_t count, int64_t first = 0) {
    call.token_count = count;
    wide[0] = narrow[0] = count;
    auto row = [&](std::vector<float> &all) -> moe_binding {
      return {all.data() + first * CHANNELS, MOE_F32, 2, wide, nullptr, nullptr};
    };
    moe_binding weights = {w, MOE_F32, 1, channels, nullptr, nullptr};
    moe_binding scalar = {nullptr, MOE_F32, 0, nullptr, nullptr, nullptr};
    forward[TEN_X] = row(x);
    forward[TEN_W] = weights;
    forward[TEN_Y] = row(y);
    backward[TEN_B_W] = weights;
    backward[TEN_B_GRAD_Y] = row(gradY);
    backward[TEN_B_GRAD_X] = row(gradX);
    backward[TEN_B_GRAD_W] = weights;
    backward[TEN_B_GRAD_W].data = gradW;
    backward[TEN_B_SIGN] = {sign.data() + first, MOE_I32, 1, narrow, nullptr, nullptr};
    for (int k = 0; k < LOSSES; ++k) {
      forward[TEN_LOSS + k] = backward[TEN_B_SCALE + k] = scalar;
      forward[TEN_LOSS + k].data = &losses[k];
      backward[TEN_B_SCALE + k].data = &scales[k];
    }
  }
  moe_status runForward(uint32_t phase = MOE_FORWARD) {
    call.phase = phase;
    call.bindings = forward;
    return moe_run(executable.get(), &call);
  }
  moe_status runBackward(uint32_t phase = 0) {
    call.phase = phase;
    call.bindings = backward;
    return moe_run_backward(executable.get(), &call);
  }

  /// What grad_x and grad_w must be, by the formula in BackwardGates.h, for all tokens of this object.
  std::vector<float> expectedGradX() const {
    std::vector<float> result(size());
    for (size_t i = 0; i < size(); ++i)
      result[i] = w[i % CHANNELS] * total(i);
    return result;
  }
  std::vector<double> expectedGradW() const {
    std::vector<double> result(CHANNELS);
    for (size_t i = 0; i < size(); ++i)
      result[i % CHANNELS] += static_cast<double>(x[i]) * static_cast<double>(total(i));
    return result;
  }

  ExecutablePtr executable;
  int64_t tokens;
  std::vector<float> x, y, gradY, gradX;
  std::vector<int32_t> sign;
  float w[CHANNELS] = {1, 0.5f, -2}, gradW[CHANNELS] = {777, 777, 777};
  float losses[LOSSES] = {}, scales[LOSSES];
  rt::Block workspace, accumulators, saved, coefficients;
  int64_t wide[2] = {0, CHANNELS}, narrow[1] = {0}, channels[1] = {CHANNELS};
  moe_binding forward[TEN_ARRAYS] = {}, backward[TEN_B_ARRAYS] = {};
  moe_call call = {};

private:
  /// The gradient of y[i], with what comes through the losses.
  float total(size_t i) const {
    float sum = 0, scale = 0;
    for (size_t j = i % CHANNELS; j < size(); j += CHANNELS)
      sum += w[i % CHANNELS] * x[j];
    for (int k = 0; k < LOSSES; ++k)
      scale += scales[k] * static_cast<float>(k + 1);
    return gradY[i] + scale * (2 * (sum / static_cast<float>(tokens)) / static_cast<float>(tokens));
  }
};

} // namespace moe::test
