// A gate with pieces, a state and a step, written by hand: what its descriptor and its calls may not be, sizes of its
// workspace, the wrapper. (The values of generated code in pieces are tested in test/Unit/Cpu.)
#include "OnePassCall.h"

#include <cstddef>
#include <utility>

namespace moe::test {
namespace {

enum { PieceX, PieceOffsets, PieceBias, PieceY, PieceTotal, PieceBad, PieceCarried, PieceArrays };
enum { StepRate, StepBias, StepArrays };

struct PieceAccumulators {
  int64_t tokens;
  float sum;     // of a piece
  int32_t count; // of all tokens
  int32_t bad;   // calls with bad offsets
};

void rows(const moe_cpu_call *call, int64_t begin, int64_t end, void *partial, void *) {
  auto *into = static_cast<PieceAccumulators *>(partial);
  const float *x = static_cast<const float *>(call->arrays[PieceX]);
  EXPECT_GE(begin, call->piece_begin);
  EXPECT_LE(end, call->piece_begin + call->piece_size);
  for (int64_t t = begin; t < end; ++t) {
    into->sum += x[t] + *static_cast<const float *>(call->arrays[PieceBias]);
    static_cast<int32_t *>(call->arrays[PieceCarried])[t] = static_cast<int32_t>(call->piece);
    ++into->count;
  }
}
void pieces(const moe_cpu_call *call, const void *collected, void *partial, void *) {
  static_cast<float *>(call->arrays[PieceY])[call->piece] = static_cast<const PieceAccumulators *>(collected)->sum;
  static_cast<PieceAccumulators *>(partial)->count += 1000;
}
void finish(const moe_cpu_call *call, const void *accumulators, void *) {
  const auto *from = static_cast<const PieceAccumulators *>(accumulators);
  *static_cast<int32_t *>(call->arrays[PieceTotal]) = from->count;
  *static_cast<int32_t *>(call->arrays[PieceBad]) = from->bad != 0;
}
void noRows(const moe_cpu_call *, int64_t, int64_t, void *, void *) { ADD_FAILURE() << "a step has no tokens"; }
/// As generated code, it leaves the state of a gate with tokens alone where none was accumulated.
void stepFinish(const moe_cpu_call *call, const void *accumulators, void *) {
  if (call->token_count == 0)
    return;
  *static_cast<float *>(call->arrays[StepBias]) +=
      *static_cast<const float *>(call->arrays[StepRate]) *
      static_cast<float>(static_cast<const PieceAccumulators *>(accumulators)->count);
}

const int64_t tokens[] = {MOE_TOKENS}, pieceRows[] = {MOE_PIECES}, bounds[] = {MOE_PIECES_PLUS_1},
              dispatch[] = {MOE_DISPATCH_ROWS};
const char *const tokenNames[] = {"token"}, *const pieceNames[] = {"sequence"}, *const boundNames[] = {"bound"};

/// The tables of a gate, to be spoiled.
struct PieceGate {
  PieceGate() {
    gate.struct_size = step.struct_size = sizeof(moe_gate);
    gate.abi_version = step.abi_version = MOE_ABI_VERSION;
    gate.name = "pieces";
    step.name = "pieces_step";
    gate.axes = axes;
    gate.axis_count = 3;
    gate.arrays = arrays;
    gate.array_count = PieceArrays;
    gate.accumulators = accumulators;
    step.accumulators = stepAccumulators;
    gate.accumulator_count = step.accumulator_count = 3;
    gate.accumulator_bytes = step.accumulator_bytes = sizeof(PieceAccumulators);
    gate.pass_count = step.pass_count = 1;
    gate.cpu_scratch_bytes = step.cpu_scratch_bytes = 64;
    gate.cpu_variants = &variant;
    step.cpu_variants = &stepVariant;
    gate.cpu_variant_count = step.cpu_variant_count = 1;
    step.arrays = stepArrays;
    step.array_count = StepArrays;
    gate.step = &step;
  }
  PieceGate(const PieceGate &) = delete;

  moe_axis axes[3] = {{"token", -1, nullptr, nullptr, 0, nullptr, 0},
                      {"sequence", -1, nullptr, nullptr, 0, "offsets", 0},
                      {"bound", -1, nullptr, nullptr, 0, nullptr, 0}};
  moe_array arrays[PieceArrays] = {{"x", MOE_INPUT, MOE_F32, 1, 0, tokens, tokenNames, 0, 0, 0},
                                   {"offsets", MOE_INPUT, MOE_I32, 1, 0, bounds, boundNames, 0, 0, 0},
                                   {"bias", MOE_STATE, MOE_F32, 0, 0, nullptr, nullptr, 0.5, 0, 0},
                                   {"y", MOE_OUTPUT, MOE_F32, 1, 0, pieceRows, pieceNames, 0, 0, 0},
                                   {"total", MOE_METRIC, MOE_I32, 0, 0, nullptr, nullptr, 0, 0, 0},
                                   {"bad_offsets", MOE_STATUS_WORD, MOE_I32, 0, 0, nullptr, nullptr, 0, 0, 0},
                                   {"carried", MOE_COEFFICIENT, MOE_I32, 1, 0, tokens, tokenNames, 0, 0, 0}};
  moe_array stepArrays[StepArrays] = {{"rate", MOE_PARAM, MOE_F32, 0, 0, nullptr, nullptr, 2, 0, 0},
                                      {"bias", MOE_STATE, MOE_F32, 0, 0, nullptr, nullptr, 0.5, 0, 0}};
  moe_accumulator accumulators[3] = {
      {"sum", MOE_SUM, MOE_F32, 1, offsetof(PieceAccumulators, sum), MOE_PER_PIECE, 0, 0, 0},
      {"count", MOE_SUM, MOE_I32, 1, offsetof(PieceAccumulators, count), 0, 0, 0, 0},
      {"bad_offsets_seen", MOE_SUM, MOE_I32, 1, offsetof(PieceAccumulators, bad), 0, 0, 0, 0}};
  moe_accumulator stepAccumulators[3] = {
      {"sum", MOE_SUM, MOE_F32, 1, offsetof(PieceAccumulators, sum), 0, 0, 0, 0},
      {"count", MOE_SUM, MOE_I32, 1, offsetof(PieceAccumulators, count), 0, 0, 0, 0},
      {"bad_offsets_seen", MOE_SUM, MOE_I32, 1, offsetof(PieceAccumulators, bad), 0, 0, 0, 0}};
  moe_cpu_pass pass = {rows, pieces, finish, 0, 0}, stepPass = {noRows, nullptr, stepFinish, 0, 0};
  moe_cpu_variant variant = {"generic", &pass}, stepVariant = {"generic", &stepPass};
  moe_gate step = {}, gate = {};
};

/// A valid call of it.
struct PieceCall {
  PieceCall(const PieceGate &gate, int64_t count, int64_t pieceCount)
      : executable(prepareCpu(gate.gate, 2)), x(static_cast<size_t>(count), 1.0f),
        offsets(static_cast<size_t>(pieceCount) + 1), y(static_cast<size_t>(pieceCount)) {
    for (int64_t i = 0; i <= pieceCount; ++i)
      offsets[static_cast<size_t>(i)] = static_cast<int32_t>(pieceCount ? count * i / pieceCount : 0);
    uint64_t bytes = 0;
    EXPECT_EQ(moe_workspace_bytes(executable.get(), count, pieceCount, &bytes), MOE_OK) << lastError();
    workspace = rt::Block(bytes);
    accumulators = rt::Block(sizeof(PieceAccumulators));
    EXPECT_EQ(moe_init_workspace(executable.get(), workspace.data(), bytes, nullptr), MOE_OK) << lastError();
    sizes[PieceX][0] = count;
    sizes[PieceOffsets][0] = pieceCount + 1;
    sizes[PieceY][0] = pieceCount;
    bindings[PieceX] = {x.data(), MOE_F32, 1, sizes[PieceX], nullptr, nullptr};
    bindings[PieceOffsets] = {offsets.data(), MOE_I32, 1, sizes[PieceOffsets], nullptr, nullptr};
    bindings[PieceBias] = {&bias, MOE_F32, 0, nullptr, nullptr, nullptr};
    bindings[PieceY] = {y.data(), MOE_F32, 1, sizes[PieceY], nullptr, nullptr};
    bindings[PieceTotal] = {&total, MOE_I32, 0, nullptr, nullptr, nullptr};
    bindings[PieceBad] = {&bad, MOE_I32, 0, nullptr, nullptr, nullptr};
    stepBindings[StepBias] = bindings[PieceBias];
    call.struct_size = sizeof(moe_call);
    call.phase = MOE_FORWARD;
    call.token_count = count;
    call.bindings = bindings;
    call.accumulators = accumulators.data();
    call.workspace = workspace.data();
    call.workspace_bytes = workspace.bytes();
  }
  moe_status run() { return moe_run(executable.get(), &call); }
  moe_status runStep() {
    moe_call stepCall = call;
    stepCall.bindings = stepBindings;
    return moe_run_step(executable.get(), &stepCall);
  }
  void refused(std::initializer_list<const char *> parts) { expectFailure(run(), MOE_INVALID_ARGUMENT, parts); }

  ExecutablePtr executable;
  std::vector<float> x;
  std::vector<int32_t> offsets;
  std::vector<float> y;
  float bias = 0.5f;
  int32_t total = -1, bad = -1;
  rt::Block workspace, accumulators;
  int64_t sizes[PieceArrays][1] = {};
  moe_binding bindings[PieceArrays] = {}, stepBindings[StepArrays] = {};
  moe_call call = {};
};

TEST(PieceCalls, ValuesAndAStep) {
  PieceGate gate;
  PieceCall call(gate, 3000, 3);
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_EQ(call.y, (std::vector<float>{1500, 1500, 1500}));
  EXPECT_EQ(call.total, 6000);
  EXPECT_EQ(call.bad, 0);
  ASSERT_EQ(call.runStep(), MOE_OK) << lastError();
  EXPECT_EQ(call.bias, 0.5f + 2 * 6000);
}

TEST(PieceCalls, BadOffsetsOfAnyAccumulatedCall) {
  PieceGate gate;
  PieceCall call(gate, 3000, 3);
  auto run = [&](uint32_t phase, int32_t second) {
    call.call.phase = phase;
    call.offsets[1] = second;
    ASSERT_EQ(call.run(), MOE_OK) << lastError();
  };
  run(MOE_ACCUMULATE | MOE_RESET, 1000);
  run(MOE_ACCUMULATE, 5000);
  run(MOE_ACCUMULATE, 1000);
  EXPECT_EQ(call.bad, -1) << "accumulate alone must not write it";
  run(MOE_FINISH, 1000);
  EXPECT_EQ(call.bad, 1);
  void *accumulators = std::exchange(call.call.accumulators, nullptr);
  run(MOE_ACCUMULATE, 5000); // recomputation collects nothing
  call.call.accumulators = accumulators;
  run(MOE_FORWARD, 1000);
  EXPECT_EQ(call.bad, 0);
}

TEST(PieceCalls, NothingButEmptyPieces) {
  PieceGate gate;
  PieceCall call(gate, 0, 4);
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  EXPECT_EQ(call.y, std::vector<float>(4, 0.0f));
  EXPECT_EQ(call.total, 4000);
  ASSERT_EQ(call.runStep(), MOE_OK) << lastError();
  EXPECT_EQ(call.bias, 0.5f) << "no token was accumulated: the states stay";
}

TEST(PieceCalls, ResetNeedsNoOffsets) {
  PieceGate gate;
  PieceCall call(gate, 0, 0);
  call.bindings[PieceOffsets].data = call.bindings[PieceX].data = call.bindings[PieceY].data = nullptr;
  call.call.phase = MOE_ACCUMULATE | MOE_RESET;
  EXPECT_EQ(call.run(), MOE_OK) << lastError();
  call.call.token_count = 1;
  call.refused({"input 'x' is not bound"});
}

TEST(PieceCalls, OffsetsOfAWrongSize) {
  PieceGate gate;
  PieceCall call(gate, 10, 2);
  call.sizes[PieceOffsets][0] = 1;
  call.refused({"'offsets' has 1 elements", "axis 'sequence'", "2 to", "10 tokens"});
  call.sizes[PieceOffsets][0] = 0;
  call.refused({"'offsets' has 0 elements"});
  call.sizes[PieceOffsets][0] = 4;
  call.refused({"output 'y' has shape [2], expected [3]", "the pieces of the call are 3"});
  call.sizes[PieceOffsets][0] = 3;
  call.bindings[PieceOffsets].dtype = MOE_I64;
  call.refused({"'offsets' has dtype i64, expected i32"});
  call.bindings[PieceOffsets].dtype = MOE_I32;
  call.bindings[PieceOffsets].data = nullptr;
  call.refused({"'offsets' is not bound", "[pieces + 1]"});
  call.bindings[PieceOffsets].data = call.offsets.data();
  call.bindings[PieceBias].data = nullptr;
  call.refused({"state 'bias' is not bound"});
}

TEST(PieceCalls, TokensThatDoNotFillThePieces) {
  PieceGate gate;
  gate.axes[1] = {"sequence", -1, nullptr, nullptr, 4, nullptr, 0};
  gate.arrays[PieceOffsets] = {"unused", MOE_INPUT, MOE_I32, 0, 0, nullptr, nullptr, 0, 0, 0};
  PieceCall call(gate, 10, 0);
  call.bindings[PieceOffsets].rank = 0;
  call.refused({"token_count is 10", "axis 'sequence'", "has 4 tokens in each", "multiple"});
}

TEST(PieceCalls, WorkspaceGrowsWithPieces) {
  PieceGate gate;
  PieceCall call(gate, 100, 5000);
  call.call.workspace_bytes -= 64;
  call.refused({"the workspace has", "100 tokens in 5000 pieces need", "moe_workspace_bytes"});
  uint64_t few = 0, many = 0;
  ASSERT_EQ(moe_workspace_bytes(call.executable.get(), 100, 0, &few), MOE_OK);
  ASSERT_EQ(moe_workspace_bytes(call.executable.get(), 100, 5000, &many), MOE_OK);
  EXPECT_GE(many + MOE_ALIGNMENT, few + 5000 * sizeof(int32_t));
  EXPECT_EQ(many, call.workspace.bytes());
  expectFailure(moe_workspace_bytes(call.executable.get(), 1, -1, &few), MOE_INVALID_ARGUMENT, {"piece_count is -1"});
  expectFailure(moe_saved_bytes(call.executable.get(), 1, INT32_MAX, &few), MOE_INVALID_ARGUMENT, {"piece_count is"});
}

TEST(PieceCalls, StepsThatAreRefused) {
  PieceGate gate;
  PieceCall call(gate, 10, 2);
  expectFailure(moe_run_step(call.executable.get(), nullptr), MOE_INVALID_ARGUMENT, {"moe_run_step", "null"});
  ASSERT_EQ(call.run(), MOE_OK) << lastError();
  static_cast<PieceAccumulators *>(call.accumulators.data())->tokens = -5;
  expectFailure(call.runStep(), MOE_INVALID_ARGUMENT, {"holds -5 tokens"});
  call.call.accumulators = nullptr;
  expectFailure(call.runStep(), MOE_INVALID_ARGUMENT, {"accumulator block is null"});
  call.stepBindings[StepBias].data = nullptr;
  expectFailure(call.runStep(), MOE_INVALID_ARGUMENT, {"state 'bias' is not bound"});
  call.call.struct_size = 8;
  expectFailure(call.runStep(), MOE_VERSION_MISMATCH, {"moe_call has 8 bytes"});
  OnePassCall without(16, 1);
  expectFailure(moe_run_step(without.executable.get(), &without.call), MOE_UNSUPPORTED, {"'one_pass' has no step"});
}

/// Expects that a spoiled gate is refused.
template <typename Spoil> void spoiled(Spoil &&spoil, std::initializer_list<const char *> parts) {
  PieceGate gate;
  ASSERT_EQ(moe_check_gate(&gate.gate), MOE_OK) << lastError();
  spoil(gate);
  expectFailure(moe_check_gate(&gate.gate), MOE_INVALID_ARGUMENT, parts);
}

TEST(PieceGates, AxesAndArrays) {
  spoiled([](PieceGate &it) { it.axes[2].length = 4; }, {"axes 'sequence' and 'bound' both divide the tokens"});
  spoiled([](PieceGate &it) { it.axes[1].length = 4; }, {"'sequence'", "and offsets"});
  spoiled([](PieceGate &it) { it.axes[1] = {"sequence", -1, nullptr, nullptr, -4, nullptr, 0}; },
          {"pieces of -4 elements"});
  spoiled([](PieceGate &it) { it.axes[1].offsets = "nothing"; }, {"'offsets' has one element more"});
  spoiled([](PieceGate &it) { it.axes[1].offsets = nullptr; },
          {"'offsets' has an axis of pieces of level 1, but no axis divides the tokens"});
  spoiled([](PieceGate &it) { it.arrays[PieceOffsets].sizes = pieceRows; }, {"takes its offsets from 'offsets'"});
  spoiled([](PieceGate &it) { it.arrays[PieceOffsets].dtype = MOE_F32; }, {"'offsets'", "is not the i32 input"});
  spoiled([](PieceGate &it) { it.arrays[PieceX].dtype = MOE_I16; }, {"input 'x' is of i16; only outputs"});
  spoiled([](PieceGate &it) { it.arrays[PieceY].sizes = dispatch; }, {"'y' has 0 rows for each token"});
  spoiled([](PieceGate &it) { it.arrays[PieceY].per_token = 2; }, {"'y' has 2 rows for each token"});
  spoiled(
      [](PieceGate &it) {
        it.arrays[PieceBias].rank = 1;
        it.arrays[PieceBias].sizes = tokens;
        it.arrays[PieceBias].axis_names = tokenNames;
      },
      {"state 'bias' has an axis of tokens or pieces"});
}

TEST(PieceGates, Accumulators) {
  spoiled([](PieceGate &it) { it.accumulators[0].flags = 4; }, {"'sum' has unknown flags (4)"});
  spoiled([](PieceGate &it) { it.accumulators[0].pass = 1; }, {"'sum' is collected in pass 1"});
  spoiled([](PieceGate &it) { it.accumulators[1].rank_pass = 1; }, {"'count'", "counted on from in pass 1 of 1"});
  spoiled([](PieceGate &it) { it.accumulators[1].flags = MOE_RANKED; }, {"'count'", "a later pass"});
  spoiled(
      [](PieceGate &it) {
        it.gate.axis_count = 1;
        it.gate.arrays = it.stepArrays;
        it.gate.array_count = StepArrays;
      },
      {"'sum' is one per piece, but no axis"});
}

TEST(PieceGates, Steps) {
  spoiled(
      [](PieceGate &it) {
        it.stepAccumulators[1].offset -= 4;
        it.stepAccumulators[0].offset += 4;
      },
      {"'pieces_step'", "other accumulators"});
  spoiled([](PieceGate &it) { it.step.accumulator_count = 1; }, {"other accumulators"});
  spoiled([](PieceGate &it) { it.step.step = &it.step; }, {"has a step of its own"});
  spoiled([](PieceGate &it) { it.stepVariant.isa = "avx2"; }, {"'generic', its step has none"});
  spoiled([](PieceGate &it) { it.stepArrays[StepRate] = {"x", MOE_INPUT, MOE_F32, 1, 0, tokens, tokenNames, 0, 0, 0}; },
          {"input 'x' has no place in a step"});
  PieceGate older;
  older.step.abi_version = 2;
  expectFailure(moe_check_gate(&older.gate), MOE_VERSION_MISMATCH, {"version 2", "version 4"});
}

TEST(PieceWrapper, StatesStepsAndPieces) {
  PieceGate gate;
  rt::Executable executable = rt::Executable::cpu(gate.gate);
  rt::Call call(executable, 2000, 3);
  std::vector<float> x(2000, 2.0f), y(3);
  int32_t offsets[] = {0, 1500, 1500, 2000}, total = 0, bad = 7;
  float bias = 1;
  call.input("x", x.data(), {2000}).input("offsets", offsets, {4}).state("bias", &bias, {});
  call.output("y", y.data(), {3}).output("total", &total, {}).output("bad_offsets", &bad, {}).random(7, 1, 100);
  call.reset();
  call.accumulate(2000);
  call.accumulate(2000);
  call.finish();
  EXPECT_EQ(y, (std::vector<float>{4500, 0, 1500}));
  EXPECT_EQ(total, 10000);
  rt::Step step(call);
  step.param("rate", 0.5f);
  step.run();
  EXPECT_EQ(bias, 5001);
  EXPECT_THROW(rt::Step{rt::Call(rt::Executable::cpu(one_pass_gate), 1)}, rt::Error);
}

} // namespace
} // namespace moe::test
