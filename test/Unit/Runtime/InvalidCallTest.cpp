// Every invalid call is refused before anything is touched, and the message says which array, what was expected, and
// what came.
#include "OnePassCall.h"

#include <cstring>

namespace moe::test {
namespace {

/// A valid call that a test spoils; afterwards no output may have changed.
class InvalidCall : public testing::Test {
protected:
  void refused(moe_status status, std::initializer_list<const char *> parts) {
    expectFailure(call.run(), status, parts);
    EXPECT_EQ(call.y[0], 777) << "an output was written";
    EXPECT_EQ(call.mean, 777) << "a loss was written";
  }
  OnePassCall call{100, 2};
};

TEST_F(InvalidCall, SpoiledFixtureIsValidToBeginWith) { EXPECT_EQ(call.run(), MOE_OK) << lastError(); }

TEST_F(InvalidCall, NullArguments) {
  expectFailure(moe_run(nullptr, &call.call), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_run(call.executable.get(), nullptr), MOE_INVALID_ARGUMENT, {"null"});
  call.call.bindings = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"bindings is null", "8 arrays"});
}

TEST_F(InvalidCall, OtherStructSize) {
  call.call.struct_size = 12;
  refused(MOE_VERSION_MISMATCH, {"moe_call has 12 bytes", "112", "moe/runtime.h"});
}

TEST_F(InvalidCall, UnknownPhases) {
  for (uint32_t phase : {0u, 4u, 6u, 8u, 9u, 15u}) {
    call.call.phase = phase;
    refused(MOE_INVALID_ARGUMENT, {"phase", "FORWARD (7)"});
  }
}

TEST_F(InvalidCall, TokenCountOutOfRange) {
  call.call.token_count = -1;
  refused(MOE_INVALID_ARGUMENT, {"token_count is -1"});
  call.call.token_count = int64_t(1) << 31;
  refused(MOE_INVALID_ARGUMENT, {"token_count is 2147483648", "0 to 2147483647"});
}

TEST_F(InvalidCall, TokenCountsOfArraysDiffer) {
  const int64_t other[] = {99};
  call.bindings[SIGN].sizes = other;
  refused(MOE_INVALID_ARGUMENT, {"output 'sign'", "[99]", "[100]", "axis 0 (token)", "token_count"});
}

TEST_F(InvalidCall, WrongSize) {
  const int64_t other[] = {100, 4};
  call.bindings[X].sizes = other;
  refused(MOE_INVALID_ARGUMENT, {"input 'x'", "[100, 4]", "expected [100, 3]", "axis 1 (channel) has 4"});
}

TEST_F(InvalidCall, WrongRank) {
  call.bindings[BIAS].rank = 2;
  refused(MOE_INVALID_ARGUMENT, {"input 'bias' has rank 2, expected 1", "[3]"});
  call.bind(100);
  call.bindings[MEAN].rank = 1;
  refused(MOE_INVALID_ARGUMENT, {"loss 'mean' has rank 1, expected 0"});
}

TEST_F(InvalidCall, MissingSizes) {
  call.bindings[Y].sizes = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"output 'y'", "without sizes", "[100, 3]"});
}

TEST_F(InvalidCall, WrongDtype) {
  call.bindings[X].dtype = MOE_BF16;
  refused(MOE_INVALID_ARGUMENT, {"input 'x' has dtype bf16, expected f32"});
  call.bind(100);
  call.bindings[SCALE].dtype = MOE_F64;
  refused(MOE_INVALID_ARGUMENT, {"param 'scale' has dtype f64, expected f32"});
  call.bind(100);
  call.bindings[EMPTY].dtype = 99;
  refused(MOE_INVALID_ARGUMENT, {"status word 'empty' has dtype unknown dtype, expected i32"});
}

TEST_F(InvalidCall, WrongStrides) {
  const int64_t transposed[] = {1, 100};
  call.bindings[X].strides = transposed;
  refused(MOE_INVALID_ARGUMENT, {"input 'x'", "stride 100, expected 1", "dense"});
  const int64_t padded[] = {4, 1};
  call.bindings[X].strides = padded;
  refused(MOE_INVALID_ARGUMENT, {"axis 0 (token) has stride 4, expected 3"});
}

TEST_F(InvalidCall, MisalignedArray) {
  call.bindings[X].data = reinterpret_cast<char *>(call.x.data()) + 2;
  refused(MOE_INVALID_ARGUMENT, {"input 'x'", "misaligned", "multiple of 4"});
}

TEST_F(InvalidCall, UnboundArrays) {
  for (int index : {X, BIAS, Y, SIGN, MEAN, LARGEST, EMPTY}) {
    call.bind(100);
    call.bindings[index].data = nullptr;
    refused(MOE_INVALID_ARGUMENT, {one_pass_gate.arrays[index].name, "not bound"});
  }
}

TEST_F(InvalidCall, WhatAPhaseDoesNotTouchMayBeUnbound) {
  for (int index : {MEAN, LARGEST, EMPTY})
    call.bindings[index] = {};
  EXPECT_EQ(call.run(MOE_ACCUMULATE | MOE_RESET), MOE_OK) << lastError();
  call.bind(100);
  for (int index : {X, Y, SIGN})
    call.bindings[index] = {};
  EXPECT_EQ(call.run(MOE_FINISH), MOE_OK) << lastError();
  EXPECT_EQ(call.empty, 0);
  call.bindings[BIAS] = {};
  expectFailure(call.run(MOE_FINISH), MOE_INVALID_ARGUMENT, {"input 'bias' is not bound"});
}

TEST_F(InvalidCall, ArraysWithoutElementsMayBeNull) {
  call.bind(0);
  for (int index : {X, Y, SIGN})
    call.bindings[index].data = nullptr;
  EXPECT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_EQ(call.empty, 1);
}

TEST_F(InvalidCall, BoundCoefficient) {
  ExecutablePtr executable = prepareCpu(two_pass_gate, 1);
  rt::Block workspace(1 << 16), accumulators(64);
  ASSERT_EQ(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr), MOE_OK);
  float memory[CHANNELS];
  const int64_t wide[] = {1, CHANNELS}, channels[] = {CHANNELS};
  moe_binding bindings[TWO_PASS_ARRAYS] = {{memory, MOE_F32, 2, wide, nullptr, nullptr},
                                           {memory, MOE_F32, 1, channels, nullptr, nullptr},
                                           {},
                                           {memory, MOE_F32, 2, wide, nullptr, nullptr},
                                           {memory, MOE_F32, 0, nullptr, nullptr, nullptr}};
  moe_call twoPass = call.call;
  twoPass.token_count = 1;
  twoPass.bindings = bindings;
  twoPass.accumulators = accumulators.data();
  twoPass.workspace = workspace.data();
  twoPass.workspace_bytes = workspace.bytes();
  expectFailure(moe_run(executable.get(), &twoPass), MOE_INVALID_ARGUMENT, {"coefficient 'center'", "workspace"});
  bindings[1] = {};
  EXPECT_EQ(moe_run(executable.get(), &twoPass), MOE_OK) << lastError();
}

TEST_F(InvalidCall, AccumulatorsNullOrMisaligned) {
  call.call.accumulators = nullptr;
  for (uint32_t phase : {3u, 5u, 7u}) {
    call.call.phase = phase;
    refused(MOE_INVALID_ARGUMENT, {"the accumulator block is null"});
  }
  call.call.accumulators = static_cast<char *>(call.accumulators.data()) + 32;
  refused(MOE_INVALID_ARGUMENT, {"the accumulator block", "misaligned", "64"});
}

TEST_F(InvalidCall, AccumulatorsNeverReset) {
  std::memset(call.accumulators.data(), 0xff, call.accumulators.bytes());
  call.call.phase = MOE_ACCUMULATE;
  refused(MOE_INVALID_ARGUMENT, {"-1 tokens", "reset"});
  call.block().tokens = INT32_MAX;
  refused(MOE_INVALID_ARGUMENT, {"2147483647 tokens, and 100 come on top"});
}

TEST_F(InvalidCall, WorkspaceNullMisalignedOrTooSmall) {
  call.call.workspace = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"the workspace is null"});
  call.call.workspace = static_cast<char *>(call.workspace.data()) + 8;
  refused(MOE_INVALID_ARGUMENT, {"the workspace", "misaligned"});
  call.call.workspace = call.workspace.data();
  call.call.workspace_bytes -= 1;
  refused(MOE_INVALID_ARGUMENT, {"the workspace has", "100 tokens need", "moe_workspace_bytes"});
}

TEST_F(InvalidCall, WorkspaceOfASmallerCall) {
  OnePassCall large(5000, 2);
  large.call.workspace = call.workspace.data();
  large.call.workspace_bytes = call.workspace.bytes();
  expectFailure(large.run(), MOE_INVALID_ARGUMENT, {"5000 tokens need"});
}

TEST_F(InvalidCall, WorkspaceNotInitialised) {
  std::memset(call.workspace.data(), 0, call.workspace.bytes());
  refused(MOE_INVALID_ARGUMENT, {"not initialised", "moe_init_workspace"});
}

TEST_F(InvalidCall, WorkspaceOfAnotherExecutable) {
  OnePassCall other(100, 2);
  call.call.workspace = other.workspace.data();
  refused(MOE_INVALID_ARGUMENT, {"another executable"});
}

TEST_F(InvalidCall, WorkspaceSaidToBeLargerThanInitialised) {
  call.call.workspace_bytes += 64;
  refused(MOE_INVALID_ARGUMENT, {"initialised with"});
}

TEST_F(InvalidCall, WorkspaceInUse) {
  // What a second call sees while a first one runs: the header's busy flag is set.
  uint32_t busy = 1;
  std::memcpy(static_cast<char *>(call.workspace.data()) + 24, &busy, sizeof(busy));
  refused(MOE_INVALID_ARGUMENT, {"in use by another call"});
  ASSERT_EQ(moe_init_workspace(call.executable.get(), call.workspace.data(), call.workspace.bytes(), nullptr), MOE_OK);
  EXPECT_EQ(call.run(), MOE_OK) << lastError();
}

TEST_F(InvalidCall, InitialisingAWorkspace) {
  const moe_executable *executable = call.executable.get();
  char *workspace = static_cast<char *>(call.workspace.data());
  expectFailure(moe_init_workspace(nullptr, workspace, 1 << 20, nullptr), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_init_workspace(executable, nullptr, 1 << 20, nullptr), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_init_workspace(executable, workspace + 4, 1 << 20, nullptr), MOE_INVALID_ARGUMENT, {"misaligned"});
  expectFailure(moe_init_workspace(executable, workspace, 64, nullptr), MOE_INVALID_ARGUMENT, {"64 bytes", "needs"});
}

TEST_F(InvalidCall, SizeQueries) {
  uint64_t bytes;
  expectFailure(moe_workspace_bytes(nullptr, 1, 0, &bytes), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_workspace_bytes(call.executable.get(), 1, 0, nullptr), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_workspace_bytes(call.executable.get(), -1, 0, &bytes), MOE_INVALID_ARGUMENT, {"token_count is -1"});
  expectFailure(moe_accumulator_bytes(nullptr, &bytes), MOE_INVALID_ARGUMENT, {"null"});
  uint64_t previous = 0;
  for (int64_t tokens : {0, 1, 1024, 1025, 262144, 262145, 1 << 30}) {
    ASSERT_EQ(moe_workspace_bytes(call.executable.get(), tokens, 0, &bytes), MOE_OK);
    EXPECT_GE(bytes, previous) << "sizes are for calls of up to so many tokens";
    previous = bytes;
  }
}

TEST_F(InvalidCall, FailedCallLeavesTheWorkspaceUsable) {
  call.bindings[X].dtype = MOE_F16;
  refused(MOE_INVALID_ARGUMENT, {"f16"});
  call.bind(100);
  EXPECT_EQ(call.run(), MOE_OK) << lastError();
}

} // namespace
} // namespace moe::test
