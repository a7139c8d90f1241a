// Memory and bindings of a call, and the emulator's findings as text.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>

using namespace moe;
using namespace moe::test;

std::vector<Buffer> moe::test::makeBuffers(const moe_gate &gate, int64_t tokens) {
  std::vector<Buffer> all;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    Buffer &buffer = all.emplace_back();
    buffer.dtype = static_cast<moe_dtype>(array.dtype);
    for (uint32_t axis = 0; axis < array.rank; ++axis)
      buffer.sizes.push_back(array.sizes[axis] < 0 ? tokens : array.sizes[axis]);
    if (array.role != MOE_PARAM)
      buffer.bytes.resize(buffer.count() * moe_dtype_bytes(buffer.dtype));
  }
  return all;
}

Buffer &moe::test::bufferOf(const moe_gate &gate, std::vector<Buffer> &arrays, const char *name, bool in) {
  int32_t index = moe_find_array(&gate, name, in);
  EXPECT_GE(index, 0) << "gate '" << gate.name << "' has no '" << name << "'";
  return arrays.at(static_cast<size_t>(std::max(index, 0)));
}

GateCall::GateCall(const rt::Executable &executable, int64_t maxTokens)
    : executable(executable), workspace(executable.workspaceBytes(maxTokens)),
      accumulators(executable.accumulatorBytes()) {
  rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
}

void GateCall::run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase) {
  const moe_gate &gate = executable.gate();
  std::vector<rt::Block> blocks;
  std::vector<moe_binding> bindings(gate.array_count);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    bool isBound = role != MOE_COEFFICIENT && role != MOE_SAVED && !(role == MOE_PARAM && arrays[i].bytes.empty());
    const rt::Block &block = blocks.emplace_back(arrays[i].bytes.size());
    if (role == MOE_INPUT || role == MOE_PARAM)
      std::copy(arrays[i].bytes.begin(), arrays[i].bytes.end(), static_cast<uint8_t *>(block.data()));
    else
      std::memset(block.data(), 0xAB, block.bytes());
    bindings[i] = {isBound ? block.data() : nullptr, arrays[i].dtype, static_cast<uint32_t>(arrays[i].sizes.size()),
                   arrays[i].sizes.data(), nullptr};
  }
  moe_call call{};
  call.struct_size = sizeof(call);
  call.phase = phase;
  call.token_count = tokens;
  call.bindings = bindings.data();
  call.accumulators = collects ? accumulators.data() : nullptr;
  call.workspace = workspace.data();
  call.workspace_bytes = workspace.bytes();
  moe_status status = moe_run(executable.get(), &call);
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (!arrays[i].bytes.empty())
      std::memcpy(arrays[i].bytes.data(), blocks[i].data(), arrays[i].bytes.size());
  rt::check(status);
}

std::string moe::test::findingsOf(GateCall &call, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase) {
  try {
    call.run(arrays, tokens, phase);
    return "";
  } catch (const rt::Error &error) {
    EXPECT_EQ(error.status(), MOE_FINDING) << error.what();
    return error.what();
  }
}
