// The emulator as a device of the runtime: what is refused before anything runs, and what the messages say. Calls that
// run are in test/Emulator, on the code of real gates.
#include "OnePassCall.h"

#include <cstdlib>

namespace moe::test {
namespace {

/// Sets a variable of the environment for a scope.
class Environment {
public:
  Environment(const char *name, const char *value) : name(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name); }

private:
  const char *name;
};

class Emulator : public testing::Test {
protected:
  moe_status prepare(const moe_gate &gate, const moe_emulator_options *options = nullptr) {
    moe_executable *made = nullptr;
    moe_status status = moe_prepare_emulator(&gate, options, &made);
    EXPECT_EQ(status == MOE_OK, made != nullptr);
    executable.reset(made);
    return status;
  }
  ExecutablePtr executable;
};

TEST_F(Emulator, NullPointersAreRefused) {
  moe_executable *made = nullptr;
  uint32_t count = 0;
  moe_emulator_options options = {sizeof(options), 0, 0};
  expectFailure(moe_prepare_emulator(&one_pass_gate, nullptr, nullptr), MOE_INVALID_ARGUMENT, {"`out` is null"});
  expectFailure(moe_prepare_emulator(nullptr, nullptr, &made), MOE_INVALID_ARGUMENT, {"descriptor is null"});
  expectFailure(moe_set_emulator_options(nullptr, &options), MOE_INVALID_ARGUMENT, {"moe_set_emulator_options: "});
  expectFailure(moe_last_traffic(nullptr, nullptr, &count), MOE_INVALID_ARGUMENT, {"moe_last_traffic: "});
}

TEST_F(Emulator, AnotherDeviceHasNoTrafficAndNoSchedule) {
  executable = prepareCpu(one_pass_gate, 1, "generic");
  uint32_t count = 0;
  moe_emulator_options options = {sizeof(options), 0, 0};
  for (moe_status status :
       {moe_set_emulator_options(executable.get(), &options), moe_last_traffic(executable.get(), nullptr, &count)})
    expectFailure(status, MOE_INVALID_ARGUMENT, {"not one of the emulator", "moe_prepare_emulator"});
}

TEST_F(Emulator, AGateWithoutCudaSourceIsUnsupported) {
  moe_gate gate = one_pass_gate;
  gate.cuda_kernel_count = 0;
  expectFailure(prepare(gate), MOE_UNSUPPORTED, {"gate 'one_pass' has no CUDA source", "for the CPU only"});
}

TEST_F(Emulator, AMissingLibrarySaysWhatWasTried) {
  Environment library("MOE_EMULATOR_LIBRARY", "/nowhere/libmoe_emulator.so");
  expectFailure(prepare(one_pass_gate), MOE_NO_DRIVER,
                {"the emulator (libmoe_emulator.so)", "/nowhere/libmoe_emulator.so: ", "No such file",
                 "set MOE_EMULATOR_LIBRARY"});
}

TEST_F(Emulator, AnotherLibraryIsNotTheEmulator) {
  Environment library("MOE_EMULATOR_LIBRARY", MOE_MOCK_CUDA);
  expectFailure(prepare(one_pass_gate), MOE_NO_DRIVER, {"has no function moe_emulator_interface", "another library"});
}

TEST_F(Emulator, OptionsAreChecked) {
  moe_emulator_options options = {8, 0, 0};
  expectFailure(prepare(one_pass_gate, &options), MOE_VERSION_MISMATCH,
                {"moe_emulator_options has 8 bytes", "reads 16", "struct_size"});
  options = {sizeof(options), 5, 0};
  expectFailure(prepare(one_pass_gate, &options), MOE_INVALID_ARGUMENT,
                {"a grid of 5 blocks", "kernel 'one_pass' runs with at most 4"});
}

} // namespace
} // namespace moe::test
