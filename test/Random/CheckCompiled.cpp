// Compiled code, forward and backward, against the interpreter: on the CPU with every instruction set and several
// thread counts, whose bits must be the same, and in the emulator, whose findings count too.
//
// Forward is compared with the gate as it was written, masks and capacities included, before they are expanded.
// Backward is compared with the backward gate as it was derived, before anything is saved or recomputed, so that what
// the compiler decides there is checked as well.
#include "compiler/InitAll.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "moe/runtime.hpp"
#include "test/Random/Targets.h"
#include "test/Support/Gate.h"
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
  Extents extents;
  reference::EvaluationOptions random; ///< of the random numbers
  std::vector<Buffer> forward, backward, step;
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
  /// As the interpreter is given it.
  GateOp spec() const { return *ModuleOp(*written).getOps<GateOp>().begin(); }

  /// Inputs of forward, incoming gradients and scales, from the seed.
  Call makeCall(const Case &data) const;

  llvm::Expected<Arrays> interpretForward(const Call &call) const;
  llvm::Expected<Arrays> interpretBackward(const Call &call) const;

private:
  bool derive(const std::string &text, llvm::raw_ostream &diagnostics);
  void fillForward(Call &call, const Case &data) const;

  std::unique_ptr<Gate> gate;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module, written;
  GateOp backward;
};

} // namespace

bool Subjects::derive(const std::string &text, llvm::raw_ostream &diagnostics) {
  DialectRegistry registry;
  registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, context.get(), diagnostics);
  module = importGate(sources, context.get(), {});
  if (!module)
    return false;
  PassManager simplify(context.get()), expand(context.get()), manager(context.get());
  simplify.addPass(createCanonicalizerPass());
  simplify.addPass(createCSEPass());
  expand.addNestedPass<GateOp>(createExpandSelectionMath());
  if (failed(simplify.run(*module)))
    return false;
  written = module->clone();
  if (failed(expand.run(*written)))
    return false;
  if (!descriptor().backward)
    return true;
  manager.addNestedPass<GateOp>(createMoeApplyMask());
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

/// NaN where the mask of the gate is false, which must reach nothing.
static void spoilMasked(const moe_gate &gate, GateOp derived, std::vector<Buffer> &arrays) {
  auto masks = derived.getBody().getOps<MaskOp>();
  auto input = masks.empty() ? InputOp() : (*masks.begin()).getValid().getDefiningOp<InputOp>();
  int32_t mask = input ? moe_find_array(&gate, input.getName().str().c_str(), 1) : -1;
  for (uint32_t i = 0; mask >= 0 && i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    bool isFloat = array.dtype == MOE_F32 || array.dtype == MOE_BF16 || array.dtype == MOE_F16;
    uint32_t tokens = array.flags & MOE_ARRAY_LAYERED ? 1 : 0;
    if (array.role != MOE_INPUT || !isFloat || array.rank <= tokens || array.sizes[tokens] != MOE_TOKENS)
      continue;
    int64_t row = 1, count = arrays[mask].count();
    for (uint32_t axis = tokens + 1; axis < array.rank; ++axis)
      row *= arrays[i].sizes[axis];
    for (int64_t e = 0; e < arrays[i].count(); ++e)
      if (arrays[mask].get(e / row % count) == 0)
        arrays[i].set(e, std::numeric_limits<double>::quiet_NaN());
  }
}

/// The size of an axis in a call.
static int64_t sizeOf(const moe_array &array, uint32_t axis, const Extents &extents) {
  int64_t size = array.sizes[axis];
  if (size == MOE_DISPATCH_ROWS)
    return array.per_token * extents.tokens + array.extra;
  for (int64_t level = 1; level <= static_cast<int64_t>(extents.pieces.size()); ++level)
    if (size == MOE_PIECES_OF_LEVEL(level) || size == MOE_PIECES_OF_LEVEL_PLUS_1(level))
      return extents.pieces[level - 1] + (size == MOE_PIECES_OF_LEVEL_PLUS_1(level) ? 1 : 0);
  return size == MOE_TOKENS ? extents.tokens : size;
}

static std::vector<Buffer> makeBuffers(const moe_gate &gate, Extents extents) {
  std::vector<Buffer> all(gate.array_count);
  extents.pieces.push_back(gate.layers); // each layer is one of as many pieces
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    const moe_array &array = gate.arrays[i];
    all[i].dtype = static_cast<moe_dtype>(array.dtype);
    for (uint32_t axis = 0; axis < array.rank; ++axis)
      all[i].sizes.push_back(sizeOf(array, axis, extents));
    if (array.role != MOE_PARAM)
      all[i].bytes.resize(all[i].count() * moe_dtype_bytes(all[i].dtype));
  }
  return all;
}

void Subjects::fillForward(Call &call, const Case &data) const {
  const moe_gate &gate = descriptor();
  call.extents = extentsOf(spec(), data);
  call.forward = makeBuffers(gate, call.extents);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    if (role != MOE_INPUT && role != MOE_STATE)
      continue;
    Buffer &buffer = call.forward[i];
    fillBuffer(buffer, data, i);
    place(
        spec(), call.extents, gate.arrays[i].name, buffer.count(), [&](int64_t e) { return buffer.get(e); },
        [&](int64_t e, double value) { buffer.set(e, value); });
  }
  spoilMasked(gate, spec(), call.forward);
}

Call Subjects::makeCall(const Case &data) const {
  Call call;
  Rng rng(data.seed + 77);
  fillForward(call, data);
  call.random.seed = data.seed << 33 | data.seed;
  call.random.firstToken = (int64_t(1) << 32) - 5 + static_cast<int64_t>(data.seed);
  call.random.offset = static_cast<uint32_t>(data.seed % 7);
  if (const moe_gate *step = descriptor().step) {
    call.step = makeBuffers(*step, call.extents);
    for (uint32_t i = 0; i < step->array_count; ++i)
      if (int32_t same = moe_find_array(&descriptor(), step->arrays[i].name, 1); same >= 0)
        call.step[i] = call.forward[same];
  }
  if (!descriptor().backward)
    return call;
  const moe_gate &gate = *descriptor().backward;
  call.backward = makeBuffers(gate, call.extents);
  Case ordinary = data;
  ordinary.kind = Kind::Ordinary;
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

llvm::Expected<Arrays> Subjects::interpretForward(const Call &call) const {
  Arrays inputs;
  for (uint32_t i = 0; i < descriptor().array_count; ++i)
    if (const moe_array &array = descriptor().arrays[i]; array.role == MOE_INPUT || array.role == MOE_STATE)
      inputs[array.name] = toArray(array, call.forward[i]);
  reference::EvaluationOptions options = call.random;
  options.tokenCount = call.extents.tokens;
  options.float32Selections = true;
  return reference::evaluate(spec(), inputs, options);
}

llvm::Expected<Arrays> Subjects::interpretBackward(const Call &call) const {
  const moe_gate &forwardGate = descriptor(), &backwardGate = *descriptor().backward;
  Arrays inputs;
  for (auto state : GateOp(backward).getBody().getOps<StateOp>())
    if (int32_t i = moe_find_array(&forwardGate, state.getName().str().c_str(), 1); i >= 0)
      inputs[state.getName().str()] = toArray(forwardGate.arrays[i], call.forward[i]);
  for (auto input : GateOp(backward).getBody().getOps<InputOp>()) {
    std::string name = input.getName().str();
    if (int32_t i = moe_find_array(&backwardGate, name.c_str(), 1); i >= 0 && name.rfind("grad_", 0) == 0) {
      inputs[name] = toArray(backwardGate.arrays[i], call.backward[i]);
    } else if (int32_t i = moe_find_array(&forwardGate, name.c_str(), 1); i >= 0) {
      inputs[name] = toArray(forwardGate.arrays[i], call.forward[i]);
    } else { // a gradient that nothing needs
      Array &array = inputs[name];
      auto type = cast<RankedTensorType>(input.getType());
      for (auto [axis, size] : llvm::zip_equal(axesOf(type), type.getShape()))
        array.sizes.push_back(ShapedType::isDynamic(size) ? sizeIn(backward, call.extents, axis) : size);
      array.data.assign(array.count(), 0);
    }
  }
  for (uint32_t i = 0; i < backwardGate.array_count; ++i)
    if (backwardGate.arrays[i].role == MOE_PARAM && !call.backward[i].bytes.empty())
      inputs[backwardGate.arrays[i].name].data = {call.backward[i].get(0)};
  reference::EvaluationOptions options = call.random;
  options.tokenCount = call.extents.tokens;
  options.float32Selections = true;
  return reference::evaluate(backward, inputs, options);
}

//===-- One call
//--------------------------------------------------------------------------------------------------------===//

static std::vector<moe_binding> bind(const moe_gate &gate, std::vector<Buffer> &arrays) {
  std::vector<moe_binding> bindings(gate.array_count);
  for (uint32_t i = 0; i < gate.array_count; ++i) {
    uint32_t role = gate.arrays[i].role;
    if (role != MOE_INPUT && role != MOE_PARAM && role != MOE_STATE)
      std::fill(arrays[i].bytes.begin(), arrays[i].bytes.end(), 0xAB);
    bool isBound = role != MOE_COEFFICIENT && role != MOE_SAVED && !(role == MOE_PARAM && arrays[i].bytes.empty());
    bindings[i] = {isBound ? arrays[i].bytes.data() : nullptr,
                   arrays[i].dtype,
                   static_cast<uint32_t>(arrays[i].sizes.size()),
                   arrays[i].sizes.data(),
                   nullptr,
                   nullptr};
  }
  return bindings;
}

/// From what the forward call `raw` has accumulated, and from the states that it read.
static void runStep(const rt::Executable &executable, Call &call, moe_call raw) {
  const moe_gate *step = executable.gate().step;
  if (!step)
    return;
  for (uint32_t i = 0; i < step->array_count; ++i)
    if (int32_t same = moe_find_array(&executable.gate(), step->arrays[i].name, 1); same >= 0)
      call.step[i] = call.forward[same];
  std::vector<moe_binding> bindings = bind(*step, call.step);
  raw.bindings = bindings.data();
  raw.phase = 0;
  rt::check(moe_run_step(executable.get(), &raw));
}

/// Forward, then step and backward where there are such. What is written is poisoned before. Throws rt::Error.
static void run(const rt::Executable &executable, Call &call) {
  const moe_gate &gate = executable.gate();
  uint64_t savedBytes = 0, coefficientBytes = 0;
  int64_t tokens = call.extents.tokens, pieces = 0;
  for (int64_t count : call.extents.pieces)
    pieces = std::max(pieces, count);
  rt::check(moe_saved_bytes(executable.get(), tokens, pieces, &savedBytes));
  rt::check(moe_coefficient_bytes(executable.get(), &coefficientBytes));
  rt::Block workspace(executable.workspaceBytes(tokens, pieces)), accumulators(executable.accumulatorBytes());
  rt::Block saved(savedBytes), coefficients(coefficientBytes);
  std::memset(saved.data(), 0xAB, saved.bytes());
  std::memset(coefficients.data(), 0xAB, coefficients.bytes());
  rt::check(moe_init_workspace(executable.get(), workspace.data(), workspace.bytes(), nullptr));
  std::vector<moe_binding> bindings = bind(gate, call.forward);
  moe_call raw{};
  raw.struct_size = sizeof(raw);
  raw.phase = MOE_FORWARD;
  raw.token_count = tokens;
  raw.seed = call.random.seed;
  raw.first_token = call.random.firstToken;
  raw.offset = call.random.offset;
  raw.bindings = bindings.data();
  raw.accumulators = accumulators.data();
  raw.workspace = workspace.data();
  raw.workspace_bytes = workspace.bytes();
  raw.saved = saved.data();
  raw.saved_bytes = saved.bytes();
  raw.coefficients = coefficients.data();
  raw.coefficient_bytes = coefficients.bytes();
  rt::check(moe_run(executable.get(), &raw));
  runStep(executable, call, raw);
  if (!gate.backward)
    return;
  std::vector<moe_binding> back = bind(*gate.backward, call.backward);
  for (uint32_t i = 0; i < gate.backward->array_count; ++i) {
    const moe_array &array = gate.backward->arrays[i];
    llvm::StringRef name = array.name;
    if ((array.role != MOE_INPUT && array.role != MOE_STATE) || name.starts_with("grad_"))
      continue;
    // An input or a state of forward, or a selection that it wrote.
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
  llvm::Expected<Arrays> forward = subjects.interpretForward(call);
  if (!forward) {
    report.add("interpreter refuses", llvm::toString(forward.takeError()));
    return std::nullopt;
  }
  Expected expected{std::move(*forward), std::nullopt};
  // Infinities may arise in f32 alone.
  bool finite = data.kind == Kind::Ordinary || data.kind == Kind::Ties || data.kind == Kind::AllEqual;
  if (!subjects.descriptor().backward || (!(data.gradient && finite) && data.tokens > 0))
    return expected;
  llvm::Expected<Arrays> backward = subjects.interpretBackward(call);
  if (!backward) {
    report.add("interpreter refuses backward", llvm::toString(backward.takeError()));
    return std::nullopt;
  }
  expected.backward = std::move(*backward);
  return expected;
}

/// Calls say other offsets than the interpreter was given, which refuses bad ones; they mean the same.
static void sayOffsets(const Subjects &subjects, Call &call, Expected &expected) {
  const moe_gate &gate = subjects.descriptor();
  for (auto [level, axis] : llvm::enumerate(pieceAxes(subjects.spec())))
    if (std::optional<llvm::StringRef> name = axis.getOffsets(); name && call.extents.isBad(level)) {
      Buffer &buffer = call.forward[moe_find_array(&gate, name->str().c_str(), 1)];
      for (auto [e, offset] : llvm::enumerate(call.extents.said[level]))
        buffer.set(static_cast<int64_t>(e), offset);
      expected.forward.at("bad_offsets").data = {1};
    }
}

static void compare(const Subjects &subjects, const Call &call, const Expected &expected, const Case &data,
                    const std::string &target, const std::string &where, Report &report) {
  for (const std::string &text : disagreements(subjects.descriptor(), call.forward, expected.forward, kTolerance))
    report.add(target + " differs from the interpreter", where + ": " + text);
  if (const moe_gate *step = subjects.descriptor().step)
    for (const std::string &text : disagreements(*step, call.step, expected.forward, kTolerance))
      report.add(target + " differs from the interpreter after a step", where + ": " + text);
  if (!subjects.descriptor().backward || !expected.backward)
    return;
  auto empty = expected.forward.find("empty"); // all tokens may be masked
  if (data.tokens == 0 || (empty != expected.forward.end() && empty->second.data[0] == 1))
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
  sayOffsets(subjects, call, *expected);
  std::optional<Call> first;
  std::string firstName;
  for (const std::string &isa : runnableIsas())
    for (uint32_t threads : {1, 2, 7}) {
      std::string name = isa + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
      run(rt::Executable::cpu(subjects.descriptor(), threads, isa.c_str()), call);
      ++report.runs;
      if (!first) {
        first = call;
        firstName = name;
        compare(subjects, call, *expected, data, "cpu", data.text() + ", " + name, report);
        continue;
      }
      std::string text = firstDifference(subjects.descriptor(), first->forward, call.forward);
      if (text.empty() && subjects.descriptor().step)
        text = firstDifference(*subjects.descriptor().step, first->step, call.step);
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
  sayOffsets(subjects, call, *expected);
  Rng rng(data.seed);
  for (uint32_t blocks : {1, 3}) {
    uint64_t order = blocks == 1 ? 0 : 1 + rng.below(1000);
    executable.schedule(blocks, order);
    run(executable, call);
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
