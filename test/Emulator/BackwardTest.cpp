// Backward programs, emulated behind a forward call that saves for them, against the meaning of their moe_kernel text:
// written by hand for what the printer knows (scatter in each of its forms, saved arrays, gradients that are added to),
// and derived from the examples.
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "test/Emulator/KernelProgram.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;

namespace moe::test {
namespace {

/// A gate with its backward, compiled for the emulator, beside their interpreter.
class GateWithBackward {
public:
  explicit GateWithBackward(const Shape &shape);
  bool isReady() const { return executable.has_value() && gate().backward; }
  rt::Executable &emulator() { return *executable; }

  /// A forward call that keeps what backward needs, and its backward, once by itself and once added to random
  /// gradients. Findings and differences from the interpreter are test failures that name `what`.
  void check(int64_t tokens, unsigned seed, const std::string &what);
  /// The forward call alone, which keeps nothing.
  void checkForward(int64_t tokens, unsigned seed, const std::string &what);

private:
  struct Side {
    kernel::ProgramOp program;
    const moe_gate *gate;
    std::vector<Buffer> buffers;
    Arrays expected; ///< inputs, and what the interpreter makes of them
  };
  const moe_gate &gate() const { return *compiled->gate(); }
  Side makeSide(kernel::ProgramOp program, const moe_gate &gate, int64_t tokens, unsigned seed, const Arrays &known);
  template <typename Call> void bind(Side &side, Call &call);
  void compare(const Side &side, const std::string &what);
  double tolerance(const moe_array &array) const;

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  kernel::ProgramOp forward, backward;
  std::unique_ptr<CompiledGate> compiled;
  std::optional<rt::Executable> executable;
};

GateWithBackward::GateWithBackward(const Shape &shape) : context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  context.appendDialectRegistry(registry);
  module = parseSourceString<ModuleOp>(programText(shape), &context);
  if (!module) {
    ADD_FAILURE() << shape << " does not parse";
    return;
  }
  for (auto program : module->getOps<kernel::ProgramOp>()) {
    (program.getBackwardOf() ? backward : forward) = program;
    if (shape.lanes)
      program->setAttr("moe_kernel.cuda_lanes", IntegerAttr::get(IntegerType::get(&context, 64), shape.lanes));
  }
  auto made = CompiledGate::fromKernel(*module);
  if (!made) {
    ADD_FAILURE() << shape << ": " << llvm::toString(made.takeError());
    return;
  }
  compiled = std::move(*made);
  try {
    executable = rt::Executable::emulator(gate());
  } catch (const rt::Error &error) {
    ADD_FAILURE() << shape << ": " << error.what();
  }
}

static bool isFloat(uint32_t dtype) { return dtype != MOE_BOOL && dtype != MOE_I32 && dtype != MOE_I64; }

/// Positions: mostly some of the first elements, so that many are named twice; a few outside of all rows.
static double drawPosition(std::mt19937 &random) {
  const int outside[] = {-1, INT32_MIN, INT32_MAX, 1 << 21};
  unsigned choice = random();
  return choice % 8 == 0 ? outside[choice / 8 % 4] : choice % 3 ? random() % 5 : random() % 256;
}

/// Arrays of one program: inputs from `known` or random, and what stands in the gradients that a call may add to.
GateWithBackward::Side GateWithBackward::makeSide(kernel::ProgramOp program, const moe_gate &gate, int64_t tokens,
                                                  unsigned seed, const Arrays &known) {
  Side side{program, &gate, makeBuffers(gate, tokens), {}};
  std::mt19937 random(seed);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    Buffer &buffer = side.buffers[i];
    Elements &elements = side.expected[array.name];
    auto found = known.find(array.name);
    if (array.role == MOE_PARAM)
      elements = {static_cast<float>(array.init)};
    else if (found != known.end() && (array.role == MOE_INPUT || array.role == MOE_SAVED))
      elements = found->second;
    if (array.role != MOE_INPUT && !(array.flags & MOE_ARRAY_ADDS))
      continue;
    std::normal_distribution<double> normal;
    for (int64_t e = 0; e < buffer.count(); ++e) {
      buffer.set(e, !elements.empty() && found != known.end() ? elements[static_cast<size_t>(e)]
                    : isFloat(array.dtype)                    ? normal(random)
                                                              : drawPosition(random));
      if (found == known.end())
        elements.push_back(buffer.get(e));
    }
  }
  return side;
}

template <typename Call> void GateWithBackward::bind(Side &side, Call &call) {
  for (uint32_t i = 0; i < side.gate->array_count; ++i) {
    const moe_array &array = side.gate->arrays[i];
    Buffer &buffer = side.buffers[i];
    if (array.role != MOE_PARAM && array.role != MOE_SAVED && array.role != MOE_COEFFICIENT)
      call.bind(array.name, array.role == MOE_INPUT, buffer.bytes.data(), buffer.dtype, buffer.sizes.data(),
                buffer.sizes.size());
  }
}

/// Exact, but where the order of additions differs from the interpreter's or a function has an error of its own.
double GateWithBackward::tolerance(const moe_array &array) const {
  if (!isFloat(array.dtype) || (gate().name == std::string("slots") && array.rank > 1))
    return 0;
  return array.dtype == MOE_BF16 ? 8e-3 : array.dtype == MOE_F16 ? 1e-3 : 2e-5;
}

void GateWithBackward::compare(const Side &side, const std::string &what) {
  for (uint32_t i = 0; i < side.gate->array_count; ++i) {
    const moe_array &array = side.gate->arrays[i];
    if (array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || array.role == MOE_SAVED)
      continue;
    const Elements &wanted = side.expected.at(array.name);
    for (int64_t e = 0; e < side.buffers[i].count(); ++e) {
      double want = wanted.at(static_cast<size_t>(e)), have = side.buffers[i].get(e);
      bool same = want == have || (std::isnan(want) && std::isnan(have)) ||
                  std::fabs(want - have) <= tolerance(array) * (1 + std::fabs(want));
      ASSERT_TRUE(same) << what << ": " << side.gate->name << "'s " << array.name << "[" << e << "] is " << have
                        << ", expected " << want;
    }
  }
}

void GateWithBackward::check(int64_t tokens, unsigned seed, const std::string &what) {
  Side there = makeSide(forward, gate(), tokens, seed, {});
  rt::Call call(emulator(), tokens);
  try {
    call.keep(tokens);
    bind(there, call);
    call.forward(tokens);
    interpret(forward, tokens, there.expected);
    ASSERT_NO_FATAL_FAILURE(compare(there, what));
    for (bool adds : {false, true}) {
      Side back = makeSide(backward, *gate().backward, tokens, seed + 1, there.expected);
      rt::Backward gradients(call);
      bind(back, gradients);
      if (adds)
        gradients.add(tokens);
      else
        gradients.run(tokens);
      interpret(backward, tokens, back.expected, adds);
      ASSERT_NO_FATAL_FAILURE(compare(back, what + (adds ? ", added" : "")));
    }
  } catch (const rt::Error &error) {
    FAIL() << what << ": " << error.what();
  }
}

void GateWithBackward::checkForward(int64_t tokens, unsigned seed, const std::string &what) {
  Side there = makeSide(forward, gate(), tokens, seed, {});
  rt::Call call(emulator(), tokens);
  try {
    bind(there, call);
    call.forward(tokens);
  } catch (const rt::Error &error) {
    FAIL() << what << ": " << error.what();
  }
  interpret(forward, tokens, there.expected);
  compare(there, what);
}

const char *const saves = "Emulator/Inputs/backward.mlir";
const char *const slots = "Emulator/Inputs/scatter.mlir";

Shape shape(const char *file, int experts, int count, const char *type, int lanes = 0) {
  return {file, experts, 0, 0, count, 0, type, lanes};
}

class Backward : public testing::TestWithParam<Shape> {};

TEST_P(Backward, IsWhatTheProgramMeans) {
  GateWithBackward gate(GetParam());
  ASSERT_TRUE(gate.isReady());
  unsigned seed = 1;
  for (int64_t tokens : {0, 1, 7, 97})
    for (unsigned grid : {0u, 1u, 3u}) {
      gate.emulator().schedule(grid, grid);
      gate.check(tokens, seed, "T=" + std::to_string(tokens) + " grid=" + std::to_string(grid));
      seed += 2;
      ASSERT_FALSE(HasFailure());
    }
}

INSTANTIATE_TEST_SUITE_P(Saved, Backward,
                         testing::Values(shape(saves, 64, 6, "f32"), shape(saves, 64, 6, "bf16"),
                                         shape(saves, 8, 2, "bf16"), shape(saves, 63, 5, "f16"),
                                         shape(saves, 60, 4, "f32"), shape(saves, 256, 8, "f16"),
                                         shape(saves, 896, 16, "f32"), shape(saves, 1, 1, "f32"),
                                         shape(saves, 64, 6, "f32", 32), shape(saves, 12, 4, "f16", 2)));

// All forms: comparisons, one lane, all slots at a time with positions that are named twice, more slots than lanes,
// slots that lie in vectors.
INSTANTIATE_TEST_SUITE_P(Scatter, Backward,
                         testing::Values(shape(slots, 64, 6, "f32"), shape(slots, 64, 6, "bf16"),
                                         shape(slots, 64, 6, "f64"), shape(slots, 8, 2, "f32"),
                                         shape(slots, 12, 12, "f16", 1), shape(slots, 12, 5, "f64", 1),
                                         shape(slots, 63, 7, "f32"), shape(slots, 256, 40, "f32"),
                                         shape(slots, 160, 6, "bf16"), shape(slots, 896, 16, "f32"),
                                         shape(slots, 16, 3, "f32", 16), shape(slots, 40, 33, "f32", 4),
                                         shape(slots, 5, 1, "f32"), shape(slots, 96, 70, "f64", 32),
                                         shape(slots, 64, 64, "f32"), shape(slots, 64, 64, "bf16")));

INSTANTIATE_TEST_SUITE_P(
    Derived, Backward,
    testing::Values(shape("examples/switch.moe", 0, 0, "f32"), shape("examples/deepseek_moe.moe", 0, 0, "f32"),
                    shape("examples/deepseek_moe.moe", 0, 0, "bf16"), shape("examples/deepseek_v2.moe", 0, 0, "f16"),
                    shape("examples/deepseek_v3.moe", 0, 0, "f32"), shape("examples/deepseek_v3.moe", 0, 0, "bf16")));

/// Rows that registers cannot hold.
TEST(LoopedBackward, IsWhatTheProgramMeans) {
  for (const char *file : {saves, slots}) {
    GateWithBackward gate(shape(file, 2048, 40, "f32"));
    ASSERT_TRUE(gate.isReady());
    gate.check(5, 1, file);
  }
}

TEST(ForwardWithoutBackward, KeepsNothing) {
  GateWithBackward gate(shape(saves, 64, 6, "f32"));
  ASSERT_TRUE(gate.isReady());
  gate.checkForward(97, 3, "not kept");
}

/// Many rows per block, and the order in which threads run changes at each access.
TEST(BackwardSchedules, AllHaveOneResult) {
  GateWithBackward gate(shape(slots, 64, 6, "f32"));
  ASSERT_TRUE(gate.isReady());
  for (unsigned seed = 1; seed <= 20; ++seed) {
    gate.emulator().schedule(2, seed);
    gate.check(97, 5, "seed " + std::to_string(seed));
    ASSERT_FALSE(HasFailure());
  }
}

} // namespace
} // namespace moe::test
