// The descriptor, the files that are written from it, and what is said about wrong requests.
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "test/Unit/Cpu/KernelRunner.h"
#include "llvm/Support/FileSystem.h"
#include <dlfcn.h>

using namespace mlir;
using namespace moe;
using namespace moe::test;

static const char *const text = R"mlir(
moe_kernel.program @small attributes {moe.axes = [
    {name = "token", size = -1}, {name = "expert", size = 4},
    {name = "device", size = 2, of = "expert", map = array<i32: 0, 1, 0, 1>}]} {
  moe_kernel.buffer @alpha param f32 axes [] sizes [] init 0.25
  moe_kernel.buffer @x input bf16 axes ["token", "expert"] sizes [-1, 4]
  moe_kernel.buffer @y output f32 axes ["token", "device"] sizes [-1, 2]
  moe_kernel.buffer @l loss f32 axes [] sizes []
  moe_kernel.buffer @c coefficient f32 axes ["expert"] sizes [4]
  moe_kernel.accumulator @n sum i32 sizes []
  moe_kernel.accumulator @P maxnum f32 sizes [4]
  moe_kernel.pass rows {
    %one = arith.constant 1 : i32
    %x = moe_kernel.load @x : !moe_kernel.row<4xf32>
    %y = moe_kernel.reduce sum %x groups [0, 1, 0, 1] : !moe_kernel.row<4xf32> -> !moe_kernel.row<2xf32>
    moe_kernel.accumulate %one, @n : i32
    moe_kernel.accumulate %x, @P : !moe_kernel.row<4xf32>
    moe_kernel.store %y, @y : !moe_kernel.row<2xf32>
  } finish {
    %a = moe_kernel.load @alpha : f32
    %n = moe_kernel.read @n : i32
    %f = arith.sitofp %n : i32 to f32
    %l = arith.mulf %f, %a : f32
    moe_kernel.store %l, @l : f32
  }
}
)mlir";

namespace {

struct Compiler : testing::Test {
  Compiler() : context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registerCompilerDialects(registry);
    context.appendDialectRegistry(registry);
    module = parseSourceString<ModuleOp>(text, &context);
    options.cuda = false;
  }
  void SetUp() override { ASSERT_TRUE(module) << "the test's program does not parse"; }
  std::string messageOf(CompileOptions options) {
    auto gate = CompiledGate::fromKernel(*module, options);
    return gate ? "" : llvm::toString(gate.takeError());
  }
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  CompileOptions options;
};

} // namespace

TEST_F(Compiler, DescriptorSaysWhatTheProgramDeclares) {
  auto compiled = llvm::cantFail(CompiledGate::fromKernel(*module, options));
  const moe_gate &gate = *compiled->gate();
  EXPECT_EQ(gate.struct_size, sizeof(moe_gate));
  EXPECT_EQ(gate.abi_version, MOE_ABI_VERSION);
  EXPECT_STREQ(gate.name, "small");
  ASSERT_EQ(gate.axis_count, 3u);
  EXPECT_EQ(gate.axes[0].size, -1);
  EXPECT_EQ(gate.axes[0].of, nullptr);
  EXPECT_STREQ(gate.axes[2].name, "device");
  EXPECT_STREQ(gate.axes[2].of, "expert");
  EXPECT_EQ(gate.axes[2].map[1], 1);
  EXPECT_EQ(gate.axes[2].map[2], 0);
  ASSERT_EQ(gate.array_count, 5u);
  EXPECT_EQ(gate.arrays[0].role, static_cast<uint32_t>(MOE_PARAM));
  EXPECT_EQ(gate.arrays[0].rank, 0u);
  EXPECT_EQ(gate.arrays[0].init, 0.25);
  EXPECT_STREQ(gate.arrays[1].name, "x");
  EXPECT_EQ(gate.arrays[1].dtype, static_cast<uint32_t>(MOE_BF16));
  ASSERT_EQ(gate.arrays[1].rank, 2u);
  EXPECT_EQ(gate.arrays[1].sizes[0], -1);
  EXPECT_EQ(gate.arrays[1].sizes[1], 4);
  EXPECT_STREQ(gate.arrays[1].axis_names[1], "expert");
  EXPECT_EQ(gate.arrays[4].role, static_cast<uint32_t>(MOE_COEFFICIENT));
  ASSERT_EQ(gate.accumulator_count, 2u);
  EXPECT_EQ(gate.accumulators[1].combine, static_cast<uint32_t>(MOE_MAXNUM));
  EXPECT_EQ(gate.accumulators[1].count, 4u);
  EXPECT_GE(gate.accumulators[0].offset, sizeof(int64_t));
  EXPECT_GE(gate.accumulators[1].offset, gate.accumulators[0].offset + 4);
  EXPECT_GE(gate.accumulator_bytes, gate.accumulators[1].offset + 16);
  EXPECT_EQ(gate.coefficient_bytes, 64u);
  EXPECT_EQ(gate.pass_count, 1u);
  EXPECT_EQ(gate.cuda_source, nullptr);
  EXPECT_EQ(gate.cuda_kernel_count, 0u);
  ASSERT_EQ(gate.cpu_variant_count, 1u);
  EXPECT_EQ(gate.cpu_variants[0].isa, runnableIsas().front());
}

TEST_F(Compiler, WrongRequestsAreExplained) {
  options.name = "large";
  EXPECT_EQ(messageOf(options), "the module holds no gate 'large', only small");
  options.name.clear();
  options.cpu.isas = {"sse9"};
  EXPECT_NE(messageOf(options).find("unknown instruction set 'sse9'; this machine's architecture has "),
            std::string::npos);
  module = ModuleOp::create(UnknownLoc::get(&context));
  options.cpu.isas.clear();
  EXPECT_EQ(messageOf(options), "the module holds no gate");
  std::string diagnostics;
  llvm::raw_string_ostream stream(diagnostics);
  auto gate = CompiledGate::fromSpecFile("no/such/file.moe", {}, options, stream);
  ASSERT_FALSE(static_cast<bool>(gate));
  EXPECT_EQ(llvm::toString(gate.takeError()).find("cannot read 'no/such/file.moe': "), 0u);
}

TEST_F(Compiler, OneObjectHoldsEveryVariant) {
  auto gates = llvm::cantFail(compileGates(*module, {}));
  for (const std::string &isa : nativeIsas())
    EXPECT_NE(gates.module->getFunction("small_rows0_" + isa), nullptr) << isa;
  EXPECT_EQ(llvm::cantFail(emitObject(gates)).substr(1, 3), "ELF");
  EXPECT_NE(emitLLVM(gates).find("@moe_gate_small = "), std::string::npos);
  EXPECT_NE(llvm::cantFail(emitAssembly(gates)).find("moe_gate_small:"), std::string::npos);
}

TEST_F(Compiler, CodeCallsNothing) {
  auto gates = llvm::cantFail(compileGates(*module, {}));
  std::string assembly = llvm::cantFail(emitAssembly(gates));
  EXPECT_EQ(assembly.find("\tcall"), std::string::npos);
}

TEST_F(Compiler, ExponentialsScaleInOneInstructionWhereThereIsOne) {
  if (!llvm::is_contained(nativeIsas(), "avx512"))
    GTEST_SKIP() << "this machine's architecture has no AVX-512";
  module = parseSourceString<ModuleOp>(R"mlir(
moe_kernel.program @exponential {
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @y output f32 axes ["token"] sizes [-1]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    %y = math.exp %x : f32
    moe_kernel.store %y, @y : f32
  } finish {
  }
}
)mlir",
                                       &context);
  for (const auto &[isa, expected] : {std::pair("avx512", true), std::pair("avx2", false)}) {
    CpuOptions cpu;
    cpu.isas = {isa};
    auto gates = llvm::cantFail(compileGates(*module, cpu));
    std::string assembly = llvm::cantFail(emitAssembly(gates));
    EXPECT_EQ(assembly.find("vscalefps") != std::string::npos, expected) << assembly;
    EXPECT_EQ(assembly.find("vpslld") == std::string::npos, expected) << assembly;
  }
}

TEST_F(Compiler, SharedObjectCanBeLoaded) {
  auto gates = llvm::cantFail(compileGates(*module, {}));
  std::string path = std::string(MOE_TEST_OUTPUT_DIR) + "/small.so";
  llvm::Error error = emitSharedObject(gates, path);
  if (error)
    GTEST_SKIP() << llvm::toString(std::move(error));
  void *library = dlopen(path.c_str(), RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  auto *gate = static_cast<const moe_gate *>(dlsym(library, "moe_gate_small"));
  ASSERT_NE(gate, nullptr);
  EXPECT_EQ(gate->cpu_variant_count, nativeIsas().size());
  EXPECT_STREQ(gate->name, "small");
  dlclose(library);
}

TEST_F(Compiler, HeaderNamesEveryArray) {
  std::string header = emitHeader(*module);
  for (const char *line :
       {"extern const moe_gate moe_gate_small;", "MOE_SMALL_ALPHA = 0, /* param f32, default 0.25 */",
        "MOE_SMALL_X = 1, /* input bf16 [token, expert = 4] */", "MOE_SMALL_ARRAY_COUNT = 5",
        "MOE_SMALL_SIZE_DEVICE = 2"})
    EXPECT_NE(header.find(line), std::string::npos) << line << " is missing in\n" << header;
}
