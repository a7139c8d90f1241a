// Arrays in and out of memory in every dtype, chunks, and comparison.
#include "test/Unit/Cpu/KernelRunner.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/InitAll.h"
#include "compiler/Pipelines/Pipelines.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"
#include <cmath>
#include <cstdlib>
#include <random>

using namespace mlir;
using namespace moe;
using namespace moe::test;

KernelRunner::KernelRunner(const std::string &text) : context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  context.appendDialectRegistry(registry);
  module = parseSourceString<ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << "the test's program does not parse:\n" << text;
    return;
  }
  CompileOptions options;
  options.cpu.isas = runnableIsas();
  options.cuda = false;
  auto compiled = CompiledGate::fromKernel(*module, options);
  if (!compiled) {
    ADD_FAILURE() << llvm::toString(compiled.takeError());
    return;
  }
  gate = std::move(*compiled);
}

kernel::ProgramOp KernelRunner::program() {
  for (auto program : module->getOps<kernel::ProgramOp>())
    if (program.getBackwardOf().has_value() == backward)
      return program;
  return nullptr;
}

void KernelRunner::useBackward() {
  if (!gate->gate()->backward)
    ADD_FAILURE() << gate->gate()->name << " has no backward";
  else
    backward = true;
}

std::string moe::test::kernelText(const std::string &path, const std::string &dtype) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  std::string included;
  sources.AddIncludeFile(path, llvm::SMLoc(), included);
  SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
  FrontendOptions options;
  options.dtypes["logits"] = dtype;
  OwningOpRef<ModuleOp> module = importGate(sources, &context, options);
  PassManager manager(&context);
  buildMoePipeline(manager);
  buildKernelPipeline(manager);
  if (!module || failed(manager.run(*module))) {
    ADD_FAILURE() << path << " does not become moe_kernel";
    return {};
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

namespace {

/// Memory with a guard zone behind, to see stray writes.
struct Memory {
  explicit Memory(size_t bytes)
      : size(bytes), data(static_cast<unsigned char *>(std::aligned_alloc(64, (bytes + 191) / 64 * 64))) {
    std::fill_n(data, (bytes + 191) / 64 * 64, 0xa5);
  }
  Memory(const Memory &) = delete;
  Memory(Memory &&other) noexcept : size(other.size), data(std::exchange(other.data, nullptr)) {}
  ~Memory() { std::free(data); }
  bool isIntact() const {
    return std::all_of(data + size, data + size + 64, [](unsigned char byte) { return byte == 0xa5; });
  }
  size_t size;
  unsigned char *data;
};

} // namespace

static size_t bytesOf(uint32_t dtype) {
  return dtype == MOE_F64 || dtype == MOE_I64    ? 8
         : dtype == MOE_BF16 || dtype == MOE_F16 ? 2
         : dtype == MOE_I16                      ? 2
         : dtype == MOE_BOOL                     ? 1
                                                 : 4;
}

static const llvm::fltSemantics &semanticsOf(uint32_t dtype) {
  return dtype == MOE_BF16  ? APFloat::BFloat()
         : dtype == MOE_F16 ? APFloat::IEEEhalf()
         : dtype == MOE_F32 ? APFloat::IEEEsingle()
                            : APFloat::IEEEdouble();
}

static void put(unsigned char *at, uint32_t dtype, double value) {
  uint64_t bits;
  if (dtype == MOE_I32 || dtype == MOE_I64 || dtype == MOE_I16 || dtype == MOE_BOOL) {
    bits = static_cast<uint64_t>(static_cast<int64_t>(value));
  } else {
    APFloat number(value);
    bool lost;
    number.convert(semanticsOf(dtype), APFloat::rmNearestTiesToEven, &lost);
    bits = number.bitcastToAPInt().getZExtValue();
  }
  memcpy(at, &bits, bytesOf(dtype));
}

static double get(const unsigned char *at, uint32_t dtype) {
  uint64_t bits = 0;
  memcpy(&bits, at, bytesOf(dtype));
  if (dtype == MOE_I32)
    return static_cast<int32_t>(bits);
  if (dtype == MOE_I16)
    return static_cast<int16_t>(bits);
  if (dtype == MOE_I64 || dtype == MOE_BOOL)
    return static_cast<double>(static_cast<int64_t>(bits));
  APFloat number(semanticsOf(dtype), APInt(bytesOf(dtype) * 8, bits));
  bool lost;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

static int64_t sizeOf(const moe_array &array, uint32_t axis, const RuntimeCall &call) {
  int64_t size = array.sizes[axis];
  switch (size) {
  case MOE_TOKENS:
    return call.tokens;
  case MOE_DISPATCH_ROWS:
    return array.per_token * call.tokens + array.extra;
  default:
    for (int64_t level = 1; size < 0 && level < 7; ++level) {
      if (size == MOE_PIECES_OF_LEVEL(level))
        return call.piecesOf(static_cast<size_t>(level));
      if (size == MOE_PIECES_OF_LEVEL_PLUS_1(level))
        return call.piecesOf(static_cast<size_t>(level)) + 1;
    }
    return size;
  }
}

static size_t elementsOf(const moe_array &array, const RuntimeCall &call) {
  size_t count = 1;
  for (uint32_t i = 0; i < array.rank; ++i)
    count *= sizeOf(array, i, call);
  return count;
}

template <typename T> static void mergeElement(T &target, T value, uint32_t combine) {
  if (combine == MOE_SUM)
    target += value;
  else if (combine == MOE_MAXNUM)
    target = value > target ? value : target;
  else if (target == target) // NaN stays
    target = value != value || (combine == MOE_MAX ? value > target : value < target) ? value : target;
}

static void mergeBlock(const moe_gate &gate, unsigned char *target, const unsigned char *partial) {
  for (uint32_t a = 0; a < gate.accumulator_count; ++a) {
    const moe_accumulator &accumulator = gate.accumulators[a];
    for (uint64_t i = 0; i < accumulator.count; ++i) {
      size_t at = accumulator.offset + i * bytesOf(accumulator.dtype);
      if (accumulator.dtype == MOE_I32)
        mergeElement(*reinterpret_cast<int32_t *>(target + at), *reinterpret_cast<const int32_t *>(partial + at),
                     accumulator.combine);
      else if (accumulator.dtype == MOE_F32)
        mergeElement(*reinterpret_cast<float *>(target + at), *reinterpret_cast<const float *>(partial + at),
                     accumulator.combine);
      else
        mergeElement(*reinterpret_cast<double *>(target + at), *reinterpret_cast<const double *>(partial + at),
                     accumulator.combine);
    }
  }
}

/// `values` as they are in memory.
static Memory toMemory(const moe_array &array, const RuntimeCall &call, const Elements &values) {
  size_t count = elementsOf(array, call), bytes = bytesOf(array.dtype);
  EXPECT_TRUE(values.empty() || values.size() == count) << array.name << " is given " << values.size() << " elements";
  Memory memory(count * bytes);
  for (size_t i = 0; i < values.size(); ++i)
    put(memory.data + i * bytes, array.dtype, values[i]);
  return memory;
}

static Elements fromMemory(const moe_array &array, const Memory &memory) {
  Elements values;
  for (size_t at = 0; at < memory.size; at += bytesOf(array.dtype))
    values.push_back(get(memory.data + at, array.dtype));
  return values;
}

static Elements elementsOf(const Arrays &arrays, const std::string &name) {
  auto found = arrays.find(name);
  return found == arrays.end() ? Elements() : found->second;
}

Arrays KernelRunner::rounded(const Arrays &arrays) const {
  Arrays result;
  for (uint32_t a = 0; a < descriptor().array_count; ++a) {
    moe_array flat = descriptor().arrays[a];
    Elements values = elementsOf(arrays, flat.name);
    auto size = static_cast<int64_t>(values.size());
    flat.rank = 1;
    flat.sizes = &size;
    if (arrays.count(flat.name))
      result[flat.name] = fromMemory(flat, toMemory(flat, {}, values));
  }
  return result;
}

void KernelRunner::run(unsigned variant, int64_t tokens, Arrays &arrays, const CallOptions &options) {
  const moe_gate &g = descriptor();
  std::vector<Memory> blocks;
  std::vector<void *> pointers;
  for (uint32_t a = 0; a < g.array_count; ++a) {
    blocks.push_back(toMemory(g.arrays[a], {tokens}, elementsOf(arrays, g.arrays[a].name)));
    pointers.push_back(options.dropped.count(g.arrays[a].name) ? nullptr : blocks.back().data);
  }
  moe_cpu_call call{};
  call.arrays = pointers.data();
  call.token_count = tokens;
  call.phase = options.phase;
  Memory scratch(g.cpu_scratch_bytes), total(g.accumulator_bytes), partial(g.accumulator_bytes);
  for (uint32_t pass = 0; pass < g.pass_count; ++pass) {
    // An empty range writes the neutral elements.
    const moe_cpu_pass &code = g.cpu_variants[variant].passes[pass];
    code.rows(&call, 0, 0, total.data, scratch.data);
    for (int64_t begin = 0; begin < tokens; begin += 40) {
      code.rows(&call, begin, std::min(begin + 40, tokens), partial.data, scratch.data);
      mergeBlock(g, total.data, partial.data);
    }
    code.finish(&call, total.data, scratch.data);
  }
  EXPECT_TRUE(scratch.isIntact() && total.isIntact() && partial.isIntact()) << "writes beyond scratch or accumulators";
  for (uint32_t a = 0; a < g.array_count; ++a) {
    EXPECT_TRUE(blocks[a].isIntact()) << "writes beyond " << g.arrays[a].name;
    if (options.dropped.count(g.arrays[a].name))
      arrays.erase(g.arrays[a].name);
    else
      arrays[g.arrays[a].name] = fromMemory(g.arrays[a], blocks[a]);
  }
}

namespace {

/// Arrays of one program with their bindings.
struct Bound {
  Bound(const moe_gate &gate, const Arrays &inputs, const RuntimeCall &options) : gate(gate), sizes(gate.array_count) {
    for (uint32_t a = 0; a < gate.array_count; ++a) {
      const moe_array &array = gate.arrays[a];
      memory.push_back(toMemory(array, options, elementsOf(inputs, array.name)));
      for (uint32_t axis = 0; axis < array.rank; ++axis)
        sizes[a].push_back(sizeOf(array, axis, options));
      bool isGiven = array.role != MOE_COEFFICIENT && array.role != MOE_SAVED &&
                     (array.role != MOE_PARAM || inputs.count(array.name));
      bindings.push_back(
          {isGiven ? memory[a].data : nullptr, array.dtype, array.rank, sizes[a].data(), nullptr, nullptr});
      if (options.bindsByLayer && (array.flags & MOE_ARRAY_LAYERED) && array.sizes[1] == MOE_TOKENS)
        bindLayers(a);
    }
  }
  /// Each layer in memory of its own.
  void bindLayers(uint32_t a) {
    size_t count = gate.layers, bytes = memory[a].size / count;
    for (size_t layer = 0; layer < count; ++layer) {
      Memory &own = layers[a].emplace_back(bytes);
      std::copy_n(memory[a].data + layer * bytes, bytes, own.data);
      pointers[a].push_back(own.data);
    }
    bindings[a].data = nullptr;
    bindings[a].layers = pointers[a].data();
  }
  /// Puts layers together again.
  void joinLayers() {
    for (auto &[a, parts] : layers)
      for (size_t layer = 0; layer < parts.size(); ++layer) {
        EXPECT_TRUE(parts[layer].isIntact()) << "writes beyond layer " << layer << " of " << gate.arrays[a].name;
        std::copy_n(parts[layer].data, parts[layer].size, memory[a].data + layer * parts[layer].size);
      }
  }
  /// What the program wrote.
  void collect(Arrays &into) const {
    for (uint32_t a = 0; a < gate.array_count; ++a) {
      uint32_t role = gate.arrays[a].role;
      EXPECT_TRUE(memory[a].isIntact()) << "writes beyond " << gate.arrays[a].name;
      if (role != MOE_INPUT && role != MOE_PARAM && role != MOE_COEFFICIENT && role != MOE_SAVED)
        into[gate.arrays[a].name] = fromMemory(gate.arrays[a], memory[a]);
    }
  }

  const moe_gate &gate;
  std::vector<Memory> memory;
  std::vector<std::vector<int64_t>> sizes;
  std::vector<moe_binding> bindings;
  std::map<uint32_t, std::vector<Memory>> layers; ///< by array
  std::map<uint32_t, std::vector<void *>> pointers;
};

} // namespace

Arrays KernelRunner::call(const Arrays &inputs, const RuntimeCall &options) const {
  const moe_gate &g = *gate->gate();
  Arrays results;
  auto check = [](moe_status status) {
    EXPECT_EQ(status, MOE_OK) << moe_last_error();
    return status == MOE_OK;
  };
  moe_executable *made = nullptr;
  if (!check(moe_prepare_cpu(&g, options.threads, g.cpu_variants[options.variant].isa, &made)))
    return results;
  std::unique_ptr<moe_executable, void (*)(moe_executable *)> executable(made, moe_release);
  uint64_t bytes[4];
  check(moe_workspace_bytes(made, options.tokens, options.pieces, &bytes[0]));
  check(moe_accumulator_bytes(made, &bytes[1]));
  check(moe_saved_bytes(made, options.tokens, options.pieces, &bytes[2]));
  check(moe_coefficient_bytes(made, &bytes[3]));
  Memory workspace(bytes[0]), accumulators(bytes[1]), saved(bytes[2]), coefficients(bytes[3]);
  check(moe_init_workspace(made, workspace.data, workspace.size, nullptr));
  moe_call call{sizeof(moe_call),  options.phase,      options.tokens,    nullptr,
                accumulators.data, workspace.data,     workspace.size,    nullptr,
                saved.data,        saved.size,         coefficients.data, coefficients.size,
                options.seed,      options.firstToken, options.offset,    0};
  auto run = [&](const moe_gate &program, moe_status (*entry)(const moe_executable *, const moe_call *)) {
    Bound bound(program, inputs, options);
    call.bindings = bound.bindings.data();
    bool isDone = check(entry(made, &call));
    bound.joinLayers();
    bound.collect(results);
    EXPECT_TRUE(workspace.isIntact() && accumulators.isIntact() && saved.isIntact() && coefficients.isIntact())
        << "writes beyond a block of the call";
    return isDone;
  };
  if (!run(g, moe_run))
    return {};
  call.phase = 0;
  if (options.runsBackward)
    run(*g.backward, moe_run_backward);
  if (options.runsStep)
    run(*g.step, moe_run_step);
  return results;
}

static bool isSameBits(const Elements &left, const Elements &right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](double a, double b) {
    return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
  });
}

static void expectClose(const Arrays &got, const Arrays &expected, double tolerance, int64_t tokens) {
  for (const auto &[name, values] : got)
    for (size_t i = 0; i < values.size(); ++i) {
      double x = values[i], y = expected.at(name)[i];
      bool same = std::isnan(y) ? std::isnan(x) : x == y || std::abs(x - y) <= tolerance * std::max(1.0, std::abs(y));
      ASSERT_TRUE(same) << name << "[" << i << "] = " << x << ", expected " << y << ", T = " << tokens;
    }
}

void KernelRunner::expectSame(int64_t tokens, const Arrays &inputs, double tolerance, const CallOptions &options) {
  ASSERT_TRUE(isReady());
  Arrays first;
  for (unsigned variant = 0; variant < descriptor().cpu_variant_count; ++variant) {
    Arrays got = inputs;
    run(variant, tokens, got, options);
    if (variant == 0) {
      first = got;
      Arrays expected = rounded(inputs);
      interpret(program(), tokens, expected, options.phase & MOE_ADD);
      expectClose(got, expected, tolerance, tokens);
    }
    for (auto &[name, values] : got)
      EXPECT_TRUE(isSameBits(values, first[name])) << name << " differs between " << descriptor().cpu_variants[0].isa
                                                   << " and " << descriptor().cpu_variants[variant].isa;
  }
}

std::string moe::test::fill(std::string text, const std::map<std::string, std::string> &parts) {
  for (const auto &[name, value] : parts)
    for (size_t at; (at = text.find("$" + name)) != std::string::npos;)
      text.replace(at, name.size() + 1, value);
  return text;
}

std::string moe::test::fill(std::string text, int64_t e, int64_t k, int64_t g) {
  return fill(std::move(text), {{"E", std::to_string(e)}, {"K", std::to_string(k)}, {"G", std::to_string(g)}});
}

Elements moe::test::wildNumbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const double special[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, 1.0, -1.0, 0.5};
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(random() % 3 == 0 ? special[random() % 9] : static_cast<int>(random() % 64) / 8.0 - 4);
  return result;
}

Elements moe::test::tameNumbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(normal(random));
  return result;
}

Elements moe::test::truthValues(size_t count, unsigned seed, double probability) {
  std::mt19937 random(seed);
  std::bernoulli_distribution truth(probability);
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(truth(random));
  return result;
}
