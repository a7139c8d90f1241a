// Memory and bindings of a call, and the emulator's findings as text.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>

using namespace moe;
using namespace moe::test;

/// The size of an axis in a call.
static int64_t sizeOf(const moe_array &array, uint32_t axis, int64_t tokens, int64_t pieces) {
  switch (array.sizes[axis]) {
  case MOE_TOKENS:
    return tokens;
  case MOE_PIECES:
    return pieces;
  case MOE_PIECES_PLUS_1:
    return pieces + 1;
  case MOE_DISPATCH_ROWS:
    return array.per_token * tokens + array.extra;
  default:
    return array.sizes[axis];
  }
}

std::vector<Buffer> moe::test::makeBuffers(const moe_gate &gate, int64_t tokens, int64_t pieces) {
  std::vector<Buffer> all;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    Buffer &buffer = all.emplace_back();
    buffer.dtype = static_cast<moe_dtype>(array.dtype);
    for (uint32_t axis = 0; axis < array.rank; ++axis)
      buffer.sizes.push_back(sizeOf(array, axis, tokens, pieces));
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

GateCall::GateCall(const rt::Executable &executable, int64_t maxTokens, int64_t maxPieces)
    : executable(executable), workspace(executable.workspaceBytes(maxTokens, maxPieces)),
      accumulators(executable.accumulatorBytes()) {
  rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
}

void GateCall::run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase) {
  call(executable.gate(), arrays, tokens, phase, Kind::Forward);
}

void GateCall::step(std::vector<Buffer> &arrays) { call(*executable.gate().step, arrays, 0, 0, Kind::Step); }

void GateCall::call(const moe_gate &gate, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase, Kind kind) {
  std::vector<rt::Block> blocks;
  std::vector<moe_binding> bindings(gate.array_count);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    bool isBound = role != MOE_COEFFICIENT && role != MOE_SAVED && !(role == MOE_PARAM && arrays[i].bytes.empty());
    const rt::Block &block = blocks.emplace_back(arrays[i].bytes.size());
    if (role == MOE_INPUT || role == MOE_PARAM || role == MOE_STATE)
      std::copy(arrays[i].bytes.begin(), arrays[i].bytes.end(), static_cast<uint8_t *>(block.data()));
    else
      std::memset(block.data(), 0xAB, block.bytes());
    bindings[i] = {isBound ? block.data() : nullptr, arrays[i].dtype, static_cast<uint32_t>(arrays[i].sizes.size()),
                   arrays[i].sizes.data(),           nullptr,         nullptr};
  }
  moe_call call{};
  call.struct_size = sizeof(call);
  call.phase = phase;
  call.token_count = tokens;
  call.bindings = bindings.data();
  call.accumulators = collects ? accumulators.data() : nullptr;
  call.workspace = workspace.data();
  call.workspace_bytes = workspace.bytes();
  call.seed = seed;
  call.first_token = firstToken;
  call.offset = offset;
  int64_t pieces = 0;
  for (uint32_t i = 0; i < gate.array_count; ++i)
    if (gate.arrays[i].rank && gate.arrays[i].sizes[0] == MOE_PIECES_PLUS_1)
      pieces = arrays[i].sizes[0] - 1;
  rt::Block saved(keeps ? executable.savedBytes(tokens, pieces) : 0),
      coefficients(keeps ? executable.coefficientBytes() : 0);
  if (keeps) {
    call.saved = saved.data();
    call.saved_bytes = saved.bytes();
    call.coefficients = coefficients.data();
    call.coefficient_bytes = coefficients.bytes();
  }
  moe_status status = kind == Kind::Step ? moe_run_step(executable.get(), &call) : moe_run(executable.get(), &call);
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
