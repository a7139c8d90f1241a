// The derived backward gate, interpreted in f64, against differences of the interpreted forward gate along random
// directions.
#include "compiler/Frontend/Frontend.h"
#include "compiler/InitAll.h"
#include "compiler/Reference/Interpreter.h"
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Transforms/Passes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "test/Random/Targets.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include <sstream>

using namespace mlir;
namespace moe::test::random {

using reference::Array;
using reference::Arrays;

namespace {

/// A gate and its derived backward gate, both interpreted in f64.
class Derivative {
public:
  Derivative(const std::string &text, llvm::raw_ostream &diagnostics) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "gate.moe"), llvm::SMLoc());
    SourceMgrDiagnosticHandler handler(sources, &context, diagnostics);
    forward = importGate(sources, &context, {});
    if (!forward)
      return;
    backward = forward->clone();
    PassManager applyMask(&context);
    applyMask.addNestedPass<GateOp>(createMoeApplyMask());
    if (failed(applyMask.run(*backward)) || failed(differentiate(gate(*backward))) || failed(verify(*backward)))
      backward = {};
  }

  static GateOp gate(ModuleOp module) { return *module.getOps<GateOp>().begin(); }

  std::optional<Arrays> evaluate(ModuleOp module, const Arrays &inputs, int64_t tokens, Report &report) {
    reference::EvaluationOptions options;
    options.tokenCount = tokens;
    llvm::Expected<Arrays> results = reference::evaluate(gate(module), inputs, options);
    if (results)
      return std::move(*results);
    report.add("interpreter refuses the gradient", llvm::toString(results.takeError()));
    return std::nullopt;
  }

  /// Values for the inputs of `module` that `given` lacks.
  void addInputs(ModuleOp module, Arrays &given, const Case &data) {
    uint64_t index = given.size();
    Extents extents = extentsOf(gate(module), data);
    for (auto input : gate(module).getBody().getOps<InputOp>()) {
      if (given.count(input.getName().str()))
        continue;
      Array &array = given[input.getName().str()];
      auto type = cast<RankedTensorType>(input.getType());
      for (auto [axis, size] : llvm::zip_equal(axesOf(type), type.getShape())) {
        array.axes.push_back(axis.str());
        array.sizes.push_back(ShapedType::isDynamic(size) ? sizeIn(gate(module), extents, axis) : size);
      }
      Type element = type.getElementType();
      Storage storage = element.isInteger(1)        ? Storage::Boolean
                        : isa<IntegerType>(element) ? Storage::Integer
                                                    : Storage::Float;
      array.kind = storage == Storage::Boolean   ? reference::ElementKind::Boolean
                   : storage == Storage::Integer ? reference::ElementKind::Integer
                                                 : reference::ElementKind::Float;
      array.data = makeData(data, index++, storage, array.count(), array.sizes.empty() ? 1 : array.sizes.back());
      if (storage == Storage::Float)
        for (double &value : array.data)
          value = static_cast<float>(value);
      place(
          gate(module), extents, input.getName(), array.count(), [&](int64_t e) { return array.data[e]; },
          [&](int64_t e, double value) { array.data[e] = value; });
    }
  }

  /// sum(grad_NAME * output NAME) + sum(scale_NAME * loss NAME); nothing where an evaluation fails.
  std::optional<double> objective(const Arrays &inputs, const Arrays &gradients, int64_t tokens, Report &report) {
    std::optional<Arrays> results = evaluate(*forward, inputs, tokens, report);
    if (!results)
      return std::nullopt;
    double sum = 0;
    for (Operation &op : gate(*forward).getBody().front()) {
      if (!isa<LossOp, OutputOp>(op))
        continue;
      std::string name = op.getAttrOfType<StringAttr>("name").str();
      auto weights = gradients.find((isa<LossOp>(op) ? "scale_" : "grad_") + name);
      if (weights == gradients.end())
        continue;
      const Array &result = (*results)[name];
      for (int64_t i = 0; i < result.count(); ++i)
        sum += weights->second.data[i] * result.data[i];
    }
    return sum;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> forward, backward;
};

/// What the gradient and what differences say about the change of the objective between two points.
struct Change {
  double derived = 0, size = 0, measured = 0;
};

} // namespace

/// The change from `inputs - step * along` to `inputs + step * along`, as f32 can hold these.
static std::optional<Change> changeAlong(Derivative &gate, const Arrays &inputs, const Arrays &along, const Arrays &all,
                                         const Arrays &gradients, double step, int64_t tokens, Report &report) {
  Arrays plus = inputs, minus = inputs;
  Change change;
  for (auto &[name, array] : along)
    for (int64_t i = 0; i < array.count(); ++i) {
      double at = array.data[i] * step, value = inputs.at(name).data[i];
      plus[name].data[i] = static_cast<float>(value + at);
      minus[name].data[i] = static_cast<float>(value - at);
      auto gradient = gradients.find("grad_" + name); // none: nothing depends on it
      double term =
          gradient == gradients.end() ? 0 : gradient->second.data[i] * (plus[name].data[i] - minus[name].data[i]);
      change.derived += term;
      change.size += std::fabs(term);
    }
  auto above = gate.objective(plus, all, tokens, report), below = gate.objective(minus, all, tokens, report);
  if (!above || !below)
    return std::nullopt;
  change.measured = *above - *below;
  return change;
}

/// Random directions: in all float inputs, then in a few elements of one.
static Arrays direction(const Arrays &inputs, Rng &rng, bool dense) {
  Arrays along;
  for (auto &[name, array] : inputs)
    if (array.kind == reference::ElementKind::Float && array.count() > 0)
      along[name] = array;
  size_t only = along.empty() ? 0 : rng.below(along.size()), index = 0;
  for (auto &[name, array] : along) {
    bool chosen = dense || index++ == only;
    for (double &value : array.data)
      value = chosen && (dense || rng.chance(20)) ? rng.normal() : 0;
  }
  return along;
}

/// What is written for a piece without tokens has no gradient, by definition: outputs of pieces that may be empty get
/// no weight in the objective.
static void leaveOutPieces(GateOp gate, Arrays &weights) {
  SmallVector<AxisOp> pieces = pieceAxes(gate);
  if (!maskOf(gate) && llvm::none_of(pieces, [](AxisOp axis) { return axis.getOffsets().has_value(); }))
    return;
  for (auto &[name, array] : weights)
    if (StringRef(name).starts_with("grad_") &&
        llvm::any_of(pieces, [&](AxisOp axis) { return llvm::is_contained(array.axes, axis.getSymName().str()); }))
      llvm::fill(array.data, 0);
}

static void checkGradientCase(Derivative &gate, Case data, Report &report) {
  Arrays inputs, all;
  data.tokens = extentsOf(Derivative::gate(*gate.forward), data).tokens;
  gate.addInputs(*gate.forward, inputs, data);
  all = inputs;
  Case ordinary = data;
  ordinary.kind = Kind::Ordinary;
  gate.addInputs(*gate.backward, all, ordinary);
  leaveOutPieces(Derivative::gate(*gate.forward), all);
  Rng rng(data.seed);
  for (auto param : Derivative::gate(*gate.backward).getBody().getOps<ParamOp>())
    if (param.getName().starts_with("scale_"))
      all[param.getName().str()].data = {static_cast<float>(rng.normal())};
  std::optional<Arrays> gradients = gate.evaluate(*gate.backward, all, data.tokens, report);
  for (int d = 0; gradients && d < 3; ++d) {
    Arrays along = direction(inputs, rng, d == 0);
    auto change = changeAlong(gate, inputs, along, all, *gradients, 1e-3, data.tokens, report);
    auto half = changeAlong(gate, inputs, along, all, *gradients, 2.5e-4, data.tokens, report);
    if (!change || !half)
      return;
    ++report.directions;
    auto fits = [](const Change &c) { return std::fabs(c.derived - c.measured) <= 2e-3 * c.size + 1e-9; };
    if (fits(*change) || fits(*half))
      continue;
    // A kink, a jump or a strong curve: the two differences do not agree with each other either.
    double apart = std::fabs(change->measured - 4 * half->measured);
    if (!(apart <= 3e-3 * std::fabs(change->measured) + 3e-4 * change->size)) {
      ++report.kinks;
      continue;
    }
    std::ostringstream text;
    text << data.text() << ", direction " << d << ": the gradient says " << change->derived << ", differences "
         << change->measured << " (terms " << change->size << "); at a quarter of the step " << half->derived << " and "
         << half->measured;
    report.add("gradient differs from differences", text.str());
    return;
  }
}

void checkGradient(const Subject &subject, Report &report) {
  std::string diagnostics;
  llvm::raw_string_ostream stream(diagnostics);
  Derivative gate(subject.text, stream);
  if (!gate.forward)
    return report.add("does not compile", diagnostics);
  if (!gate.backward)
    return report.add("has no gradient", diagnostics);
  for (const Case &data : subject.cases)
    if (data.tokens > 0 && data.tokens <= 40 && data.kind == Kind::Ordinary)
      checkGradientCase(gate, data, report);
}

} // namespace moe::test::random
