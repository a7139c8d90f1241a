// Backward calls on the CPU: what forward keeps and where, gradients written and added to, micro-batches that share
// their losses, and every refusal with its message.
#include "TenLossCall.h"

namespace moe::test {
namespace {

/// Bytes of an array of `count` elements of `size` bytes in a block.
uint64_t place(int64_t count, uint64_t size) { return (static_cast<uint64_t>(count) * size + 63) / 64 * 64; }

void expectNear(const std::vector<double> &expected, const float *got) {
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-4 * (1 + std::abs(expected[i]))) << i;
}

TEST(Backward, BytesThatForwardKeeps) {
  ExecutablePtr executable = prepareCpu(ten_loss_gate, 1);
  for (int64_t tokens : {int64_t(0), int64_t(1), int64_t(5), int64_t(4096), int64_t(INT32_MAX)}) {
    uint64_t bytes = 777;
    ASSERT_EQ(moe_saved_bytes(executable.get(), tokens, 0, &bytes), MOE_OK);
    EXPECT_EQ(bytes, place(tokens, 4) + place(tokens, 12)) << tokens;
  }
  uint64_t bytes = 777;
  ASSERT_EQ(moe_coefficient_bytes(executable.get(), &bytes), MOE_OK);
  EXPECT_EQ(bytes, 128u);
  ExecutablePtr without = prepareCpu(one_pass_gate, 1, "generic");
  ASSERT_EQ(moe_saved_bytes(without.get(), 4096, 0, &bytes), MOE_OK);
  EXPECT_EQ(bytes, 0u);
  ASSERT_EQ(moe_coefficient_bytes(without.get(), &bytes), MOE_OK);
  EXPECT_EQ(bytes, 0u);
}

TEST(Backward, SavedArraysStandInTheForwardGatesOrder) {
  TenLossCall call(5, 1);
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  const char *saved = static_cast<const char *>(call.saved.data());
  EXPECT_EQ(std::memcmp(saved + 64, call.x.data(), 60), 0) << "kept_x stands behind the 5 words of kept_sign";
  for (int t = 0; t < 5; ++t)
    EXPECT_EQ(reinterpret_cast<const int32_t *>(saved)[t], call.x[static_cast<size_t>(t * CHANNELS)] < 0) << t;
  EXPECT_EQ(*reinterpret_cast<const double *>(static_cast<const char *>(call.coefficients.data()) + 64), 5.0)
      << "curve stands behind slope";
}

TEST(Backward, GradientsAtAnyNumberOfTokensAndThreads) {
  for (int64_t tokens : {1, 7, 1024, 5003})
    for (uint32_t threads : {1u, 3u}) {
      SCOPED_TRACE(tokens);
      TenLossCall call(tokens, threads);
      ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
      ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
      EXPECT_EQ(call.gradX, call.expectedGradX());
      expectNear(call.expectedGradW(), call.gradW);
      for (size_t t = 0; t < call.sign.size(); ++t)
        EXPECT_EQ(call.sign[t], (call.x[t * CHANNELS] < 0) + tokens);
    }
}

TEST(Backward, SameBitsAtAnyNumberOfThreads) {
  float first[CHANNELS];
  for (uint32_t threads : {1u, 2u, 7u}) {
    TenLossCall call(20000, threads);
    for (float &value : call.gradY)
      value = value / 3 + 0.1f;
    ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
    ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
    if (threads == 1)
      std::memcpy(first, call.gradW, sizeof(first));
    EXPECT_EQ(std::memcmp(first, call.gradW, sizeof(first)), 0) << threads;
  }
}

TEST(Backward, WithoutTokensGradientsOfWholeInputsAreZero) {
  TenLossCall call(0, 1);
  call.call.saved = nullptr; // no token, nothing to keep
  call.call.saved_bytes = 0;
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  for (float value : call.gradW)
    EXPECT_EQ(value, 0);
}

TEST(Backward, OverwritesOrAddsToArraysThatAdd) {
  TenLossCall call(100, 2);
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  std::vector<float> once = call.gradX;
  float onceW[CHANNELS];
  std::memcpy(onceW, call.gradW, sizeof(onceW));
  ASSERT_EQ(call.runBackward(MOE_ADD), MOE_OK) << lastError();
  ASSERT_EQ(call.runBackward(MOE_ADD), MOE_OK) << lastError();
  for (size_t i = 0; i < once.size(); ++i)
    EXPECT_EQ(call.gradX[i], 3 * once[i]) << i;
  for (int c = 0; c < CHANNELS; ++c)
    EXPECT_FLOAT_EQ(call.gradW[c], 3 * onceW[c]);
  EXPECT_EQ(call.sign[0], (call.x[0] < 0) + 100) << "an array without MOE_ARRAY_ADDS is overwritten";
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  EXPECT_EQ(call.gradX, once);
}

TEST(Backward, ScalesOfLosses) {
  TenLossCall call(64, 1);
  for (int k = 0; k < LOSSES; ++k)
    call.scales[k] = k == 3 ? 1024.0f : 0.0f;
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  EXPECT_EQ(call.gradX, call.expectedGradX());
  for (int k = 0; k < LOSSES; ++k) {
    call.scales[k] = 1; // the default, which an unbound scale has
    call.backward[TEN_B_SCALE + k] = {};
  }
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  EXPECT_EQ(call.gradX, call.expectedGradX());
}

TEST(Backward, InferenceKeepsNothing) {
  TenLossCall keeping(300, 2), call(300, 2);
  ASSERT_EQ(keeping.runForward(), MOE_OK) << lastError();
  call.call.saved = call.call.coefficients = nullptr;
  call.call.saved_bytes = call.call.coefficient_bytes = 0;
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  EXPECT_EQ(call.y, keeping.y);
  EXPECT_EQ(std::memcmp(call.losses, keeping.losses, sizeof(call.losses)), 0);
  // One of the two is possible as well: each is needed by the phase that writes it.
  call.call.saved = call.saved.data();
  call.call.saved_bytes = call.saved.bytes();
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(call.saved.data(), keeping.saved.data(), 64 + 300 * 4), 0);
}

TEST(Backward, APhaseKeepsWhatItMakes) {
  TenLossCall call(100, 1);
  rt::Block untouched = TenLossCall::filled(call.saved.bytes());
  ASSERT_EQ(call.runForward(MOE_ACCUMULATE | MOE_RESET), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(call.coefficients.data(), untouched.data(), call.coefficients.bytes()), 0)
      << "accumulating wrote coefficients";
  std::memset(call.saved.data(), 0xcd, call.saved.bytes());
  call.call.saved_bytes = 1; // not looked at
  ASSERT_EQ(call.runForward(MOE_FINISH), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(call.saved.data(), untouched.data(), call.saved.bytes()), 0) << "finishing wrote rows";
  EXPECT_NE(std::memcmp(call.coefficients.data(), untouched.data(), call.coefficients.bytes()), 0);
  call.call.saved_bytes = call.saved.bytes();
  // Recomputing: nothing is collected, but the rows are kept again.
  call.call.accumulators = nullptr;
  call.call.coefficients = nullptr;
  ASSERT_EQ(call.runForward(MOE_ACCUMULATE), MOE_OK) << lastError();
  call.call.coefficients = call.coefficients.data();
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  EXPECT_EQ(call.gradX, call.expectedGradX());
}

TEST(Backward, NothingButTheArraysIsTouched) {
  TenLossCall call(100, 2);
  call.bind(90);
  ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
  ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
  EXPECT_NE(call.gradX[90 * CHANNELS - 1], 777);
  for (size_t i = 90 * CHANNELS; i < call.gradX.size(); ++i)
    ASSERT_EQ(call.gradX[i], 777);
  EXPECT_EQ(call.sign[90], 777);
  const unsigned char *saved = static_cast<const unsigned char *>(call.saved.data());
  for (size_t i = 384 + 90 * 12; i < call.saved.bytes(); ++i)
    ASSERT_EQ(saved[i], 0xcd) << i;
  for (size_t i = 360; i < 384; ++i)
    ASSERT_EQ(saved[i], 0xcd) << i << ", between two arrays";
}

TEST(Backward, ACallAllocatesNothing) {
  for (uint32_t threads : {1u, 2u}) {
    TenLossCall call(5000, threads);
    ASSERT_EQ(call.runForward(), MOE_OK) << lastError();
    ASSERT_EQ(call.runBackward(), MOE_OK) << lastError();
    long before = allocations;
    moe_status first = call.runForward(), second = call.runBackward(MOE_ADD);
    long after = allocations;
    ASSERT_EQ(first + second, MOE_OK);
    EXPECT_EQ(after - before, 0);
  }
}

TEST(Backward, MicroBatchesShareTheirLosses) {
  constexpr int64_t tokens = 3000, sizes[] = {1000, 1, 1999};
  TenLossCall whole(tokens, 2), call(tokens, 2);
  ASSERT_EQ(whole.runForward(), MOE_OK) << lastError();
  ASSERT_EQ(whole.runBackward(), MOE_OK) << lastError();

  std::vector<rt::Block> saved;
  int64_t first = 0;
  for (int64_t size : sizes) {
    uint64_t bytes = 0;
    ASSERT_EQ(moe_saved_bytes(call.executable.get(), size, 0, &bytes), MOE_OK);
    saved.push_back(TenLossCall::filled(bytes));
    call.bind(size, first);
    call.call.saved = saved.back().data();
    call.call.saved_bytes = bytes;
    ASSERT_EQ(call.runForward(first == 0 ? MOE_ACCUMULATE | MOE_RESET : +MOE_ACCUMULATE), MOE_OK) << lastError();
    first += size;
  }
  ASSERT_EQ(call.runForward(MOE_FINISH), MOE_OK) << lastError();
  EXPECT_EQ(std::memcmp(call.losses, whole.losses, sizeof(call.losses)), 0);
  std::memset(call.gradW, 0, sizeof(call.gradW));
  first = 0;
  for (size_t batch = 0; batch < saved.size(); ++batch) {
    call.bind(sizes[batch], first);
    call.call.saved = saved[batch].data();
    call.call.saved_bytes = saved[batch].bytes();
    std::fill_n(call.gradX.begin() + first * CHANNELS, sizes[batch] * CHANNELS, 0.0f);
    ASSERT_EQ(call.runBackward(MOE_ADD), MOE_OK) << lastError();
    first += sizes[batch];
  }
  EXPECT_EQ(call.gradX, whole.gradX) << "each token's gradient has the coefficients of all";
  expectNear(whole.expectedGradW(), call.gradW);
}

TEST(Backward, OfSeveralPasses) {
  moe_gate gate = two_pass_gate;
  gate.backward = &two_pass_backward_gate;
  constexpr int64_t tokens = 3000;
  rt::Executable executable = rt::Executable::cpu(gate, 2);
  std::vector<float> x(tokens * CHANNELS), grad(x.size()), y(x.size()), gradX(x.size());
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = normal(random);
    grad[i] = normal(random);
  }
  float variance = 0;
  rt::Call call(executable, tokens);
  call.input("x", x.data(), {tokens, CHANNELS}).output("x", y.data(), {tokens, CHANNELS});
  call.output("variance", &variance, {}).forward(tokens);
  rt::Backward backward(call);
  backward.input("grad_x", grad.data(), {tokens, CHANNELS}).output("grad_x", gradX.data(), {tokens, CHANNELS});
  backward.param("scale_variance", 500.0f).run(tokens);
  // Along a random direction, the gradient is what the outputs and the loss change by.
  double predicted = 0, seen = -500.0 * static_cast<double>(variance);
  std::vector<float> before = y;
  for (size_t i = 0; i < x.size(); ++i) {
    float step = 0.125f * static_cast<float>(static_cast<int>(random() % 3) - 1);
    predicted += static_cast<double>(gradX[i]) * static_cast<double>(step);
    x[i] += step;
  }
  call.forward(tokens);
  seen += 500.0 * static_cast<double>(variance);
  for (size_t i = 0; i < x.size(); ++i)
    seen += static_cast<double>(grad[i]) * static_cast<double>(y[i] - before[i]);
  // What the second derivative of the variance adds: 500 times the mean square of a step, less its mean.
  EXPECT_NEAR(predicted, seen - 500.0 * 2.0 / 3 * 0.125 * 0.125, 0.3);
  EXPECT_GT(std::abs(predicted), 0.6) << "the direction shows nothing";
}

/// A forward call that has run, and a valid backward call that a test spoils; afterwards no gradient has changed.
class InvalidBackward : public testing::Test {
protected:
  InvalidBackward() { EXPECT_EQ(call.runForward(), MOE_OK) << lastError(); }
  void refused(moe_status status, std::initializer_list<const char *> parts, uint32_t phase = 0) {
    expectFailure(call.runBackward(phase), status, parts);
    EXPECT_EQ(call.gradX[0], 777) << "a gradient was written";
    EXPECT_EQ(call.gradW[0], 777) << "a gradient was written";
  }
  TenLossCall call{100, 2};
};

TEST_F(InvalidBackward, SpoiledFixtureIsValidToBeginWith) { EXPECT_EQ(call.runBackward(), MOE_OK) << lastError(); }

TEST_F(InvalidBackward, NullArguments) {
  expectFailure(moe_run_backward(nullptr, &call.call), MOE_INVALID_ARGUMENT, {"moe_run_backward", "null"});
  expectFailure(moe_run_backward(call.executable.get(), nullptr), MOE_INVALID_ARGUMENT, {"null"});
  call.call.struct_size = 56;
  refused(MOE_VERSION_MISMATCH, {"moe_call has 56 bytes", "112"});
  call.call.struct_size = sizeof(moe_call);
  call.call.phase = 0;
  call.call.bindings = nullptr;
  expectFailure(moe_run_backward(call.executable.get(), &call.call), MOE_INVALID_ARGUMENT,
                {"bindings is null", "19 arrays of gate 'ten_loss_backward'"});
}

TEST_F(InvalidBackward, GateWithoutBackward) {
  OnePassCall other(100, 1);
  expectFailure(moe_run_backward(other.executable.get(), &other.call), MOE_UNSUPPORTED,
                {"gate 'one_pass' has no backward program", "without --forward-only", "no float input"});
  EXPECT_EQ(other.y[0], 777);
}

TEST_F(InvalidBackward, UnknownPhases) {
  for (uint32_t phase : {1u, 2u, 3u, 5u, 7u, 9u, 15u, 16u})
    refused(MOE_INVALID_ARGUMENT, {"phase", "neither 0", "MOE_ADD (8"}, phase);
}

TEST_F(InvalidBackward, ForwardDoesNotAdd) {
  expectFailure(call.runForward(MOE_ADD), MOE_INVALID_ARGUMENT, {"phase 8"});
  expectFailure(call.runForward(MOE_FORWARD | MOE_ADD), MOE_INVALID_ARGUMENT, {"phase 15"});
}

TEST_F(InvalidBackward, MissingBlocks) {
  call.call.saved = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.saved is null", "reads the 1664 bytes", "moe_saved_bytes"});
  call.call.saved = call.saved.data();
  call.call.coefficients = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.coefficients is null", "128 bytes", "moe_coefficient_bytes"});
}

TEST_F(InvalidBackward, BlocksTooSmallOrMisaligned) {
  call.call.saved_bytes -= 1;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.saved has 1663 bytes, this call needs 1664", "moe_saved_bytes"});
  expectFailure(call.runForward(), MOE_INVALID_ARGUMENT, {"moe_call.saved has 1663 bytes"});
  call.call.saved_bytes += 1;
  call.call.coefficient_bytes = 64;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.coefficients has 64 bytes, this call needs 128", "moe_coefficient_bytes"});
  expectFailure(call.runForward(), MOE_INVALID_ARGUMENT, {"moe_call.coefficients has 64 bytes"});
  call.call.coefficient_bytes = 128;
  call.call.saved = static_cast<char *>(call.saved.data()) + 32;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.saved at", "misaligned", "64"});
  call.call.saved = call.saved.data();
  call.call.coefficients = static_cast<char *>(call.coefficients.data()) + 8;
  refused(MOE_INVALID_ARGUMENT, {"moe_call.coefficients at", "misaligned"});
}

TEST_F(InvalidBackward, IncomingGradients) {
  const int64_t other[] = {100, 4}, fewer[] = {99, CHANNELS};
  call.backward[TEN_B_GRAD_Y].sizes = other;
  refused(MOE_INVALID_ARGUMENT, {"input 'grad_y'", "[100, 4]", "expected [100, 3]"});
  call.backward[TEN_B_GRAD_Y].sizes = fewer;
  refused(MOE_INVALID_ARGUMENT, {"input 'grad_y'", "token_count of the call is 100"});
  call.bind(100);
  call.backward[TEN_B_GRAD_Y].dtype = MOE_BF16;
  refused(MOE_INVALID_ARGUMENT, {"input 'grad_y' has dtype bf16, expected f32"});
  call.bind(100);
  call.backward[TEN_B_GRAD_Y].data = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"input 'grad_y' is not bound", "f32 of shape [100, 3]"});
  call.bind(100);
  call.backward[TEN_B_SCALE].dtype = MOE_F64;
  refused(MOE_INVALID_ARGUMENT, {"param 'scale_loss_0' has dtype f64, expected f32"});
  call.bind(100);
  call.backward[TEN_B_GRAD_W].data = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"output 'grad_w' is not bound"});
}

TEST_F(InvalidBackward, SavedArraysAreNotBound) {
  call.backward[TEN_B_KEPT_X].data = call.x.data();
  refused(MOE_INVALID_ARGUMENT, {"saved array 'kept_x' lives in the block moe_call.saved and may not be bound"});
  call.bind(100);
  call.backward[TEN_B_KEPT_X] = {};
  call.backward[TEN_B_SLOPE].data = call.w;
  refused(MOE_INVALID_ARGUMENT, {"saved array 'slope' lives in the block moe_call.coefficients"});
  call.forward[TEN_KEPT_SIGN].data = call.sign.data();
  expectFailure(call.runForward(), MOE_INVALID_ARGUMENT, {"saved array 'kept_sign'"});
}

TEST_F(InvalidBackward, Workspace) {
  call.call.workspace_bytes -= 1;
  refused(MOE_INVALID_ARGUMENT, {"the workspace has", "100 tokens need", "moe_workspace_bytes"});
  call.call.workspace_bytes += 1;
  call.call.workspace = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"the workspace is null"});
  TenLossCall other(100, 2);
  call.call.workspace = other.workspace.data();
  refused(MOE_INVALID_ARGUMENT, {"another executable"});
  call.call.workspace = call.workspace.data();
  call.call.token_count = -1;
  refused(MOE_INVALID_ARGUMENT, {"token_count is -1"});
}

TEST_F(InvalidBackward, SizeQueries) {
  uint64_t bytes;
  const moe_executable *executable = call.executable.get();
  expectFailure(moe_saved_bytes(nullptr, 1, 0, &bytes), MOE_INVALID_ARGUMENT, {"moe_saved_bytes", "null"});
  expectFailure(moe_saved_bytes(executable, 1, 0, nullptr), MOE_INVALID_ARGUMENT, {"moe_saved_bytes", "null"});
  expectFailure(moe_saved_bytes(executable, -1, 0, &bytes), MOE_INVALID_ARGUMENT, {"token_count is -1"});
  expectFailure(moe_coefficient_bytes(nullptr, &bytes), MOE_INVALID_ARGUMENT, {"moe_coefficient_bytes", "null"});
  expectFailure(moe_coefficient_bytes(executable, nullptr), MOE_INVALID_ARGUMENT, {"moe_coefficient_bytes", "null"});
}

/// Copies of ten_loss_gate and its backward, to be spoiled.
class InvalidPair : public testing::Test {
protected:
  InvalidPair()
      : gate(ten_loss_gate), backward(*ten_loss_gate.backward),
        arrays(backward.arrays, backward.arrays + backward.array_count) {
    gate.backward = &backward;
    backward.arrays = arrays.data();
  }
  void refused(moe_status status, std::initializer_list<const char *> parts) {
    expectFailure(moe_check_gate(&gate), status, parts);
    moe_executable *executable = nullptr;
    EXPECT_EQ(moe_prepare_cpu(&gate, 1, nullptr, &executable), status);
    EXPECT_EQ(executable, nullptr);
  }
  template <typename Spoil> void spoiled(int index, Spoil &&spoil, std::initializer_list<const char *> parts) {
    spoil(arrays[static_cast<size_t>(index)]);
    refused(MOE_INVALID_ARGUMENT, parts);
    arrays[static_cast<size_t>(index)] = ten_loss_gate.backward->arrays[index];
  }

  moe_gate gate, backward;
  std::vector<moe_array> arrays;
};

TEST_F(InvalidPair, CopyIsValidToBeginWith) { EXPECT_EQ(moe_check_gate(&gate), MOE_OK) << lastError(); }

TEST_F(InvalidPair, BackwardIsCheckedLikeAGate) {
  backward.abi_version = 1;
  refused(MOE_VERSION_MISMATCH, {"version 1", "version 4"});
  backward.abi_version = MOE_ABI_VERSION;
  backward.pass_count = 0;
  refused(MOE_INVALID_ARGUMENT, {"'ten_loss_backward' has 0 passes"});
  backward.pass_count = 1;
  backward.backward = &ten_loss_gate;
  refused(MOE_INVALID_ARGUMENT, {"'ten_loss_backward', the backward of gate 'ten_loss', has a backward of its own"});
}

TEST_F(InvalidPair, SavedArrays) {
  const int64_t four[] = {-1, 4};
  spoiled(TEN_B_KEPT_X, [](moe_array &it) { it.name = "lost"; },
          {"'ten_loss_backward': saved array 'lost' is none of gate 'ten_loss'"});
  spoiled(TEN_B_KEPT_X, [](moe_array &it) { it.dtype = MOE_I32; }, {"saved array 'kept_x' has another dtype"});
  spoiled(TEN_B_KEPT_X, [](moe_array &it) { it.rank = 1; }, {"saved array 'kept_x' has another dtype"});
  spoiled(TEN_B_KEPT_X, [&](moe_array &it) { it.sizes = four; }, {"saved array 'kept_x'", "other sizes"});
  spoiled(TEN_B_KEPT_X, [](moe_array &it) { it.flags = MOE_ARRAY_ADDS; },
          {"saved array 'kept_x'", "outputs of floats"});
  spoiled(TEN_B_SIGN, [](moe_array &it) { it.flags = MOE_ARRAY_ADDS; }, {"output 'sign'", "outputs of floats"});
  spoiled(TEN_B_GRAD_X, [](moe_array &it) { it.flags = 4; }, {"'grad_x' has unknown flags (4)"});
}

TEST_F(InvalidPair, MoreKeptThanSixtyFourBitsCount) {
  const int64_t wide[] = {-1, 1 << 29};
  std::vector<moe_array> forward(gate.arrays, gate.arrays + gate.array_count);
  gate.arrays = forward.data();
  forward[TEN_KEPT_X].sizes = wide;
  refused(MOE_INVALID_ARGUMENT, {"'ten_loss' keeps more than 2^31 - 1 bytes per token"});
}

TEST_F(InvalidPair, Targets) {
  moe_cpu_variant other = backward.cpu_variants[0];
  other.isa = "avx2";
  backward.cpu_variants = &other;
  refused(MOE_INVALID_ARGUMENT, {"'ten_loss' has a CPU variant 'generic', its backward has none"});
  backward.cpu_variants = ten_loss_gate.backward->cpu_variants;
  backward.cuda_kernel_count = 0;
  refused(MOE_INVALID_ARGUMENT, {"'ten_loss' has 1 CUDA kernels, its backward 0"});
}

} // namespace
} // namespace moe::test
