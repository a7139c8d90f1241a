// Compiling, running, interpreting and comparing one gate.
#include "test/Support/Gate.h"
#include "compiler/InitAll.h"
#include "compiler/Pipelines/Pipelines.h"
#include "mlir/Pass/PassManager.h"
#include "moe/runtime.hpp"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/SourceMgr.h"
#include "gtest/gtest.h"
#include <cstring>
#include <numeric>
#include <random>
#include <sstream>

using namespace mlir;
namespace moe::test {

int64_t Buffer::count() const { return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>()); }

static const llvm::fltSemantics &semanticsOf(moe_dtype dtype) {
  return dtype == MOE_BF16  ? llvm::APFloat::BFloat()
         : dtype == MOE_F16 ? llvm::APFloat::IEEEhalf()
                            : llvm::APFloat::IEEEsingle();
}

double Buffer::get(int64_t i) const {
  size_t size = moe_dtype_bytes(dtype);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes.data() + i * size, size);
  switch (dtype) {
  case MOE_F64:
    return std::bit_cast<double>(bits);
  case MOE_I32:
    return static_cast<int32_t>(bits);
  case MOE_I16:
    return static_cast<int16_t>(bits);
  case MOE_I64:
    return static_cast<double>(static_cast<int64_t>(bits));
  case MOE_BOOL:
    return bits != 0;
  default:
    break;
  }
  llvm::APFloat value(semanticsOf(dtype), llvm::APInt(size * 8, bits));
  bool exact;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &exact);
  return value.convertToDouble();
}

void Buffer::set(int64_t i, double value) {
  size_t size = moe_dtype_bytes(dtype);
  uint64_t bits;
  if (dtype == MOE_I16 || dtype == MOE_I32 || dtype == MOE_I64 || dtype == MOE_BOOL) {
    bits = static_cast<uint64_t>(static_cast<int64_t>(value));
  } else {
    llvm::APFloat rounded(value);
    bool exact;
    if (dtype != MOE_F64)
      rounded.convert(semanticsOf(dtype), llvm::APFloat::rmNearestTiesToEven, &exact);
    bits = rounded.bitcastToAPInt().getZExtValue();
  }
  std::memcpy(bytes.data() + i * size, &bits, size);
}

std::unique_ptr<Gate> Gate::load(const std::string &path, const FrontendOptions &options) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    ADD_FAILURE() << path << ": " << file.getError().message();
    return nullptr;
  }
  return load(std::move(*file), options);
}

std::unique_ptr<Gate> Gate::loadText(const std::string &text, const FrontendOptions &options) {
  return load(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), options);
}

std::unique_ptr<Gate> Gate::load(std::unique_ptr<llvm::MemoryBuffer> source, const FrontendOptions &options) {
  std::string text;
  llvm::raw_string_ostream diagnostics(text);
  std::unique_ptr<Gate> gate = compile(std::move(source), options, diagnostics);
  if (!gate)
    ADD_FAILURE() << text;
  return gate;
}

std::unique_ptr<Gate> Gate::compile(std::unique_ptr<llvm::MemoryBuffer> source, const FrontendOptions &options,
                                    llvm::raw_ostream &diagnostics) {
  auto gate = std::make_unique<Gate>();
  DialectRegistry registry;
  registerAllDialects(registry);
  gate->context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(source), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, gate->context.get(), diagnostics);
  gate->module = importGate(sources, gate->context.get(), options);
  if (!gate->module)
    return nullptr;
  PassManager toMoe(gate->context.get());
  buildMoePipeline(toMoe);
  if (failed(toMoe.run(*gate->module)))
    return nullptr;
  PassManager toKernel(gate->context.get());
  buildKernelPipeline(toKernel);
  OwningOpRef<ModuleOp> kernel = gate->module->clone();
  if (failed(toKernel.run(*kernel)))
    return nullptr;
  CompileOptions compile;
  compile.cpu.isas = runnableIsas();
  llvm::Expected<std::unique_ptr<CompiledGate>> compiled = CompiledGate::fromKernel(*kernel, compile);
  if (!compiled) {
    diagnostics << llvm::toString(compiled.takeError());
    return nullptr;
  }
  gate->compiled = std::move(*compiled);
  return gate;
}

Buffer Gate::makeBuffer(uint32_t index, int64_t tokens) const {
  const moe_array &array = descriptor().arrays[index];
  Buffer buffer;
  buffer.dtype = static_cast<moe_dtype>(array.dtype);
  for (uint32_t i = 0; i < array.rank; ++i)
    buffer.sizes.push_back(array.sizes[i] < 0 ? tokens : array.sizes[i]);
  buffer.bytes.resize(buffer.count() * moe_dtype_bytes(buffer.dtype));
  return buffer;
}

void Gate::run(std::vector<Buffer> &arrays, int64_t tokens, uint32_t threads, const std::string &isa) const {
  rt::Executable executable = rt::Executable::cpu(descriptor(), threads, isa.empty() ? nullptr : isa.c_str());
  rt::Call call(executable, tokens);
  std::vector<moe_binding> bindings(descriptor().array_count);
  for (uint32_t i = 0; i < descriptor().array_count; ++i) {
    uint32_t role = descriptor().arrays[i].role;
    if (role != MOE_INPUT && role != MOE_PARAM)
      std::fill(arrays[i].bytes.begin(), arrays[i].bytes.end(), 0xAB);
    bool isBound = role != MOE_PARAM && role != MOE_COEFFICIENT && role != MOE_SAVED;
    bindings[i] = {isBound ? arrays[i].bytes.data() : nullptr,
                   arrays[i].dtype,
                   static_cast<uint32_t>(arrays[i].sizes.size()),
                   arrays[i].sizes.data(),
                   nullptr,
                   nullptr};
  }
  rt::Block workspace(executable.workspaceBytes(tokens)), accumulators(executable.accumulatorBytes());
  rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
  moe_call raw{};
  raw.struct_size = sizeof(raw);
  raw.phase = MOE_FORWARD;
  raw.token_count = tokens;
  raw.bindings = bindings.data();
  raw.accumulators = accumulators.data();
  raw.workspace = workspace.data();
  raw.workspace_bytes = workspace.bytes();
  rt::check(moe_run(executable.get(), &raw));
}

reference::Arrays Gate::interpret(const std::vector<Buffer> &arrays, int64_t tokens) const {
  llvm::Expected<reference::Arrays> results = evaluate(arrays, tokens);
  if (results)
    return std::move(*results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

llvm::Expected<reference::Arrays> Gate::evaluate(const std::vector<Buffer> &arrays, int64_t tokens) const {
  reference::Arrays inputs;
  for (uint32_t i = 0; i < descriptor().array_count; ++i) {
    const moe_array &array = descriptor().arrays[i];
    if (array.role != MOE_INPUT && array.role != MOE_STATE)
      continue;
    reference::Array &input = inputs[array.name];
    for (uint32_t axis = 0; axis < array.rank; ++axis)
      input.axes.push_back(array.axis_names[axis]);
    input.sizes = arrays[i].sizes;
    input.kind = array.dtype == MOE_BOOL                            ? reference::ElementKind::Boolean
                 : array.dtype == MOE_I32 || array.dtype == MOE_I64 ? reference::ElementKind::Integer
                                                                    : reference::ElementKind::Float;
    for (int64_t e = 0; e < arrays[i].count(); ++e)
      input.data.push_back(arrays[i].get(e));
  }
  reference::EvaluationOptions options;
  options.tokenCount = tokens;
  options.float32Selections = true;
  options.seed = seed;
  options.firstToken = firstToken;
  options.offset = offset;
  return reference::evaluate(*mlir::ModuleOp(*module).getOps<GateOp>().begin(), inputs, options);
}

/// What storing `want` in the type of a result may add to an error (docs/numerics.md).
static double storageError(moe_dtype dtype, double want) {
  if (dtype != MOE_BF16 && dtype != MOE_F16)
    return 0;
  double greatest = dtype == MOE_F16 ? 65504 : std::numeric_limits<float>::max();
  if (!std::isfinite(want) || std::fabs(want) > greatest)
    return 0;
  return dtype == MOE_BF16 ? std::fabs(want) * 0x1p-8 : std::max(std::fabs(want) * 0x1p-11, 0x1p-25);
}

static bool agrees(moe_dtype dtype, double got, double want, double terms, double tolerance) {
  if (dtype == MOE_I16 || dtype == MOE_I32 || dtype == MOE_I64 || dtype == MOE_BOOL)
    return got == want;
  // Rounding to f16 makes an infinity of what is half a place above its greatest number.
  if (dtype == MOE_F16 && std::fabs(want) >= 65520 * (1 - tolerance)) {
    double infinity = std::copysign(std::numeric_limits<double>::infinity(), want);
    if (got == infinity || std::fabs(want) > 65520 * (1 + tolerance))
      return got == infinity;
  }
  if (reference::withinTolerance(got, want, terms, tolerance))
    return true;
  double more = storageError(dtype, want), scale = std::isfinite(terms) ? terms : std::fabs(want);
  return more > 0 && std::isfinite(got) && std::fabs(got - want) <= tolerance * scale + more;
}

std::vector<std::string> disagreements(const moe_gate &gate, const std::vector<Buffer> &arrays,
                                       const reference::Arrays &expected, double tolerance) {
  std::vector<std::string> found;
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    if (array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_COEFFICIENT || array.role == MOE_SAVED)
      continue;
    std::string name = "'" + std::string(array.name) + "'";
    auto result = expected.find(array.name);
    if (array.role == MOE_STATE && (gate.step || result == expected.end())) // only the step changes it
      continue;
    if (result == expected.end() || result->second.count() != arrays[i].count()) {
      found.push_back("the interpreter has no " + name + " of this size");
      continue;
    }
    for (int64_t e = 0; e < arrays[i].count(); ++e) {
      double got = arrays[i].get(e), want = result->second.data[e];
      double terms = result->second.terms.empty() ? std::fabs(want) : result->second.terms[e];
      if (agrees(static_cast<moe_dtype>(array.dtype), got, want, terms, tolerance))
        continue;
      std::ostringstream text;
      text << name << " differs at " << e << ": got " << got << ", expected " << want << " (terms " << terms << ")";
      found.push_back(text.str());
      break;
    }
  }
  return found;
}

void expectAgreement(const Gate &gate, const std::vector<Buffer> &arrays, const reference::Arrays &expected,
                     double tolerance, const std::string &what) {
  for (const std::string &text : disagreements(gate.descriptor(), arrays, expected, tolerance))
    ADD_FAILURE() << what << ": " << text;
}

void fill(Buffer &buffer, Data data, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> pick(0, 9);
  int64_t row = buffer.sizes.empty() ? 1 : buffer.sizes.back();
  if (buffer.sizes.size() < 2)
    data = Data::Ordinary;
  for (int64_t e = 0; e < buffer.count(); ++e) {
    double value = normal(engine);
    bool special = pick(engine) == 0;
    switch (data) {
    case Data::Ordinary:
      break;
    case Data::Ties:
      value = std::floor(value * 2) / 2 * (special ? -0.0 : 1.0);
      break;
    case Data::AllEqual:
      value = (e / row) % 2 ? 0.25 : value;
      break;
    case Data::Infinities:
      value = special ? (pick(engine) < 8 ? -INFINITY : INFINITY) : value;
      break;
    case Data::NaNs:
      value = special ? NAN : value;
      break;
    case Data::Saturated:
      value *= 60;
      break;
    }
    buffer.set(e, value);
  }
}

void checkOnAllVariants(const Gate &gate, Data data, int64_t tokens, std::initializer_list<uint32_t> threads,
                        uint32_t seed) {
  static const char *const names[] = {"ordinary", "ties", "all equal", "infinities", "NaNs", "saturated"};
  std::vector<Buffer> arrays;
  for (uint32_t i = 0; i < gate.descriptor().array_count; ++i) {
    arrays.push_back(gate.makeBuffer(i, tokens));
    if (gate.descriptor().arrays[i].role == MOE_INPUT)
      fill(arrays.back(), data, seed + i);
  }
  reference::Arrays expected = gate.interpret(arrays, tokens);
  for (const std::string &isa : runnableIsas())
    for (uint32_t count : threads) {
      gate.run(arrays, tokens, count, isa);
      expectAgreement(gate, arrays, expected, 1e-5, // docs/numerics.md
                      std::string(gate.descriptor().name) + ", " + names[static_cast<int>(data)] +
                          ", T = " + std::to_string(tokens) + ", " + isa + ", " + std::to_string(count) + " threads");
    }
}

} // namespace moe::test
