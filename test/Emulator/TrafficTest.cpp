// What the kernels of the examples move to and from global memory, counted: the floor of a call (read the logits once,
// write the outputs once, in whole sectors), and beside it what the blocks hand to one another.
#include "test/Support/GateCall.h"
#include "gtest/gtest.h"
#include <map>

namespace moe::test {
namespace {

struct Case {
  const char *spec;
  const char *dtype;
};
constexpr int64_t tokens = 4096;

class Traffic : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    FrontendOptions options;
    options.dtypes["logits"] = GetParam().dtype;
    gate = Gate::load(std::string(MOE_SOURCE_DIR "/examples/") + GetParam().spec + ".moe", options);
    ASSERT_TRUE(gate);
    rt::Executable executable = rt::Executable::emulator(gate->descriptor());
    GateCall call(executable, tokens);
    arrays = makeBuffers(gate->descriptor(), tokens);
    for (uint32_t i = 0; i < gate->descriptor().array_count; ++i)
      if (gate->descriptor().arrays[i].role == MOE_INPUT)
        fill(arrays[i], Data::Ordinary, i);
    ASSERT_EQ(findingsOf(call, arrays, tokens), "");
    for (const moe_traffic &row : executable.traffic())
      moved[row.array] = row;
  }

  uint64_t bytesOf(uint32_t index) const { return arrays[index].bytes.size(); }

  std::unique_ptr<Gate> gate;
  std::vector<Buffer> arrays;
  std::map<std::string, moe_traffic> moved;
};

/// The sectors of an output with `rowBytes` bytes per token: a warp stores the rows that it holds, which lie behind one
/// another, with one instruction, and shares a sector with no other.
uint64_t sectorsOfRows(const moe_cuda_kernel &kernel, int64_t blocks, int64_t rowBytes) {
  int64_t rowsOfWarp = 32 * kernel.rows_per_block / kernel.threads;
  uint64_t sectors = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    int64_t end = tokens * (block + 1) / blocks;
    for (int64_t row = tokens * block / blocks; row < end; row += rowsOfWarp)
      sectors += (std::min(row + rowsOfWarp, end) * rowBytes + 31) / 32 - row * rowBytes / 32;
  }
  return sectors;
}

TEST_P(Traffic, IsTheFloorAndWhatBlocksHandOn) {
  const moe_gate &g = gate->descriptor();
  const moe_cuda_kernel &kernel = g.cuda_kernels[0];
  ASSERT_EQ(g.pass_count, 1u);
  uint64_t blocks = std::min<uint64_t>(kernel.max_blocks, (tokens + kernel.rows_per_block - 1) / kernel.rows_per_block);

  // The logits once, in whole sectors.
  const moe_transfer &logits = moved["logits"].load;
  uint64_t bytes = bufferOf(g, arrays, "logits", true).bytes.size();
  EXPECT_EQ(logits.bytes, bytes);
  EXPECT_EQ(logits.distinct_bytes, bytes);
  EXPECT_EQ(logits.sectors, bytes / 32);
  EXPECT_EQ(logits.ideal_sectors, bytes / 32);

  // All that is written, once; nothing of it is read.
  for (uint32_t i = 0; i < g.array_count; ++i) {
    const moe_array &array = g.arrays[i];
    if (array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || array.role == MOE_SAVED)
      continue;
    const moe_traffic &row = moved[array.name];
    EXPECT_EQ(row.store.bytes, bytesOf(i)) << array.name;
    EXPECT_EQ(row.store.distinct_bytes, bytesOf(i)) << array.name;
    EXPECT_EQ(row.load.bytes, 0u) << array.name;
    if (array.role == MOE_OUTPUT)
      EXPECT_EQ(row.store.sectors, sectorsOfRows(kernel, static_cast<int64_t>(blocks), bytesOf(i) / tokens))
          << array.name;
  }

  // An input without tokens once per row that a block holds at a time: it stays in registers.
  if (moe_find_array(&g, "bias", 1) >= 0)
    EXPECT_EQ(moved["bias"].load.bytes,
              blocks * kernel.rows_per_block * bufferOf(g, arrays, "bias", true).bytes.size());

  // Every block leaves its part once, and the last one reads all of them once.
  uint64_t part = (g.cuda_workspace_bytes - MOE_WORKSPACE_HEADER_BYTES) / kernel.max_blocks;
  const moe_traffic &partials = moved["partials"];
  EXPECT_EQ(partials.store.bytes, blocks * part);
  EXPECT_EQ(partials.store.distinct_bytes, blocks * part);
  EXPECT_EQ(partials.load.bytes, blocks * part);
  EXPECT_EQ(moved["tickets"].load.requests, blocks);
  EXPECT_EQ(moved["tickets"].store.requests, blocks + 1); // and the last one re-arms it
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char *spec : {"switch", "deepseek_moe", "deepseek_v2", "deepseek_v3"})
    for (const char *dtype : {"f32", "bf16", "f16"})
      all.push_back({spec, dtype});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Traffic, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.spec) + "_" + info.param.dtype; });

} // namespace
} // namespace moe::test
