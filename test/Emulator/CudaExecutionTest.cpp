// Generated CUDA, executed on the CPU, against the meaning of its moe_kernel program
// (test/Support/KernelInterpreter.h): for several shapes, layouts, token counts, grids and kinds of data; and the
// contract of a call: phases, no accumulators, the ticket.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "test/Emulator/Call.h"
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;
using namespace moe::emulator;
using moe::test::interpret;

namespace {

enum class Data { Plain, Ties, Special };

/// One program: a file of moe_kernel with its placeholders ($E …) filled in, or a gate spec as moe-opt lowers it.
struct Shape {
  const char *file;
  int experts, groups, keptGroups, slots, top;
  const char *type;
  int lanes; ///< 0: the cost model's choice
};

std::ostream &operator<<(std::ostream &out, const Shape &shape) {
  return out << shape.file << " E=" << shape.experts << " G=" << shape.groups << " H=" << shape.keptGroups
             << " K=" << shape.slots << " N=" << shape.top << " " << shape.type << " lanes=" << shape.lanes;
}

/// What moe-opt makes of a spec, with logits of `shape.type`.
std::string lowerSpec(const Shape &shape) {
  std::string command = std::string(MOE_OPT) + " --emit=kernel " + MOE_SOURCE_DIR + "/" + shape.file +
                        " --dtype logits=" + shape.type + " --mlir-print-debuginfo";
  if (shape.experts)
    command += " -D E=" + std::to_string(shape.experts) + " -D k=" + std::to_string(shape.slots) +
               " -D D=" + std::to_string(shape.groups);
  std::string text;
  FILE *pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (size_t bytes = fread(buffer, 1, sizeof(buffer), pipe))
    text.append(buffer, bytes);
  return pclose(pipe) == 0 ? text : "";
}

std::string readText(const Shape &shape) {
  if (llvm::StringRef(shape.file).ends_with(".moe"))
    return lowerSpec(shape);
  std::ifstream file(std::string(MOE_TEST_DIR) + "/" + shape.file);
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::string groups;
  for (int e = 0; e < shape.experts; ++e)
    groups += (e ? ", " : "") + std::to_string(e < shape.groups ? shape.groups - 1 - e : e * e % shape.groups);
  auto replace = [&](const std::string &name, const std::string &value) {
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
      text.replace(at, name.size(), value);
  };
  replace("$GROUPS", groups);
  replace("$E", std::to_string(shape.experts));
  replace("$G", std::to_string(shape.groups));
  replace("$H", std::to_string(shape.keptGroups));
  replace("$K", std::to_string(shape.slots));
  replace("$L", std::to_string(shape.slots - 1));
  replace("$N", std::to_string(shape.top));
  replace("$T", shape.type);
  return text;
}

class Fixture {
public:
  explicit Fixture(const Shape &shape) {
    context.loadDialect<moe::kernel::MoeKernelDialect, arith::ArithDialect, math::MathDialect>();
    module = parseSourceString<ModuleOp>(readText(shape), &context);
    if (!module)
      return;
    program = *module->getOps<ProgramOp>().begin();
    if (shape.lanes)
      program->setAttr("moe_kernel.cuda_lanes", IntegerAttr::get(IntegerType::get(&context, 64), shape.lanes));
    call = std::make_unique<Call>(program, MOE_TEST_OUTPUT_DIR);
  }

  Arrays inputs(int64_t tokens, Data data, unsigned seed);

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  ProgramOp program;
  std::unique_ptr<Call> call;
};

/// `great`: a large finite value.
double draw(std::mt19937 &random, Data data, double great) {
  double value = std::normal_distribution<double>()(random);
  // Equal values, and some that differ from them in the last bit only.
  if (data == Data::Ties)
    return random() % 4 ? std::round(value) : std::nextafter(static_cast<float>(std::round(value)), INFINITY);
  if (data == Data::Special) {
    const double special[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, great, -great};
    unsigned choice = random() % 40;
    return choice < 7 ? special[choice] : value;
  }
  return value;
}

Arrays Fixture::inputs(int64_t tokens, Data data, unsigned seed) {
  std::mt19937 random(seed);
  Arrays arrays;
  for (auto buffer : program.getOps<BufferOp>()) {
    Elements &elements = arrays[buffer.getSymName().str()];
    if (buffer.getRole() == Role::Param)
      elements = {buffer.getInit() ? buffer.getInit()->convertToDouble() : 0};
    if (buffer.getRole() != Role::Input)
      continue;
    elements.resize(buffer.getRowSize() * (buffer.isPerToken() ? tokens : 1));
    for (double &value : elements)
      value = buffer.getType().isInteger(1) ? static_cast<double>(random() % 4 == 0)
              : buffer.getType().isInteger(32)
                  ? static_cast<double>(random() % 100)
                  : representable(draw(random, data, buffer.getType().isF64() ? 1e4 : 1e30), buffer.getType());
    // Rows whose elements are all equal.
    if (data != Data::Plain && buffer.isPerToken() && !buffer.getType().isInteger())
      for (int64_t row = 3; row < tokens; row += 7)
        std::fill_n(elements.begin() + row * buffer.getRowSize(), buffer.getRowSize(),
                    elements[row * buffer.getRowSize()]);
  }
  return arrays;
}

/// Unspecified where a topk found too few elements: its values; nothing that is stored depends on them here.
void expectSame(ProgramOp program, const Arrays &expected, const Arrays &actual, const std::string &what) {
  for (auto buffer : program.getOps<BufferOp>()) {
    if (buffer.getRole() == Role::Input || buffer.getRole() == Role::Param)
      continue;
    std::string name = buffer.getSymName().str();
    const Elements &want = expected.at(name), &have = actual.at(name);
    ASSERT_EQ(want.size(), have.size()) << name;
    for (size_t n = 0; n < want.size(); ++n) {
      double wanted = representable(want[n], buffer.getType());
      bool same = wanted == have[n] || (std::isnan(wanted) && std::isnan(have[n]));
      if (!same && !buffer.getType().isInteger())
        same = std::fabs(wanted - have[n]) <= 2e-5 * (1 + std::fabs(wanted));
      ASSERT_TRUE(same) << what << ": " << name << "[" << n / buffer.getRowSize() << ", " << n % buffer.getRowSize()
                        << "] is " << have[n] << ", expected " << wanted;
    }
  }
}

std::string describe(int64_t tokens, unsigned grid, Data data) {
  return "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid) +
         " data=" + std::to_string(static_cast<int>(data));
}

constexpr int forward = 7, accumulate = 1, finish = 2, reset = 4;

class CudaExecution : public testing::TestWithParam<Shape> {};

TEST_P(CudaExecution, IsWhatTheProgramMeans) {
  Fixture fixture(GetParam());
  ASSERT_TRUE(fixture.module) << GetParam();
  ASSERT_EQ(fixture.call->error, "") << GetParam();
  unsigned seed = 1;
  for (int64_t tokens : {0, 1, 7, 97})
    for (unsigned grid : {0u, 1u, 3u})
      for (Data data : {Data::Plain, Data::Ties, Data::Special}) {
        Arrays arrays = fixture.inputs(tokens, data, seed++), expected = arrays;
        interpret(fixture.program, tokens, expected);
        std::string what = describe(tokens, grid, data);
        ASSERT_EQ(fixture.call->run(tokens, grid, forward, arrays), "") << GetParam() << " " << what;
        ASSERT_NO_FATAL_FAILURE(expectSame(fixture.program, expected, arrays, what)) << GetParam();
      }
}

INSTANTIATE_TEST_SUITE_P(Sample, CudaExecution,
                         testing::Values(Shape{"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0},
                                         Shape{"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 1},
                                         Shape{"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 4},
                                         Shape{"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32",
                                               32}));

INSTANTIATE_TEST_SUITE_P(Grouped, CudaExecution,
                         testing::Values(Shape{"Emulator/Inputs/grouped.mlir", 8, 2, 1, 2, 2, "f32", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 64, 8, 3, 6, 1, "bf16", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 160, 8, 3, 6, 1, "f32", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 256, 8, 4, 8, 2, "bf16", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 256, 64, 20, 40, 3, "f16", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 96, 48, 40, 17, 2, "f32", 8},
                                         Shape{"Emulator/Inputs/grouped.mlir", 60, 4, 2, 4, 3, "f32", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 63, 7, 3, 5, 2, "f16", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 12, 3, 2, 4, 2, "bf16", 1},
                                         Shape{"Emulator/Inputs/grouped.mlir", 64, 16, 5, 12, 2, "f32", 32},
                                         Shape{"Emulator/Inputs/grouped.mlir", 1, 1, 1, 1, 1, "f32", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 5, 1, 1, 5, 1, "f32", 0},
                                         Shape{"Emulator/Inputs/grouped.mlir", 896, 8, 4, 16, 2, "f32", 0}));

INSTANTIATE_TEST_SUITE_P(Uneven, CudaExecution,
                         testing::Values(Shape{"Emulator/Inputs/uneven.mlir", 64, 5, 0, 6, 1, "f32", 0},
                                         Shape{"Emulator/Inputs/uneven.mlir", 10, 3, 0, 4, 1, "bf16", 1},
                                         Shape{"Emulator/Inputs/uneven.mlir", 10, 3, 0, 4, 1, "f16", 2},
                                         Shape{"Emulator/Inputs/uneven.mlir", 61, 40, 0, 9, 1, "f32", 8},
                                         Shape{"Emulator/Inputs/uneven.mlir", 256, 33, 0, 8, 1, "bf16", 0}));

INSTANTIATE_TEST_SUITE_P(Passes, CudaExecution,
                         testing::Values(Shape{"Emulator/Inputs/passes.mlir", 16, 4, 2, 3, 2, "f64", 0},
                                         Shape{"Emulator/Inputs/passes.mlir", 24, 3, 9, 10, 3, "f64", 8},
                                         Shape{"Emulator/Inputs/passes.mlir", 6, 2, 1, 2, 1, "f64", 1},
                                         Shape{"Emulator/Inputs/passes.mlir", 128, 32, 2, 3, 2, "f64", 0}));

INSTANTIATE_TEST_SUITE_P(Examples, CudaExecution,
                         testing::Values(Shape{"examples/switch.moe", 0, 0, 0, 0, 0, "f32", 0},
                                         Shape{"examples/switch.moe", 0, 0, 0, 0, 0, "f16", 0},
                                         Shape{"examples/deepseek_moe.moe", 0, 0, 0, 0, 0, "f32", 0},
                                         Shape{"examples/deepseek_moe.moe", 0, 0, 0, 0, 0, "bf16", 0},
                                         Shape{"examples/deepseek_moe.moe", 8, 2, 0, 2, 0, "bf16", 0},
                                         Shape{"examples/deepseek_moe.moe", 60, 4, 0, 4, 0, "f16", 0},
                                         Shape{"examples/deepseek_moe.moe", 896, 8, 0, 16, 0, "f32", 0},
                                         Shape{"examples/deepseek_v2.moe", 0, 0, 0, 0, 0, "f32", 0},
                                         Shape{"examples/deepseek_v2.moe", 0, 0, 0, 0, 0, "bf16", 0},
                                         Shape{"examples/deepseek_v3.moe", 0, 0, 0, 0, 0, "f32", 0},
                                         Shape{"examples/deepseek_v3.moe", 0, 0, 0, 0, 0, "f16", 0}));

/// A long run: several rounds of the row loop in each block, all blocks of the grid.
TEST(CudaCall, ManyTokens) {
  Fixture fixture({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0});
  ASSERT_EQ(fixture.call->error, "");
  for (unsigned grid : {0u, 3u}) {
    Arrays arrays = fixture.inputs(4096, Data::Plain, 11), expected = arrays;
    interpret(fixture.program, 4096, expected);
    ASSERT_EQ(fixture.call->run(4096, grid, forward, arrays), "");
    expectSame(fixture.program, expected, arrays, describe(4096, grid, Data::Plain));
  }
}

/// Rows that registers cannot hold; with 8192 elements the results of a block do not fit shared memory either.
TEST(CudaCall, LoopedRows) {
  for (int experts : {2048, 8192}) {
    Fixture fixture({"Emulator/Inputs/grouped.mlir", experts, 8, 4, 8, 2, "f32", 0});
    ASSERT_EQ(fixture.call->error, "");
    Arrays arrays = fixture.inputs(5, Data::Ties, 12), expected = arrays;
    interpret(fixture.program, 5, expected);
    ASSERT_EQ(fixture.call->run(5, 0, forward, arrays), "");
    expectSame(fixture.program, expected, arrays, "E=" + std::to_string(experts));
  }
}

TEST(CudaCall, SecondCallOnOneWorkspaceHasTheSameBits) {
  Fixture fixture({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0});
  Arrays once = fixture.inputs(97, Data::Plain, 5), twice = once;
  ASSERT_EQ(fixture.call->run(97, 0, forward, once), "");
  ASSERT_EQ(fixture.call->run(97, 0, forward, twice), "");
  EXPECT_EQ(once, twice);
}

TEST(CudaCall, AccumulateTwiceThenFinishIsOneCallOverAllTokens) {
  Fixture fixture({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0});
  Arrays all = fixture.inputs(104, Data::Plain, 6), expected = all, first = all, second = all, last = all;
  interpret(fixture.program, 104, expected);
  first["logits"].resize(97 * 64);
  second["logits"].erase(second["logits"].begin(), second["logits"].begin() + 97 * 64);
  ASSERT_EQ(fixture.call->run(97, 0, reset | accumulate, first), "");
  ASSERT_EQ(fixture.call->run(7, 0, accumulate, second), "");
  ASSERT_EQ(fixture.call->run(0, 0, finish, last), "");
  for (const char *name : {"expert_balance", "device_balance", "max_violation"})
    EXPECT_NEAR(last[name][0], expected[name][0], 1e-5) << name;
}

TEST(CudaCall, ResetAloneForgets) {
  Fixture fixture({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0});
  Arrays arrays = fixture.inputs(7, Data::Plain, 7), none = fixture.inputs(0, Data::Plain, 7);
  ASSERT_EQ(fixture.call->run(7, 0, forward, arrays), "");
  ASSERT_EQ(fixture.call->run(0, 0, reset | finish, none), "");
  EXPECT_EQ(none["empty"][0], 1);
}

TEST(CudaCall, WithoutAccumulatorsOnlyOutputsAreWritten) {
  Fixture fixture({"Conversion/samples/deepseek_moe.kernel.mlir", 64, 8, 0, 6, 0, "f32", 0});
  Arrays arrays = fixture.inputs(97, Data::Plain, 8), expected = arrays;
  interpret(fixture.program, 97, expected);
  ASSERT_EQ(fixture.call->run(97, 0, accumulate, arrays, false), "");
  EXPECT_EQ(arrays["route"], expected["route"]);
  EXPECT_NE(arrays["expert_balance"], expected["expert_balance"]);
}

} // namespace
