// Gates with layers and with pieces of pieces, written by hand: what generated code is told of each range of rows, what
// the caller may bind, and what a descriptor may say. (The values of generated code are tested in test/Unit/Cpu.)
#include "OnePassCall.h"

#include <cstddef>

namespace moe::test {
namespace {

constexpr int64_t layerCount = 4;

//===-- Layers
//------------------------------------------------------------------------------------------------------===//

enum { LayerX, LayerShared, LayerY, LayerTotal, LayerArrays };

struct LayerAccumulators {
  int64_t tokens;
  float sum;
};

/// y = (layer + 1) x + shared, in the rows of one layer.
void rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *) {
  auto layer = static_cast<size_t>(call->layer);
  int64_t first = call->layer_begin, perLayer = call->token_count / layerCount;
  EXPECT_LE(first, begin);
  EXPECT_LE(end, first + perLayer);
  EXPECT_EQ(call->layer_begin, call->layer * perLayer);
  auto *x = static_cast<const float *const *>(call->arrays[LayerX])[layer];
  auto *shared = static_cast<const float *const *>(call->arrays[LayerShared])[layer];
  auto *y = static_cast<float *const *>(call->arrays[LayerY])[layer];
  for (int64_t row = begin; row < end; ++row) {
    y[row - first] = static_cast<float>(layer + 1) * x[row - first] + shared[row - first];
    static_cast<LayerAccumulators *>(partial)->sum += y[row - first];
  }
}
void finish(const moe_cpu_call *call, const void *accumulators, void *) {
  const auto *from = static_cast<const LayerAccumulators *>(accumulators);
  EXPECT_EQ(from->tokens, call->token_count);
  *static_cast<float *>(call->arrays[LayerTotal]) = from->sum;
}

const int64_t layered[] = {layerCount, MOE_TOKENS}, tokens[] = {MOE_TOKENS}, other[] = {3, MOE_TOKENS},
              ordered[] = {layerCount, MOE_DISPATCH_ROWS};
const char *const names[] = {"layer", "token"};

struct LayerGate {
  LayerGate() {
    gate.struct_size = sizeof(moe_gate);
    gate.abi_version = MOE_ABI_VERSION;
    gate.name = "stacked";
    gate.axes = axes;
    gate.axis_count = 3;
    gate.arrays = arrays;
    gate.array_count = LayerArrays;
    gate.accumulators = &accumulator;
    gate.accumulator_count = 1;
    gate.accumulator_bytes = sizeof(LayerAccumulators);
    gate.pass_count = 1;
    gate.cpu_scratch_bytes = 64;
    gate.cpu_variants = &variant;
    gate.cpu_variant_count = 1;
    gate.layers = layerCount;
  }
  LayerGate(const LayerGate &) = delete;

  moe_axis axes[3] = {{"token", -1, nullptr, nullptr, 0, nullptr, 0},
                      {"layer", layerCount, nullptr, nullptr, 0, nullptr, 0},
                      {"unused", 2, nullptr, nullptr, 0, nullptr, 0}};
  moe_array arrays[LayerArrays] = {{"x", MOE_INPUT, MOE_F32, 2, MOE_ARRAY_LAYERED, layered, names, 0, 0, 0},
                                   {"shared", MOE_INPUT, MOE_F32, 1, 0, tokens, names + 1, 0, 0, 0},
                                   {"y", MOE_OUTPUT, MOE_F32, 2, MOE_ARRAY_LAYERED, layered, names, 0, 0, 0},
                                   {"total", MOE_LOSS, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0}};
  moe_accumulator accumulator = {"sum", MOE_SUM, MOE_F32, 1, offsetof(LayerAccumulators, sum), 0, 0, 0, 0};
  moe_cpu_pass pass = {rows, nullptr, finish, 0, 0};
  moe_cpu_variant variant = {"generic", &pass};
  moe_gate gate = {};
};

struct LayerCall {
  explicit LayerCall(int64_t count, uint32_t threads = 2)
      : executable(rt::Executable::cpu(gate.gate, threads)), call(executable, count), count(count),
        x(static_cast<size_t>(layerCount * count)), shared(static_cast<size_t>(count)), y(x.size(), 777.0f) {
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(i % 5);
    for (size_t i = 0; i < shared.size(); ++i)
      shared[i] = static_cast<float>(i % 3);
    for (size_t layer = 0; layer < layerCount; ++layer) {
      apart[layer].assign(x.begin() + static_cast<int64_t>(layer) * count,
                          x.begin() + static_cast<int64_t>(layer + 1) * count);
      result[layer].assign(static_cast<size_t>(count), 777.0f);
      xs[layer] = apart[layer].data();
      ys[layer] = result[layer].data();
    }
    call.input("shared", shared.data(), {count}).output("total", &total, {});
  }
  void bindWhole() { call.input("x", x.data(), {layerCount, count}).output("y", y.data(), {layerCount, count}); }
  void bindApart() { call.inputLayers("x", xs, {layerCount, count}).outputLayers("y", ys, {layerCount, count}); }
  /// A forward call that is refused.
  void refused(std::initializer_list<const char *> parts) {
    moe_status status = MOE_OK;
    try {
      call.forward(count);
    } catch (const rt::Error &error) {
      status = error.status();
    }
    expectFailure(status, MOE_INVALID_ARGUMENT, parts);
    EXPECT_EQ(y, std::vector<float>(y.size(), 777.0f));
  }

  LayerGate gate;
  rt::Executable executable;
  rt::Call call;
  int64_t count;
  std::vector<float> x, shared, y, apart[layerCount], result[layerCount];
  const float *xs[layerCount];
  float *ys[layerCount];
  float total = 777;
};

TEST(LayerCalls, OneArrayOrOneEach) {
  for (int64_t count : {0, 1, 100, 1024, 5000})
    for (uint32_t threads : {1u, 2u, 7u}) {
      SCOPED_TRACE(count);
      LayerCall it(count, threads);
      it.bindWhole();
      it.call.forward(count);
      double sum = 0;
      for (size_t i = 0; i < it.y.size(); ++i) {
        size_t layer = i / static_cast<size_t>(count), token = i % static_cast<size_t>(count);
        ASSERT_EQ(it.y[i], static_cast<float>(layer + 1) * it.x[i] + it.shared[token]) << i;
        sum += it.y[i];
      }
      EXPECT_EQ(it.total, static_cast<float>(sum));
      it.total = 777;
      it.bindApart();
      it.call.forward(count);
      EXPECT_EQ(it.total, static_cast<float>(sum));
      for (size_t layer = 0; layer < layerCount; ++layer)
        EXPECT_TRUE(std::equal(it.result[layer].begin(), it.result[layer].end(),
                               it.y.begin() + static_cast<int64_t>(layer) * count));
    }
}

TEST(LayerCalls, AccumulateAndAllocateNothing) {
  LayerCall it(3000);
  it.bindApart();
  it.call.forward(3000);
  float total = it.total;
  it.call.reset();
  long before = allocations;
  it.call.accumulate(3000);
  it.call.finish(3000);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(it.total, 2 * total);
  EXPECT_EQ(*static_cast<int64_t *>(it.call.accumulatorData()), 2 * 3000 * layerCount);
}

TEST(LayerCalls, Bindings) {
  LayerCall it(50);
  it.bindApart();
  it.xs[2] = nullptr;
  it.refused({"input 'x': the pointer of layer 2 of 4", "is null"});
  it.xs[2] = it.apart[2].data();
  it.ys[3] = reinterpret_cast<float *>(reinterpret_cast<char *>(it.ys[3]) + 2);
  it.refused({"output 'y': the pointer of layer 3 of 4", "misaligned"});
  it.ys[3] = it.result[3].data();
  it.call.inputLayers("x", it.xs, {layerCount, 49});
  it.refused({"input 'x' has shape [4, 49], expected [4, 50]", "token_count of the call is 50"});
  it.call.input("x", it.x.data(), {50, layerCount});
  it.refused({"input 'x' has shape [50, 4], expected [4, 50]"});
  it.bindApart();
  it.call.inputLayers("shared", it.xs, {50});
  it.refused({"input 'shared' is bound by layers", "one pointer, in `data`"});
}

TEST(LayerCalls, OneOrTheOther) {
  LayerCall it(50);
  const int64_t wide[] = {layerCount, 50}, narrow[] = {50}, strides[] = {50, 1};
  moe_binding bindings[LayerArrays] = {{it.x.data(), MOE_F32, 2, wide, nullptr, reinterpret_cast<void *const *>(it.ys)},
                                       {it.shared.data(), MOE_F32, 1, narrow, nullptr, nullptr},
                                       {it.y.data(), MOE_F32, 2, wide, nullptr, nullptr},
                                       {&it.total, MOE_F32, 0, nullptr, nullptr, nullptr}};
  rt::Block workspace(it.executable.workspaceBytes(50)), accumulators(it.executable.accumulatorBytes());
  ASSERT_EQ(moe_init_workspace(it.executable.get(), workspace.data(), workspace.bytes(), nullptr), MOE_OK);
  moe_call call = {};
  call.struct_size = sizeof(moe_call);
  call.phase = MOE_FORWARD;
  call.token_count = 50;
  call.bindings = bindings;
  call.accumulators = accumulators.data();
  call.workspace = workspace.data();
  call.workspace_bytes = workspace.bytes();
  auto run = [&] { return moe_run(it.executable.get(), &call); };
  expectFailure(run(), MOE_INVALID_ARGUMENT, {"input 'x' is bound by layers and as one array"});
  bindings[LayerX].data = nullptr;
  bindings[LayerX].strides = strides;
  expectFailure(run(), MOE_INVALID_ARGUMENT, {"input 'x' is bound by layers and with strides"});
  bindings[LayerX].strides = nullptr;
  EXPECT_EQ(run(), MOE_OK) << lastError();
  bindings[LayerX].layers = nullptr;
  expectFailure(run(), MOE_INVALID_ARGUMENT, {"input 'x' is not bound", "[4, 50]"});
}

TEST(LayerCalls, TokensOfAllLayersAreCounted) {
  LayerGate gate;
  rt::Executable executable = rt::Executable::cpu(gate.gate, 1);
  uint64_t bytes = 0;
  EXPECT_EQ(moe_workspace_bytes(executable.get(), INT32_MAX / layerCount, 0, &bytes), MOE_OK);
  expectFailure(moe_workspace_bytes(executable.get(), INT32_MAX / layerCount + 1, 0, &bytes), MOE_INVALID_ARGUMENT,
                {"token_count is 536870912, expected 0 to 536870911 in each of 4 layers"});
}

template <typename Gate, typename Spoil>
void spoiled(Gate &gate, Spoil &&spoil, std::initializer_list<const char *> parts) {
  ASSERT_EQ(moe_check_gate(&gate.gate), MOE_OK) << lastError();
  spoil(gate);
  expectFailure(moe_check_gate(&gate.gate), MOE_INVALID_ARGUMENT, parts);
}
template <typename Spoil> void spoiledLayers(Spoil &&spoil, std::initializer_list<const char *> parts) {
  LayerGate gate;
  spoiled(gate, spoil, parts);
}

TEST(LayerGates, ArraysAndAxes) {
  spoiledLayers([](LayerGate &it) { it.gate.layers = 0; }, {"input 'x' is flagged to have layers", "[0, tokens"});
  spoiledLayers([](LayerGate &it) { it.gate.layers = 1025; }, {"input 'x' is flagged"});
  spoiledLayers(
      [](LayerGate &it) {
        it.gate.layers = 1025;
        it.arrays[LayerX].flags = it.arrays[LayerY].flags = 0;
        it.arrays[LayerX].rank = it.arrays[LayerY].rank = 1;
        it.arrays[LayerX].sizes = it.arrays[LayerY].sizes = tokens;
      },
      {"has 1025 layers, at most 1024"});
  spoiledLayers([](LayerGate &it) { it.arrays[LayerX].sizes = other; }, {"input 'x' is flagged to have layers"});
  spoiledLayers([](LayerGate &it) { it.arrays[LayerY].sizes = ordered; }, {"'y'"});
  spoiledLayers([](LayerGate &it) { it.arrays[LayerX].flags = 0; }, {"axis 1 of array 'x' has size -1"});
  spoiledLayers([](LayerGate &it) { it.arrays[LayerX].role = MOE_SAVED; }, {"saved array 'x' is flagged"});
  spoiledLayers([](LayerGate &it) { it.axes[1] = {"layer", -1, "token", nullptr, 0, nullptr, 6}; },
                {"axis 'layer' has 6 elements for 4 layers"});
  spoiledLayers(
      [](LayerGate &it) {
        static const int64_t pieces[] = {MOE_PIECES};
        it.axes[2] = {"group", -1, "token", nullptr, 8, nullptr, 0};
        it.arrays[LayerShared].sizes = pieces;
      },
      {"array 'shared' has a row for each element of 'group', but none for each layer"});
}

//===-- Pieces of pieces
//--------------------------------------------------------------------------------------------===//

enum { NestedX, NestedInner, NestedOuter, NestedY, NestedSaved, NestedArrays };

struct NestedAccumulators {
  int64_t tokens;
  float sum;
};

void innerRows(const moe_cpu_call *, int64_t, int64_t, void *, void *) {}
void outerRows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *) {
  EXPECT_GE(begin, call->piece_begin);
  EXPECT_LE(end, call->piece_begin + call->piece_size);
  static_cast<NestedAccumulators *>(partial)->sum += static_cast<float>(end - begin);
}
void outerPieces(const moe_cpu_call *call, const void *collected, void *, void *) {
  static_cast<float *>(call->arrays[NestedY])[call->piece] = static_cast<const NestedAccumulators *>(collected)->sum;
}
void noFinish(const moe_cpu_call *, const void *, void *) {}

const int64_t inner[] = {MOE_PIECES_PLUS_1}, outer[] = {MOE_PIECES_OF_LEVEL_PLUS_1(2)},
              outerRow[] = {MOE_PIECES_OF_LEVEL(2)}, thirdRow[] = {MOE_PIECES_OF_LEVEL(3)};

struct NestedGate {
  NestedGate() {
    gate.struct_size = sizeof(moe_gate);
    gate.abi_version = MOE_ABI_VERSION;
    gate.name = "nested";
    gate.axes = axes;
    gate.axis_count = 3;
    gate.arrays = arrays;
    gate.array_count = NestedArrays;
    gate.accumulators = &accumulator;
    gate.accumulator_count = 1;
    gate.accumulator_bytes = sizeof(NestedAccumulators);
    gate.pass_count = 2;
    gate.cpu_scratch_bytes = 64;
    gate.cpu_variants = &variant;
    gate.cpu_variant_count = 1;
  }
  NestedGate(const NestedGate &) = delete;

  moe_axis axes[3] = {{"token", -1, nullptr, nullptr, 0, nullptr, 0},
                      {"sequence", -1, "token", nullptr, 0, "inner", 0},
                      {"document", -1, "sequence", nullptr, 0, "outer", 0}};
  moe_array arrays[NestedArrays] = {{"x", MOE_INPUT, MOE_F32, 1, 0, tokens, names + 1, 0, 0, 0},
                                    {"inner", MOE_INPUT, MOE_I32, 1, 0, inner, names, 0, 0, 0},
                                    {"outer", MOE_INPUT, MOE_I32, 1, 0, outer, names, 0, 0, 0},
                                    {"y", MOE_OUTPUT, MOE_F32, 1, 0, outerRow, names, 0, 0, 0},
                                    {"kept", MOE_SAVED, MOE_F32, 1, 0, outerRow, names, 0, 0, 0}};
  moe_accumulator accumulator = {"sum", MOE_SUM, MOE_F32, 1, offsetof(NestedAccumulators, sum), MOE_PER_PIECE, 1, 0, 0};
  moe_cpu_pass passes[2] = {{innerRows, nullptr, noFinish, 0, 0}, {outerRows, outerPieces, noFinish, 1, 0}};
  moe_cpu_variant variant = {"generic", passes};
  moe_gate gate = {};
};

struct NestedCall {
  NestedCall(const NestedGate &gate, int64_t count, std::vector<int32_t> innerOffsets,
             std::vector<int32_t> outerOffsets)
      : executable(rt::Executable::cpu(gate.gate, 2)),
        call(executable, count, static_cast<int64_t>(innerOffsets.size()) - 1), count(count),
        x(static_cast<size_t>(count)), innerOffsets(std::move(innerOffsets)), outerOffsets(std::move(outerOffsets)),
        y(this->outerOffsets.size() - 1, 777.0f) {
    call.input("x", x.data(), {count}).output("y", y.data(), {static_cast<int64_t>(y.size())});
    if (gate.axes[1].offsets)
      call.input("inner", this->innerOffsets.data(), {static_cast<int64_t>(this->innerOffsets.size())});
    if (gate.axes[2].offsets)
      call.input("outer", this->outerOffsets.data(), {static_cast<int64_t>(this->outerOffsets.size())});
  }
  void refused(std::initializer_list<const char *> parts) {
    moe_status status = MOE_OK;
    try {
      call.forward(count);
    } catch (const rt::Error &error) {
      status = error.status();
    }
    expectFailure(status, MOE_INVALID_ARGUMENT, parts);
  }

  rt::Executable executable;
  rt::Call call;
  int64_t count;
  std::vector<float> x;
  std::vector<int32_t> innerOffsets, outerOffsets;
  std::vector<float> y;
};

TEST(NestedCalls, PassesOverPieces) {
  NestedGate gate;
  NestedCall it(gate, 10, {0, 4, 4, 9, 10}, {0, 3, 3, 4});
  it.call.forward(10);
  EXPECT_EQ(it.y, (std::vector<float>{3, 0, 1}));
  std::vector<int32_t> many(5001), few = {0, 1024, 1030, 5000};
  for (size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<int32_t>(std::min<size_t>(i, 20));
  NestedCall large(gate, 20, many, few);
  large.call.forward(20);
  EXPECT_EQ(large.y, (std::vector<float>{1024, 6, 3970}));
}

TEST(NestedCalls, NumbersOfPieces) {
  NestedGate gate;
  NestedCall more(gate, 10, {0, 4, 10}, {0, 1, 1, 2});
  more.refused({"input 'outer' divides 2 elements of axis 'sequence' into 3 of axis 'document'", "at most as many"});
  NestedCall none(gate, 10, {0, 4, 10}, {0});
  none.refused({"input 'outer' has 1 elements", "axis 'document': 2 to"});
  NestedCall wrong(gate, 10, {0, 4, 10}, {0, 2});
  wrong.call.output("y", wrong.y.data(), {2});
  wrong.refused({"output 'y' has shape [2], expected [1]", "pieces of pieces are 1"});
}

TEST(NestedCalls, LengthsAndCounts) {
  NestedGate lengths;
  lengths.axes[1] = {"sequence", -1, "token", nullptr, 2, nullptr, 0};
  lengths.axes[2] = {"document", -1, "sequence", nullptr, 3, nullptr, 0};
  lengths.arrays[NestedInner] = {"i", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0};
  lengths.arrays[NestedOuter] = {"o", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 0, 0, 0};
  NestedCall(lengths, 11, {0}, {0, 0}).refused({"token_count is 11", "'sequence'", "2 tokens in each"});
  NestedCall(lengths, 8, {0}, {0, 0}).refused({"axis 'sequence' has 4 elements", "'document'", "3 pieces in each"});
  NestedCall twelve(lengths, 12, {0}, {0, 0, 0});
  twelve.call.forward(12);
  EXPECT_EQ(twelve.y, (std::vector<float>{3, 3}));
  lengths.axes[2] = {"document", -1, "sequence", nullptr, 0, nullptr, 4};
  NestedCall(lengths, 12, {0}, {0, 0, 0, 0, 0})
      .refused({"axis 'sequence' has 6 elements", "'document'", "into 4 equal parts"});
  NestedCall sixteen(lengths, 16, {0}, {0, 0, 0, 0, 0});
  sixteen.call.forward(16);
  EXPECT_EQ(sixteen.y, (std::vector<float>{2, 2, 2, 2}));
}

/// The number that queries take is that of the finest pieces by offsets; the coarser ones are as many at most.
TEST(NestedCalls, Sizes) {
  NestedGate gate;
  rt::Executable executable = rt::Executable::cpu(gate.gate, 1);
  EXPECT_EQ(executable.savedBytes(1000, 0), 0u);
  EXPECT_EQ(executable.savedBytes(1000, 160), 160 * sizeof(float));
  EXPECT_GE(executable.workspaceBytes(1000, 5000) + 2 * MOE_ALIGNMENT,
            executable.workspaceBytes(1000, 0) + 2 * 5000 * sizeof(int32_t));
}

template <typename Spoil> void spoiledPieces(Spoil &&spoil, std::initializer_list<const char *> parts) {
  NestedGate gate;
  spoiled(gate, spoil, parts);
}

TEST(NestedGates, LevelsAreAChain) {
  spoiledPieces([](NestedGate &it) { it.axes[2].of = "token"; }, {"axes 'sequence' and 'document' both divide"});
  spoiledPieces([](NestedGate &it) { it.axes[2].of = nullptr; }, {"axes 'sequence' and 'document' both divide"});
  spoiledPieces([](NestedGate &it) { it.axes[2].count = -2; }, {"'document' has -2 pieces"});
  spoiledPieces([](NestedGate &it) { it.axes[2].count = 3; }, {"'document' has 3 pieces", "and offsets"});
  spoiledPieces([](NestedGate &it) { it.axes[2].offsets = "inner"; }, {"'outer'", "is not the i32 input"});
  spoiledPieces([](NestedGate &it) { it.arrays[NestedY].sizes = thirdRow; },
                {"array 'y' has an axis of pieces of level 3", "no axis divides those of the level before"});
  spoiledPieces([](NestedGate &it) { it.passes[1].level = 3; }, {"pass 1 runs over pieces of level 3"});
  spoiledPieces([](NestedGate &it) { it.passes[1].level = 2; },
                {"accumulator 'sum' is one per piece, but no axis divides the pieces of its pass"});
  static const moe_axis many[] = {
      {"token", -1, nullptr, nullptr, 0, nullptr, 0}, {"a", -1, "token", nullptr, 2, nullptr, 0},
      {"b", -1, "a", nullptr, 2, nullptr, 0},         {"c", -1, "b", nullptr, 2, nullptr, 0},
      {"d", -1, "c", nullptr, 2, nullptr, 0},         {"e", -1, "d", nullptr, 2, nullptr, 0},
      {"f", -1, "e", nullptr, 2, nullptr, 0},         {"g", -1, "f", nullptr, 2, nullptr, 0}};
  spoiledPieces(
      [](NestedGate &it) {
        it.gate.axes = many;
        it.gate.axis_count = 8;
      },
      {"divides its tokens more than 6 times"});
}

} // namespace
} // namespace moe::test
