// Compiled code, forward and backward, against the interpreter: on the CPU with every instruction set and several
// thread counts, whose bits must be the same, and in the emulator, whose findings count too.
//
// Forward is compared with the gate that was compiled. Backward is compared with the backward gate as it was derived,
// before anything is saved or recomputed, so that what the compiler decides there is checked as well.
#include "compiler/InitAll.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "moe/runtime.hpp"
#include "test/Random/Targets.h"
#include "test/Support/Gate.h"
#include "test/Support/GateCall.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SourceMgr.h"
#include <cstring>
#include <sstream>

using namespace mlir;
namespace moe::test::random {

using reference::Array;
using reference::Arrays;

namespace {

constexpr double kTolerance = 1e-5; // docs/numerics.md

/// The arrays of a forward call and of its backward call.
struct Call {
  std::vector<Buffer> forward, backward;
};

/// A gate beside its derived backward gate, both ready for the interpreter, and compiled.
class Subjects {
public:
  static std::unique_ptr<Subjects> make(const std::string &text, std::string &diagnostics) {
    llvm::raw_string_ostream stream(diagnostics);
    auto result = std::make_unique<Subjects>();
    result->gate = Gate::compile(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), {}, stream);
    return result->gate && result->derive(text, stream) ? std::move(result) : nullptr;
  }

  const moe_gate &descriptor() const { return gate->descriptor(); }

  /// Inputs of forward, incoming gradients and scales, from the seed.
  Call makeCall(const Case &data) const;

  llvm::Expected<Arrays> interpretForward(const Call &call, int64_t tokens) const {
    return gate->evaluate(call.forward, tokens);
  }
  llvm::Expected<Arrays> interpretBackward(const Call &call, int64_t tokens) const;

private:
  bool derive(const std::string &text, llvm::raw_ostream &diagnostics);

  std::unique_ptr<Gate> gate;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  GateOp backward;
};

} // namespace

bool Subjects::derive(const std::string &text, llvm::raw_ostream &diagnostics) {
  if (!descriptor().backward)
    return true;
  DialectRegistry registry;
  registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, context.get(), diagnostics);
  module = importGate(sources, context.get(), {});
  if (!module)
    return false;
  PassManager manager(context.get());
  manager.addPass(createMoeDeriveBackward());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addNestedPass<GateOp>(createExpandSelectionMath());
  if (failed(manager.run(*module)))
    return false;
  for (auto candidate : module->getOps<GateOp>())
    if (candidate.getBackwardOf())
      backward = candidate;
  return static_cast<bool>(backward);
}

static Storage storageOf(moe_dtype dtype) {
  return dtype == MOE_BOOL ? Storage::Boolean : dtype == MOE_I32 ? Storage::Integer : Storage::Float;
}

static void fillBuffer(Buffer &buffer, const Case &data, uint64_t index) {
  std::vector<double> values =
      makeData(data, index, storageOf(buffer.dtype), buffer.count(), buffer.sizes.empty() ? 1 : buffer.sizes.back());
  for (int64_t e = 0; e < buffer.count(); ++e)
    buffer.set(e, values[e]);
}

Call Subjects::makeCall(const Case &data) const {
  Call call;
  call.forward = makeBuffers(descriptor(), data.tokens);
  for (uint32_t i = 0; i < descriptor().array_count; ++i)
    if (descriptor().arrays[i].role == MOE_INPUT)
      fillBuffer(call.forward[i], data, i);
  if (!descriptor().backward)
    return call;
  const moe_gate &gate = *descriptor().backward;
  call.backward = makeBuffers(gate, data.tokens);
  Case ordinary = data;
  ordinary.kind = Kind::Ordinary;
  Rng rng(data.seed + 77);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    llvm::StringRef name = gate.arrays[i].name;
    if (gate.arrays[i].role == MOE_INPUT && name.starts_with("grad_"))
      fillBuffer(call.backward[i], ordinary, 1000 + i);
    if (gate.arrays[i].role == MOE_PARAM && name.starts_with("scale_")) {
      call.backward[i].bytes.resize(sizeof(float));
      call.backward[i].set(0, rng.normal());
    }
  }
  return call;
}

static Array toArray(const moe_array &array, const Buffer &buffer) {
  Array result;
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    result.axes.push_back(array.axis_names[axis]);
  result.sizes = buffer.sizes;
  result.kind = buffer.dtype == MOE_BOOL  ? reference::ElementKind::Boolean
                : buffer.dtype == MOE_I32 ? reference::ElementKind::Integer
                                          : reference::ElementKind::Float;
  for (int64_t e = 0; e < buffer.count(); ++e)
    result.data.push_back(buffer.get(e));
  return result;
}

llvm::Expected<Arrays> Subjects::interpretBackward(const Call &call, int64_t tokens) const {
  const moe_gate &forwardGate = descriptor(), &backwardGate = *descriptor().backward;
  Arrays inputs;
  for (auto input : GateOp(backward).getBody().getOps<InputOp>()) {
    std::string name = input.getName().str();
    if (int32_t i = moe_find_array(&backwardGate, name.c_str(), 1); i >= 0 && name.rfind("grad_", 0) == 0) {
      inputs[name] = toArray(backwardGate.arrays[i], call.backward[i]);
    } else if (int32_t i = moe_find_array(&forwardGate, name.c_str(), 1); i >= 0) {
      inputs[name] = toArray(forwardGate.arrays[i], call.forward[i]);
    } else { // a gradient that nothing needs
      Array &array = inputs[name];
      for (int64_t size : input.getType().getShape())
        array.sizes.push_back(ShapedType::isDynamic(size) ? tokens : size);
      array.data.assign(array.count(), 0);
    }
  }
  for (uint32_t i = 0; i < backwardGate.array_count; ++i)
    if (backwardGate.arrays[i].role == MOE_PARAM && !call.backward[i].bytes.empty())
      inputs[backwardGate.arrays[i].name].data = {call.backward[i].get(0)};
  reference::EvaluationOptions options;
  options.tokenCount = tokens;
  options.float32Selections = true;
  return reference::evaluate(backward, inputs, options);
}

//===-- One call
//--------------------------------------------------------------------------------------------------------===//

static std::vector<moe_binding> bind(const moe_gate &gate, std::vector<Buffer> &arrays) {
  std::vector<moe_binding> bindings(gate.array_count);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    if (role != MOE_INPUT && role != MOE_PARAM)
      std::fill(arrays[i].bytes.begin(), arrays[i].bytes.end(), 0xAB);
    bool isBound = role != MOE_COEFFICIENT && role != MOE_SAVED && !(role == MOE_PARAM && arrays[i].bytes.empty());
    bindings[i] = {isBound ? arrays[i].bytes.data() : nullptr, arrays[i].dtype,
                   static_cast<uint32_t>(arrays[i].sizes.size()), arrays[i].sizes.data(), nullptr};
  }
  return bindings;
}

/// Forward, then backward where there is one. What is written is poisoned before. Throws rt::Error.
static void run(const rt::Executable &executable, Call &call, int64_t tokens) {
  const moe_gate &gate = executable.gate();
  uint64_t savedBytes = 0, coefficientBytes = 0;
  rt::check(moe_saved_bytes(executable.get(), tokens, 0, &savedBytes));
  rt::check(moe_coefficient_bytes(executable.get(), &coefficientBytes));
  rt::Block workspace(executable.workspaceBytes(tokens)), accumulators(executable.accumulatorBytes());
  rt::Block saved(savedBytes), coefficients(coefficientBytes);
  std::memset(saved.data(), 0xAB, saved.bytes());
  std::memset(coefficients.data(), 0xAB, coefficients.bytes());
  rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
  std::vector<moe_binding> bindings = bind(gate, call.forward);
  moe_call raw{};
  raw.struct_size = sizeof(raw);
  raw.phase = MOE_FORWARD;
  raw.token_count = tokens;
  raw.bindings = bindings.data();
  raw.accumulators = accumulators.data();
  raw.workspace = workspace.data();
  raw.workspace_bytes = workspace.bytes();
  raw.saved = saved.data();
  raw.saved_bytes = saved.bytes();
  raw.coefficients = coefficients.data();
  raw.coefficient_bytes = coefficients.bytes();
  rt::check(moe_run(executable.get(), &raw));
  if (!gate.backward)
    return;
  std::vector<moe_binding> back = bind(*gate.backward, call.backward);
  for (uint32_t i = 0; i < gate.backward->array_count; ++i) {
    const moe_array &array = gate.backward->arrays[i];
    llvm::StringRef name = array.name;
    if (array.role != MOE_INPUT || name.starts_with("grad_"))
      continue;
    // An input of forward, or a selection that it wrote.
    int32_t same = moe_find_array(&gate, array.name, 1);
    back[i] = bindings[same >= 0 ? same : moe_find_array(&gate, array.name, 0)];
  }
  raw.bindings = back.data();
  raw.phase = 0;
  rt::check(moe_run_backward(executable.get(), &raw));
}

//===-- Comparisons
//-----------------------------------------------------------------------------------------------------===//

/// The first array in which two runs differ, other than in the bits of a NaN; "" when there is none.
static std::string firstDifference(const moe_gate &gate, const std::vector<Buffer> &a, const std::vector<Buffer> &b) {
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    if (a[i].bytes == b[i].bytes || role == MOE_COEFFICIENT || role == MOE_SAVED)
      continue;
    for (int64_t e = 0; e < a[i].count(); ++e) {
      size_t size = moe_dtype_bytes(a[i].dtype);
      bool same = std::memcmp(a[i].bytes.data() + e * size, b[i].bytes.data() + e * size, size) == 0;
      if (!same && !(std::isnan(a[i].get(e)) && std::isnan(b[i].get(e)))) {
        std::ostringstream text;
        text.precision(10);
        text << "'" << gate.arrays[i].name << "' at " << e << ": " << a[i].get(e) << " and " << b[i].get(e);
        return text.str();
      }
    }
  }
  return "";
}

/// Without tokens a gradient is 0, or what an output or a loss without tokens gives; never NaN.
static void expectZeros(const moe_gate &gate, const std::vector<Buffer> &arrays, const Arrays &expected,
                        const std::string &where, Report &report, const std::string &target) {
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    if (gate.arrays[i].role != MOE_OUTPUT)
      continue;
    auto result = expected.find(gate.arrays[i].name);
    for (int64_t e = 0; e < arrays[i].count(); ++e) {
      double got = arrays[i].get(e), want = 0, terms = 0;
      if (result != expected.end()) {
        want = result->second.data[e];
        terms = result->second.terms.empty() ? 0 : result->second.terms[e];
      }
      if (got == 0 || std::fabs(got - want) <= 1e-2 * std::fabs(want) + kTolerance * terms)
        continue;
      report.add(target + " has a gradient without tokens",
                 where + ": '" + gate.arrays[i].name + "' at " + std::to_string(e) + " is " + std::to_string(got));
      return;
    }
  }
}

namespace {

/// What the interpreter says of a case.
struct Expected {
  Arrays forward;
  std::optional<Arrays> backward;
};

} // namespace

static std::optional<Expected> interpret(const Subjects &subjects, const Call &call, const Case &data, Report &report) {
  llvm::Expected<Arrays> forward = subjects.interpretForward(call, data.tokens);
  if (!forward) {
    report.add("interpreter refuses", llvm::toString(forward.takeError()));
    return std::nullopt;
  }
  Expected expected{std::move(*forward), std::nullopt};
  // Infinities may arise in f32 alone.
  bool finite = data.kind == Kind::Ordinary || data.kind == Kind::Ties || data.kind == Kind::AllEqual;
  if (!subjects.descriptor().backward || (!(data.gradient && finite) && data.tokens > 0))
    return expected;
  llvm::Expected<Arrays> backward = subjects.interpretBackward(call, data.tokens);
  if (!backward) {
    report.add("interpreter refuses backward", llvm::toString(backward.takeError()));
    return std::nullopt;
  }
  expected.backward = std::move(*backward);
  return expected;
}

static void compare(const Subjects &subjects, const Call &call, const Expected &expected, const Case &data,
                    const std::string &target, const std::string &where, Report &report) {
  for (const std::string &text : disagreements(subjects.descriptor(), call.forward, expected.forward, kTolerance))
    report.add(target + " differs from the interpreter", where + ": " + text);
  if (!subjects.descriptor().backward)
    return;
  if (!expected.backward)
    return;
  if (data.tokens == 0)
    return expectZeros(*subjects.descriptor().backward, call.backward, *expected.backward, where, report, target);
  ++report.backwards;
  for (const std::string &text :
       disagreements(*subjects.descriptor().backward, call.backward, *expected.backward, kTolerance))
    report.add(target + " backward differs from the interpreter", where + ": " + text);
}

static void checkCpuCase(const Subjects &subjects, const Case &data, Report &report) {
  Call call = subjects.makeCall(data);
  std::optional<Expected> expected = interpret(subjects, call, data, report);
  if (!expected)
    return;
  std::optional<Call> first;
  std::string firstName;
  for (const std::string &isa : runnableIsas())
    for (uint32_t threads : {1, 2, 7}) {
      std::string name = isa + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
      run(rt::Executable::cpu(subjects.descriptor(), threads, isa.c_str()), call, data.tokens);
      ++report.runs;
      if (!first) {
        first = call;
        firstName = name;
        compare(subjects, call, *expected, data, "cpu", data.text() + ", " + name, report);
        continue;
      }
      std::string text = firstDifference(subjects.descriptor(), first->forward, call.forward);
      if (text.empty() && subjects.descriptor().backward)
        text = firstDifference(*subjects.descriptor().backward, first->backward, call.backward);
      if (!text.empty())
        report.add("cpu variants have different bits", data.text() + ", " + firstName + " and " + name + ": " + text);
    }
}

static void checkEmulatorCase(const Subjects &subjects, rt::Executable &executable, const Case &data, Report &report) {
  Call call = subjects.makeCall(data);
  std::optional<Expected> expected = interpret(subjects, call, data, report);
  if (!expected)
    return;
  Rng rng(data.seed);
  for (uint32_t blocks : {1, 3}) {
    uint64_t order = blocks == 1 ? 0 : 1 + rng.below(1000);
    executable.schedule(blocks, order);
    run(executable, call, data.tokens);
    ++report.emulated;
    compare(subjects, call, *expected, data, "emulator",
            data.text() + ", " + std::to_string(blocks) + " blocks, order " + std::to_string(order), report);
  }
}

void checkCpu(const Subject &subject, Report &report) {
  std::string diagnostics;
  std::unique_ptr<Subjects> subjects = Subjects::make(subject.text, diagnostics);
  if (!subjects)
    return report.add("does not compile", diagnostics);
  try {
    for (const Case &data : subject.cases)
      checkCpuCase(*subjects, data, report);
  } catch (const rt::Error &error) {
    report.add("the runtime refuses", error.what());
  }
}

void checkEmulator(const Subject &subject, Report &report) {
  std::string diagnostics;
  std::unique_ptr<Subjects> subjects = Subjects::make(subject.text, diagnostics);
  if (!subjects)
    return report.add("does not compile", diagnostics);
  try {
    rt::Executable executable = rt::Executable::emulator(subjects->descriptor());
    for (const Case &data : subject.cases)
      if (data.tokens <= 40)
        checkEmulatorCase(*subjects, executable, data, report);
  } catch (const rt::Error &error) {
    report.add(error.status() == MOE_FINDING ? "the emulator has a finding" : "the emulator refuses", error.what());
  }
}

} // namespace moe::test::random
