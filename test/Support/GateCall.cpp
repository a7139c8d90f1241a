// Memory and bindings of a call, and the emulator's findings as text.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>

using namespace moe;
using namespace moe::test;

/// The size of an axis in a call.
static int64_t sizeOf(const moe_array &array, uint32_t axis, const std::vector<int64_t> &counts) {
  int64_t size = array.sizes[axis];
  if (size >= 0)
    return size;
  if (size == MOE_DISPATCH_ROWS)
    return array.per_token * counts[0] + array.extra;
  for (int64_t level = 1; level < static_cast<int64_t>(counts.size()); ++level)
    if (size == MOE_PIECES_OF_LEVEL(level) || size == MOE_PIECES_OF_LEVEL_PLUS_1(level))
      return counts[static_cast<size_t>(level)] + (size == MOE_PIECES_OF_LEVEL_PLUS_1(level));
  EXPECT_EQ(size, MOE_TOKENS) << array.name;
  return counts[0];
}

std::vector<Buffer> moe::test::makeBuffers(const moe_gate &gate, const std::vector<int64_t> &counts) {
  std::vector<Buffer> all;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    Buffer &buffer = all.emplace_back();
    buffer.dtype = static_cast<moe_dtype>(array.dtype);
    for (uint32_t axis = 0; axis < array.rank; ++axis)
      buffer.sizes.push_back(sizeOf(array, axis, counts));
    if (array.role != MOE_PARAM)
      buffer.bytes.resize(buffer.count() * moe_dtype_bytes(buffer.dtype));
  }
  return all;
}

std::vector<Buffer> moe::test::makeBuffers(const moe_gate &gate, int64_t tokens, int64_t pieces) {
  return makeBuffers(gate, std::vector<int64_t>{tokens, pieces});
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

/// Memory of one array in a call, exactly as large as it is: one block, or one for each layer.
static std::vector<rt::Block> blocksOf(const moe_array &array, const Buffer &buffer, bool apart) {
  bool isRead = array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_STATE;
  size_t count = apart ? static_cast<size_t>(buffer.sizes[0]) : 1, bytes = buffer.bytes.size() / count;
  std::vector<rt::Block> blocks;
  for (size_t n = 0; n < count; ++n) {
    const rt::Block &block = blocks.emplace_back(bytes);
    if (isRead && bytes)
      std::memcpy(block.data(), buffer.bytes.data() + n * bytes, bytes);
    else
      std::memset(block.data(), 0xAB, bytes);
  }
  return blocks;
}

/// Pieces of the finest level that offsets divide.
static int64_t piecesByOffsets(const moe_gate &gate, const std::vector<Buffer> &arrays) {
  for (int64_t level = 1; level < 8; ++level)
    for (uint32_t i = 0; i < gate.array_count; ++i)
      if (gate.arrays[i].rank && gate.arrays[i].sizes[0] == MOE_PIECES_OF_LEVEL_PLUS_1(level))
        return arrays[i].sizes[0] - 1;
  return 0;
}

void GateCall::call(const moe_gate &gate, std::vector<Buffer> &arrays, int64_t tokens, uint32_t phase, Kind kind) {
  std::vector<std::vector<rt::Block>> blocks;
  std::vector<std::vector<void *>> layers(gate.array_count);
  std::vector<moe_binding> bindings(gate.array_count);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    bool isBound = array.role != MOE_COEFFICIENT && array.role != MOE_SAVED &&
                   !(array.role == MOE_PARAM && arrays[i].bytes.empty());
    bool apart = layersApart && (array.flags & MOE_ARRAY_LAYERED) && array.sizes[1] == MOE_TOKENS;
    blocks.push_back(blocksOf(array, arrays[i], apart));
    bindings[i] = {isBound && !apart ? blocks[i][0].data() : nullptr,
                   arrays[i].dtype,
                   static_cast<uint32_t>(arrays[i].sizes.size()),
                   arrays[i].sizes.data(),
                   nullptr,
                   nullptr};
    for (const rt::Block &block : blocks[i])
      layers[i].push_back(block.data());
    if (apart)
      bindings[i].layers = layers[i].data();
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
  int64_t pieces = piecesByOffsets(gate, arrays);
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
    for (size_t n = 0; n < blocks[i].size(); ++n)
      if (size_t bytes = blocks[i][n].bytes())
        std::memcpy(arrays[i].bytes.data() + n * bytes, blocks[i][n].data(), bytes);
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
