// Targets against the interpreter: see Check.h.
#include "test/Random/Check.h"
#include "compiler/InitAll.h"
#include "compiler/Transforms/Differentiate.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "moe/runtime.hpp"
#include "test/Support/Gate.h"
#include "llvm/Support/SourceMgr.h"
#include <csignal>
#include <cstring>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
namespace moe::test::random {

using reference::Array;
using reference::Arrays;

//===-- Compiled code
//---------------------------------------------------------------------------------------------------===//

/// Buffers for all arrays, inputs filled.
static std::vector<Buffer> makeArrays(const Gate &gate, const Case &data) {
  std::vector<Buffer> arrays;
  for (uint32_t i = 0; i < gate.descriptor().array_count; ++i) {
    Buffer buffer = gate.makeBuffer(i, data.tokens);
    if (gate.descriptor().arrays[i].role == MOE_INPUT) {
      Storage storage = buffer.dtype == MOE_BOOL  ? Storage::Boolean
                        : buffer.dtype == MOE_I32 ? Storage::Integer
                                                  : Storage::Float;
      std::vector<double> values =
          makeData(data, i, storage, buffer.count(), buffer.sizes.empty() ? 1 : buffer.sizes.back());
      for (int64_t e = 0; e < buffer.count(); ++e)
        buffer.set(e, values[e]);
    }
    arrays.push_back(std::move(buffer));
  }
  return arrays;
}

/// The first array in which two runs differ, other than in the bits of a NaN; "" when there is none.
static std::string firstDifference(const Gate &gate, const std::vector<Buffer> &a, const std::vector<Buffer> &b) {
  for (uint32_t i = 0; i < gate.descriptor().array_count; ++i) {
    if (a[i].bytes == b[i].bytes || gate.descriptor().arrays[i].role == MOE_COEFFICIENT)
      continue;
    for (int64_t e = 0; e < a[i].count(); ++e) {
      size_t size = moe_dtype_bytes(a[i].dtype);
      bool same = std::memcmp(a[i].bytes.data() + e * size, b[i].bytes.data() + e * size, size) == 0;
      if (!same && !(std::isnan(a[i].get(e)) && std::isnan(b[i].get(e)))) {
        std::ostringstream text;
        text.precision(10);
        text << "'" << gate.descriptor().arrays[i].name << "' at " << e << ": " << a[i].get(e) << " and "
             << b[i].get(e);
        return text.str();
      }
    }
  }
  return "";
}

static void checkCpuCase(const Gate &gate, const Case &data, Report &report) {
  std::vector<Buffer> arrays = makeArrays(gate, data);
  llvm::Expected<Arrays> expected = gate.evaluate(arrays, data.tokens);
  if (!expected)
    return report.add("interpreter refuses", llvm::toString(expected.takeError()));
  std::vector<Buffer> first;
  std::string firstName;
  for (const std::string &isa : runnableIsas())
    for (uint32_t threads : {1, 2, 7}) {
      std::string name = isa + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
      gate.run(arrays, data.tokens, threads, isa);
      ++report.runs;
      if (first.empty()) {
        first = arrays;
        firstName = name;
        for (const std::string &text : disagreements(gate, arrays, *expected, 1e-5))
          report.add("cpu differs from the interpreter", data.text() + ", " + name + ": " + text);
      } else if (std::string text = firstDifference(gate, first, arrays); !text.empty()) {
        report.add("cpu variants have different bits", data.text() + ", " + firstName + " and " + name + ": " + text);
      }
    }
}

static void checkCpu(const Subject &subject, Report &report) {
  std::string diagnostics;
  llvm::raw_string_ostream stream(diagnostics);
  std::unique_ptr<Gate> gate =
      Gate::compile(llvm::MemoryBuffer::getMemBufferCopy(subject.text, "gate.moe"), {}, stream);
  if (!gate)
    return report.add("does not compile", diagnostics);
  try {
    for (const Case &data : subject.cases)
      checkCpuCase(*gate, data, report);
  } catch (const rt::Error &error) {
    report.add("the runtime refuses", error.what());
  }
}

//===-- Derivatives
//-----------------------------------------------------------------------------------------------------===//

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
    if (failed(differentiate(gate(*backward))) || failed(verify(*backward)))
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
    for (auto input : gate(module).getBody().getOps<InputOp>()) {
      if (given.count(input.getName().str()))
        continue;
      Array &array = given[input.getName().str()];
      auto type = cast<RankedTensorType>(input.getType());
      for (auto [axis, size] : llvm::zip_equal(axesOf(type), type.getShape())) {
        array.axes.push_back(axis.str());
        array.sizes.push_back(ShapedType::isDynamic(size) ? data.tokens : size);
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
      double term = gradients.at("grad_" + name).data[i] * (plus[name].data[i] - minus[name].data[i]);
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

static void checkGradientCase(Derivative &gate, const Case &data, Report &report) {
  Arrays inputs, all;
  gate.addInputs(*gate.forward, inputs, data);
  all = inputs;
  Case ordinary = data;
  ordinary.kind = Kind::Ordinary;
  gate.addInputs(*gate.backward, all, ordinary);
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
    if (!(std::fabs(change->measured - 4 * half->measured) <= 1e-2 * (std::fabs(change->measured) + change->size))) {
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

static void checkGradient(const Subject &subject, Report &report) {
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

//===-- Targets
//---------------------------------------------------------------------------------------------------------===//

namespace {
struct Target {
  const char *name;
  void (*check)(const Subject &, Report &);
};
constexpr Target targets[] = {{"cpu", checkCpu}, {"gradient", checkGradient}};
} // namespace

std::vector<std::string> targetNames() {
  std::vector<std::string> names;
  for (const Target &target : targets)
    names.push_back(target.name);
  return names;
}

Report check(const Subject &subject, const CheckOptions &options) {
  Report report;
  for (const Target &target : targets)
    if (llvm::is_contained(options.targets, target.name))
      target.check(subject, report);
  return report;
}

//===-- Child processes
//-------------------------------------------------------------------------------------------------===//

void Report::merge(const Report &other) {
  findings.insert(findings.end(), other.findings.begin(), other.findings.end());
  runs += other.runs;
  directions += other.directions;
  kinks += other.kinks;
}

static constexpr char kField = '\1', kRecord = '\2';

std::string Report::serialise() const {
  std::string text = std::to_string(runs) + " " + std::to_string(directions) + " " + std::to_string(kinks) + kRecord;
  for (const Finding &finding : findings)
    text += finding.what + kField + finding.text + kRecord;
  return text;
}

Report Report::deserialise(const std::string &text) {
  Report report;
  std::istringstream records(text);
  std::string record;
  std::getline(records, record, kRecord);
  std::istringstream(record) >> report.runs >> report.directions >> report.kinks;
  while (std::getline(records, record, kRecord))
    if (size_t field = record.find(kField); field != std::string::npos)
      report.add(record.substr(0, field), record.substr(field + 1));
  return report;
}

/// Everything that the other end writes.
static std::string readAll(int file) {
  std::string text;
  char block[4096];
  for (ssize_t n; (n = read(file, block, sizeof block)) > 0;)
    text.append(block, n);
  return text;
}

Report checkIsolated(const Subject &subject, const CheckOptions &options, unsigned seconds) {
  int ends[2];
  Report report;
  if (pipe(ends) != 0) {
    report.add("no child process", "pipe failed");
    return report;
  }
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(seconds);
    std::string text = check(subject, options).serialise();
    for (size_t written = 0; written < text.size();) {
      ssize_t n = write(ends[1], text.data() + written, text.size() - written);
      if (n <= 0)
        break;
      written += n;
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text = readAll(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return Report::deserialise(text);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    report.add("hangs", "no answer after " + std::to_string(seconds) + " seconds");
  else
    report.add("crashes", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ends with a status");
  return report;
}

//===-- Regression files
//------------------------------------------------------------------------------------------------===//

std::string writeRegression(const Subject &subject, const std::string &remark) {
  std::string text;
  std::istringstream lines(remark);
  for (std::string line; std::getline(lines, line);)
    text += "# " + line + "\n";
  for (const Case &data : subject.cases)
    text += "# data: " + data.text() + "\n";
  return text + subject.text;
}

Subject readRegression(const std::string &text) {
  Subject subject{text, {}};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("# data: ", 0) == 0)
      if (std::optional<Case> data = Case::parse(line.substr(8)))
        subject.cases.push_back(*data);
  return subject;
}

} // namespace moe::test::random
