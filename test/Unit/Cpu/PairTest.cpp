// A gate and its backward program from one module: the descriptor that holds both, calls of it on the CPU and in the
// emulator, and what is said about modules whose programs do not belong together.
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "moe/runtime.hpp"
#include "test/Unit/Cpu/KernelRunner.h"
#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace moe;
using namespace moe::test;

namespace {

struct Pair : testing::Test {
  Pair() : context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registerCompilerDialects(registry);
    context.appendDialectRegistry(registry);
    text = cantFail(errorOrToExpected(llvm::MemoryBuffer::getFile(std::string(MOE_TEST_DIR) +
                                                                  "/Tools/moe-opt/Inputs/pair.kernel.mlir")))
               ->getBuffer()
               .str();
  }
  OwningOpRef<ModuleOp> parse() { return parseSourceString<ModuleOp>(text, &context); }
  void replace(StringRef from, StringRef to) {
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from.str();
    text.replace(at, from.size(), to.str());
  }
  std::unique_ptr<CompiledGate> compile(CompileOptions options = {}) {
    OwningOpRef<ModuleOp> module = parse();
    EXPECT_TRUE(module) << "the test's programs do not parse";
    return llvm::cantFail(CompiledGate::fromKernel(*module, options));
  }
  std::string messageOf(CompileOptions options = {}) {
    OwningOpRef<ModuleOp> module = parse();
    EXPECT_TRUE(module) << "the test's programs do not parse";
    auto gate = CompiledGate::fromKernel(*module, options);
    return gate ? "" : llvm::toString(gate.takeError());
  }
  MLIRContext context;
  std::string text;
};

/// The arrays of both programs. x and grad_y hold small integers, w powers of two, T is one too: the gradient of x is
/// exact.
struct Step {
  Step(const rt::Executable &executable, int64_t tokens) : tokens(tokens), call(executable, tokens), count(tokens * 4) {
    for (size_t i = 0; i < count; ++i) {
      x[i] = static_cast<float>(static_cast<int>(i * 7 % 9) - 4);
      gradY[i] = static_cast<float>(static_cast<int>(i * 5 % 11) - 5);
    }
    call.input("x", x.data(), {tokens, 4}).input("w", w, {4}).output("y", y.data(), {tokens, 4}).output("l", &l, {});
    call.keep(tokens);
  }
  void bind(rt::Backward &backward) {
    backward.input("grad_y", gradY.data(), {tokens, 4}).output("grad_x", gradX.data(), {tokens, 4});
    backward.output("grad_w", gradW, {4}).output("s", s.data(), {tokens}).param("scale_l", scale);
  }
  /// The sum of y over the tokens.
  float total(size_t column) const {
    float sum = 0;
    for (size_t i = column; i < count; i += 4)
      sum += w[column] * x[i];
    return sum;
  }
  void expectGradients(float times) const {
    float expectedW[4] = {};
    for (size_t i = 0; i < count; ++i) {
      float t = static_cast<float>(tokens);
      float g = gradY[i] + scale * (2 * (total(i % 4) / t) / t);
      EXPECT_EQ(gradX[i], times * w[i % 4] * g) << i;
      expectedW[i % 4] += times * x[i] * g;
    }
    for (size_t e = 0; e < 4; ++e)
      EXPECT_NEAR(gradW[e], expectedW[e], 1e-4f * (1 + std::abs(expectedW[e]))) << e;
    for (size_t t = 0; t < s.size(); ++t)
      EXPECT_EQ(s[t], x[4 * t] + x[4 * t + 1] + x[4 * t + 2] + x[4 * t + 3]) << t;
  }

  int64_t tokens;
  rt::Call call;
  size_t count;
  std::vector<float> x = std::vector<float>(count), y = x, gradY = x, gradX = x;
  std::vector<float> s = std::vector<float>(static_cast<size_t>(tokens));
  alignas(16) float w[4] = {1, -2, 0.5f, 4}; // as kernels want rows of 16 bytes
  alignas(16) float gradW[4] = {};
  float l = 0, scale = 2;
};

void checkCalls(const rt::Executable &executable) {
  for (int64_t tokens : {1, 64, 2048}) {
    SCOPED_TRACE(tokens);
    Step step(executable, tokens);
    step.call.forward(tokens);
    rt::Backward backward(step.call);
    step.bind(backward);
    backward.run(tokens);
    step.expectGradients(1);
    std::fill(step.s.begin(), step.s.end(), 777.0f); // what does not add is overwritten
    backward.add(tokens);
    step.expectGradients(2);
    // Inference: the same results, and nothing is kept.
    std::vector<float> y = step.y;
    float l = step.l;
    step.call.keep(nullptr, 0, nullptr, 0).forward(tokens);
    EXPECT_EQ(y, step.y);
    EXPECT_EQ(l, step.l);
  }
}

} // namespace

TEST_F(Pair, DescriptorHoldsBoth) {
  std::unique_ptr<CompiledGate> compiled = compile();
  const moe_gate &gate = *compiled->gate();
  ASSERT_NE(gate.backward, nullptr);
  ASSERT_EQ(moe_check_gate(&gate), MOE_OK) << moe_last_error();
  EXPECT_STREQ(gate.name, "pair");
  EXPECT_STREQ(gate.backward->name, "pair_backward");
  EXPECT_EQ(gate.backward->backward, nullptr);
  EXPECT_EQ(gate.backward->array_count, 10u);
  EXPECT_EQ(gate.arrays[2].role, static_cast<uint32_t>(MOE_SAVED));
  EXPECT_EQ(gate.backward->arrays[0].role, static_cast<uint32_t>(MOE_SAVED));
  for (uint32_t i = 0; i < gate.backward->array_count; ++i)
    EXPECT_EQ(gate.backward->arrays[i].flags, i == 7 || i == 8 ? MOE_ARRAY_ADDS : 0u) << i;
  EXPECT_EQ(gate.backward->cuda_source, gate.cuda_source) << "one text for both";
  EXPECT_NE(std::strstr(gate.cuda_source, gate.cuda_kernels[0].name), nullptr);
  EXPECT_NE(std::strstr(gate.cuda_source, gate.backward->cuda_kernels[0].name), nullptr);
  CompileOptions forCpu;
  forCpu.cuda = false;
  std::unique_ptr<CompiledGate> cpu = compile(forCpu);
  EXPECT_EQ(moe_check_gate(cpu->gate()), MOE_OK) << moe_last_error();
  EXPECT_EQ(cpu->gate()->backward->cuda_kernel_count, 0u);
  EXPECT_EQ(cpu->gate()->backward->cuda_source, nullptr);
}

TEST_F(Pair, GradientsOnTheCpu) {
  for (const std::string &isa : runnableIsas()) {
    SCOPED_TRACE(isa);
    CompileOptions options;
    options.cuda = false;
    options.cpu.isas = {isa};
    std::unique_ptr<CompiledGate> compiled = compile(options);
    for (uint32_t threads : {1u, 2u})
      checkCalls(rt::Executable::cpu(*compiled->gate(), threads));
  }
}

TEST_F(Pair, GradientsInTheEmulator) {
  std::unique_ptr<CompiledGate> compiled = compile();
  checkCalls(rt::Executable::emulator(*compiled->gate()));
  checkCalls(rt::Executable::emulator(*compiled->gate(), 3, /*seed=*/42));
}

TEST_F(Pair, BackwardIsCompiledWithItsGate) {
  CompileOptions options;
  options.name = "pair_backward";
  EXPECT_EQ(messageOf(options), "'pair_backward' is the backward of gate 'pair', and compiled with it: name the gate");
  options.name = "pair";
  EXPECT_EQ(messageOf(options), "");
}

TEST_F(Pair, ProgramsThatDoNotBelongTogether) {
  std::string good = text;
  replace("backward_of @pair", "backward_of @other");
  EXPECT_EQ(messageOf(), "program 'pair_backward' is the backward of 'other', which the module does not hold");
  text = good;
  std::string second = good.substr(good.find("moe_kernel.program @pair_backward"));
  text = good + second.replace(second.find("@pair_backward"), 14, "@pair_again");
  EXPECT_EQ(messageOf(), "gate 'pair' has two backward programs, 'pair_backward' and 'pair_again'");
  replace("@pair_again backward_of @pair", "@pair_again backward_of @pair_backward");
  EXPECT_EQ(messageOf(), "program 'pair_again' is the backward of 'pair_backward', which is a backward itself");
  text = good;
  text.replace(text.rfind("@saved_s saved f32"), 18, "@saved_s saved i32");
  replace("moe_kernel.load @saved_s : f32", "moe_kernel.load @saved_s : i32");
  text.replace(text.rfind("@s output f32"), 13, "@s output i32");
  replace("moe_kernel.store %s, @s : f32", "moe_kernel.store %s, @s : i32");
  CompileOptions forCpu;
  forCpu.cuda = false;
  std::unique_ptr<CompiledGate> compiled = compile(forCpu);
  EXPECT_EQ(moe_check_gate(compiled->gate()), MOE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(moe_last_error()).find("saved array 'saved_s' has another dtype"), std::string::npos);
}

TEST_F(Pair, FilesHoldBoth) {
  OwningOpRef<ModuleOp> module = parse();
  auto gates = llvm::cantFail(compileGates(*module, {}));
  for (const std::string &isa : nativeIsas())
    for (const char *function : {"pair_rows0_", "pair_backward_rows0_", "pair_backward_finish0_"})
      EXPECT_NE(gates.module->getFunction(function + isa), nullptr) << function << isa;
  std::string assembly = llvm::cantFail(emitAssembly(gates));
  for (const char *symbol : {"\nmoe_gate_pair:", "\nmoe_gate_pair_backward:"})
    EXPECT_NE(assembly.find(symbol), std::string::npos) << symbol;
  std::string header = emitHeader(*module);
  for (const char *line :
       {"extern const moe_gate moe_gate_pair;", "extern const moe_gate moe_gate_pair_backward;",
        "MOE_PAIR_SAVED_S = 4, /* saved f32 [token], not bound */", "MOE_PAIR_ARRAY_COUNT = 6",
        "/* The backward of pair, moe_gate_pair.backward: positions in moe_call.bindings for moe_run_backward. */",
        "MOE_PAIR_BACKWARD_SCALE_L = 5, /* param f32, default 1 */",
        "MOE_PAIR_BACKWARD_GRAD_X = 7, /* output f32 [token, expert = 4], MOE_ADD adds to it */",
        "MOE_PAIR_BACKWARD_ARRAY_COUNT = 10"})
    EXPECT_NE(header.find(line), std::string::npos) << line << "\n" << header;
}
