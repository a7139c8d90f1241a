// A descriptor that does not hold together is refused when it is prepared; names and lookups.
#include "OnePassCall.h"

namespace moe::test {
namespace {

/// Copies of one_pass_gate's tables, to be spoiled.
class InvalidGate : public testing::Test {
protected:
  InvalidGate()
      : gate(one_pass_gate), arrays(gate.arrays, gate.arrays + gate.array_count),
        accumulators(gate.accumulators, gate.accumulators + gate.accumulator_count),
        variants(gate.cpu_variants, gate.cpu_variants + gate.cpu_variant_count),
        kernels(gate.cuda_kernels, gate.cuda_kernels + gate.cuda_kernel_count) {
    gate.arrays = arrays.data();
    gate.accumulators = accumulators.data();
    gate.cpu_variants = variants.data();
    gate.cuda_kernels = kernels.data();
  }
  void refused(moe_status status, std::initializer_list<const char *> parts) {
    expectFailure(moe_check_gate(&gate), status, parts);
    moe_executable *executable = nullptr;
    EXPECT_EQ(moe_prepare_cpu(&gate, 1, nullptr, &executable), status);
    EXPECT_EQ(moe_prepare_cuda(&gate, 0, "", &executable), status);
    EXPECT_EQ(executable, nullptr);
  }

  moe_gate gate;
  std::vector<moe_array> arrays;
  std::vector<moe_accumulator> accumulators;
  std::vector<moe_cpu_variant> variants;
  std::vector<moe_cuda_kernel> kernels;
};

TEST_F(InvalidGate, CopyIsValidToBeginWith) {
  EXPECT_EQ(moe_check_gate(&gate), MOE_OK) << lastError();
  EXPECT_EQ(moe_check_gate(&two_pass_gate), MOE_OK) << lastError();
}

TEST_F(InvalidGate, Null) {
  expectFailure(moe_check_gate(nullptr), MOE_INVALID_ARGUMENT, {"null"});
  expectFailure(moe_prepare_cpu(&gate, 1, nullptr, nullptr), MOE_INVALID_ARGUMENT, {"`out` is null"});
  expectFailure(moe_prepare_cuda(&gate, 0, "", nullptr), MOE_INVALID_ARGUMENT, {"`out` is null"});
  moe_release(nullptr);
}

TEST_F(InvalidGate, AnotherVersion) {
  gate.abi_version = MOE_ABI_VERSION + 1;
  refused(MOE_VERSION_MISMATCH, {"version 5", "version 4", "compile the gate again"});
}

TEST_F(InvalidGate, AnotherSize) {
  gate.struct_size -= 8;
  refused(MOE_VERSION_MISMATCH, {"144 bytes", "152"});
}

TEST_F(InvalidGate, MissingTables) {
  gate.name = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"no name"});
  gate.name = "one_pass";
  gate.arrays = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"'one_pass'", "table arrays is null", "8 entries"});
  gate.arrays = arrays.data();
  gate.accumulators = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"table accumulators is null"});
  gate.accumulators = accumulators.data();
  gate.cpu_variants = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"table cpu_variants is null"});
  gate.cpu_variants = variants.data();
  gate.cuda_source = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"no CUDA source"});
}

TEST_F(InvalidGate, Counts) {
  gate.pass_count = 0;
  refused(MOE_INVALID_ARGUMENT, {"0 passes"});
  gate.pass_count = 1;
  gate.array_count = MOE_MAX_ARRAYS + 1;
  refused(MOE_INVALID_ARGUMENT, {"257 arrays, at most 256"});
  gate.array_count = ONE_PASS_ARRAYS;
  gate.cuda_kernel_count = 2;
  refused(MOE_INVALID_ARGUMENT, {"2 CUDA kernels for 1 passes"});
}

TEST_F(InvalidGate, Arrays) {
  const int64_t inner[] = {3, -1}, huge[] = {int64_t(1) << 40, int64_t(1) << 40};
  auto spoiled = [&](int index, auto spoil, std::initializer_list<const char *> parts) {
    spoil(arrays[index]);
    refused(MOE_INVALID_ARGUMENT, parts);
    arrays[index] = one_pass_gate.arrays[index];
  };
  spoiled(X, [](moe_array &array) { array.name = nullptr; }, {"array 1 has no name"});
  spoiled(X, [](moe_array &array) { array.role = 9; }, {"'x'", "role (9)"});
  spoiled(X, [](moe_array &array) { array.dtype = 8; }, {"'x'", "dtype (8)"});
  spoiled(X, [](moe_array &array) { array.rank = 9; }, {"'x'", "rank 9"});
  spoiled(X, [](moe_array &array) { array.sizes = nullptr; }, {"'x'", "no sizes"});
  spoiled(X, [&](moe_array &array) { array.sizes = inner; }, {"axis 1 of array 'x' has size -1"});
  spoiled(X, [&](moe_array &array) { array.sizes = huge; }, {"'x'", "2^31"});
  spoiled(X, [](moe_array &array) { array.name = "bias"; }, {"two arrays", "'bias'"});
  spoiled(SCALE, [](moe_array &array) { array.dtype = MOE_F64; }, {"param 'scale'"});
  spoiled(MEAN, [](moe_array &array) { array.dtype = MOE_F64; }, {"loss 'mean'"});
  spoiled(EMPTY, [](moe_array &array) { array.dtype = MOE_F32; }, {"status word 'empty'"});
  spoiled(X, [](moe_array &array) { array.role = MOE_METRIC; }, {"metric 'x'", "axis of tokens"});
  spoiled(BIAS, [](moe_array &array) { array.role = MOE_COEFFICIENT; }, {"coefficient_bytes is 0", "64"});
}

TEST_F(InvalidGate, Accumulators) {
  auto spoiled = [&](auto spoil, std::initializer_list<const char *> parts) {
    spoil(accumulators[1]);
    refused(MOE_INVALID_ARGUMENT, parts);
    accumulators[1] = one_pass_gate.accumulators[1];
  };
  spoiled([](moe_accumulator &it) { it.name = nullptr; }, {"accumulator 1 has no name"});
  spoiled([](moe_accumulator &it) { it.combine = 4; }, {"'largest'", "combine (4)"});
  spoiled([](moe_accumulator &it) { it.dtype = MOE_BF16; }, {"'largest'", "dtype (2)"});
  spoiled([](moe_accumulator &it) { it.offset = 0; }, {"'largest'", "offset 0"});
  spoiled([](moe_accumulator &it) { it.offset += 1; }, {"'largest'", "misaligned"});
  spoiled([](moe_accumulator &it) { it.count = UINT64_MAX / 2; }, {"'largest'", "fit"});
  spoiled([](moe_accumulator &it) { it.offset -= 4; }, {"'sum' and 'largest' overlap"});
  gate.accumulator_bytes = 4;
  refused(MOE_INVALID_ARGUMENT, {"token count"});
}

TEST_F(InvalidGate, Targets) {
  variants[1].isa = nullptr;
  refused(MOE_INVALID_ARGUMENT, {"CPU variant 1"});
  variants[1].isa = "generic";
  const moe_cpu_pass empty[] = {{nullptr, nullptr, nullptr, 0, 0}};
  variants[1].passes = empty;
  refused(MOE_INVALID_ARGUMENT, {"'generic' lacks a function of pass 0"});
  variants[1] = one_pass_gate.cpu_variants[1];
  kernels[0].threads = 2048;
  refused(MOE_INVALID_ARGUMENT, {"CUDA kernel 0"});
  kernels[0] = one_pass_gate.cuda_kernels[0];
  gate.cuda_workspace_bytes = 63;
  refused(MOE_INVALID_ARGUMENT, {"CUDA workspace"});
}

TEST_F(InvalidGate, WithoutVariantsOrKernels) {
  moe_executable *executable = nullptr;
  gate.cpu_variant_count = 0;
  expectFailure(moe_prepare_cpu(&gate, 1, nullptr, &executable), MOE_UNSUPPORTED, {"no", "CPU variant", "none"});
  gate.cuda_kernel_count = 0;
  expectFailure(moe_prepare_cuda(&gate, 0, "", &executable), MOE_UNSUPPORTED, {"no CUDA source"});
}

TEST(Names, FindArrayTellsDirectionsApart) {
  EXPECT_EQ(moe_find_array(&two_pass_gate, "x", 1), INPUT2);
  EXPECT_EQ(moe_find_array(&two_pass_gate, "x", 0), OUTPUT2);
  EXPECT_EQ(moe_find_array(&two_pass_gate, "variance", 0), VARIANCE2);
  EXPECT_EQ(moe_find_array(&two_pass_gate, "variance", 1), -1);
  EXPECT_EQ(moe_find_array(&one_pass_gate, "scale", 1), SCALE);
  EXPECT_EQ(moe_find_array(&one_pass_gate, "nothing", 1), -1);
  EXPECT_EQ(moe_find_array(nullptr, "x", 1), -1);
  EXPECT_EQ(moe_find_array(&one_pass_gate, nullptr, 1), -1);
}

TEST(Names, StatusesAndTypes) {
  EXPECT_STREQ(moe_status_name(MOE_OK), "MOE_OK");
  EXPECT_STREQ(moe_status_name(MOE_IO_FAILED), "MOE_IO_FAILED");
  EXPECT_STREQ(moe_dtype_name(MOE_BF16), "bf16");
  EXPECT_STREQ(moe_dtype_name(MOE_BOOL), "bool");
  const size_t bytes[] = {4, 8, 2, 2, 4, 8, 1, 2};
  for (int dtype = MOE_F32; dtype <= MOE_I16; ++dtype)
    EXPECT_EQ(moe_dtype_bytes(static_cast<moe_dtype>(dtype)), bytes[dtype]);
}

} // namespace
} // namespace moe::test
