// moe-oracle: evaluates a spec with the interpreter on .npy arrays, and saves every result in f64 or i64. It takes the
// options of moe-run that it needs under the same names, so that a script which compares moe-run with something can
// compare the interpreter as well, also where a target cannot lower the spec. The gradients are those of the derived
// backward gate.
#include "compiler/Frontend/Frontend.h"
#include "compiler/InitAll.h"
#include "compiler/Reference/Interpreter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "tools/moe-run/Npy.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include <set>

using namespace mlir;
using llvm::cl::desc;
using moe::reference::Array;
using moe::reference::Arrays;
using moe::reference::ElementKind;
using moe::run::NpyArray;
using moe::run::NpyType;
using Names = llvm::cl::list<std::string>;

static llvm::cl::opt<std::string> spec(llvm::cl::Positional, desc("SPEC"), llvm::cl::Required);
static Names inputs("input", desc("NAME=FILE.npy")), states("state", desc("NAME=FILE.npy"));
static Names params("param", desc("NAME=VALUE")), defines("D", desc("NAME=VALUE"));
static Names gradients("grad", desc("NAME=FILE.npy")), scales("scale", desc("NAME=VALUE"));
static llvm::cl::opt<bool> backward("backward", desc("Evaluate the derived backward gate as well"));
static llvm::cl::opt<std::string> passes("passes", desc("What makes the backward gate"),
                                         llvm::cl::init("moe.gate(moe-apply-mask,moe-differentiate)"));
static llvm::cl::opt<std::string> save("save", desc("DIRECTORY"), llvm::cl::Required);
static llvm::cl::opt<uint64_t> seed("seed"), offset("offset");
static llvm::cl::opt<int64_t> firstToken("first-token");

namespace {

[[noreturn]] void fail(const llvm::Twine &text) {
  llvm::errs() << "moe-oracle: error: " << text << '\n';
  exit(1);
}

template <typename T> T orFail(llvm::Expected<T> value) {
  if (!value)
    fail(llvm::toString(value.takeError()));
  return std::move(*value);
}

template <typename T> std::vector<double> widened(const NpyArray &array) {
  auto data = array.as<T>();
  return std::vector<double>(data.begin(), data.end());
}

std::vector<double> numbers(const NpyArray &array) {
  switch (array.type) {
  case NpyType::F32:
    return widened<float>(array);
  case NpyType::F64:
    return widened<double>(array);
  case NpyType::I32:
    return widened<int32_t>(array);
  case NpyType::I64:
    return widened<int64_t>(array);
  case NpyType::Bool:
  case NpyType::U8:
    return widened<uint8_t>(array);
  default:
    fail("an array of a type that is not read here");
  }
}

ElementKind kindOf(Type element) {
  return isa<FloatType>(element) ? ElementKind::Float
         : element.isInteger(1)  ? ElementKind::Boolean
                                 : ElementKind::Integer;
}

/// The file's numbers, with the axes of `type`.
Array read(const std::string &path, RankedTensorType type) {
  NpyArray file = orFail(moe::run::readNpy(path));
  Array array;
  array.kind = kindOf(type.getElementType());
  array.sizes.assign(file.sizes.begin(), file.sizes.end());
  for (StringRef axis : moe::axesOf(type))
    array.axes.push_back(axis.str());
  if (array.axes.size() != array.sizes.size())
    fail(path + " has " + llvm::Twine(array.sizes.size()) + " dimensions, expected " + llvm::Twine(array.axes.size()));
  array.data = numbers(file);
  return array;
}

std::map<std::string, std::string> pairs(const Names &texts, StringRef prefix = "") {
  std::map<std::string, std::string> result;
  for (StringRef text : texts)
    result[(prefix + text.split('=').first).str()] = text.split('=').second.str();
  return result;
}

/// The arrays of a call of `gate`: those of `files` that it reads, and the params among `values`.
Arrays arraysOf(moe::GateOp gate, const std::map<std::string, std::string> &files,
                const std::map<std::string, std::string> &values) {
  Arrays arrays;
  for (Operation &op : gate.getBody().front()) {
    auto name = op.getAttrOfType<StringAttr>("name");
    if (isa<moe::InputOp, moe::StateOp>(op)) {
      if (auto file = files.find(name.str()); file != files.end())
        arrays[name.str()] = read(file->second, cast<RankedTensorType>(op.getResult(0).getType()));
    } else if (isa<moe::ParamOp>(op)) {
      if (auto value = values.find(name.str()); value != values.end())
        arrays[name.str()].data = {std::stod(value->second)};
    }
  }
  return arrays;
}

void evaluateAndSave(moe::GateOp gate, const std::map<std::string, std::string> &files,
                     const std::map<std::string, std::string> &values, StringRef only) {
  moe::reference::EvaluationOptions options;
  options.seed = seed;
  options.offset = static_cast<uint32_t>(offset);
  options.firstToken = firstToken;
  Arrays results = orFail(moe::reference::evaluate(gate, arraysOf(gate, files, values), options));
  std::set<StringRef> declared; // the status words are the others
  for (Operation &op : gate.getBody().front())
    if (isa<moe::LossOp, moe::MetricOp, moe::OutputOp, moe::UpdateOp>(op))
      declared.insert(op.getAttrOfType<StringAttr>("name"));
  for (auto &[name, array] : results) {
    if (!StringRef(name).starts_with(only))
      continue;
    std::string file = save + "/" + (declared.count(name) ? "" : "status.") + name + ".npy";
    std::vector<int64_t> integers;
    bool isFloat = array.kind == ElementKind::Float;
    if (!isFloat)
      integers.assign(array.data.begin(), array.data.end());
    const void *data = isFloat ? static_cast<const void *>(array.data.data()) : integers.data();
    if (auto error = moe::run::writeNpy(file, isFloat ? NpyType::F64 : NpyType::I64, array.sizes, data))
      fail(llvm::toString(std::move(error)));
  }
}

/// Turns the gate into its backward gate.
void derive(ModuleOp module) {
  PassManager manager(module.getContext());
  if (failed(parsePassPipeline(passes, manager, llvm::errs())) || failed(manager.run(module)))
    fail("no backward gate");
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  moe::registerAllPasses();
  llvm::cl::ParseCommandLineOptions(argc, argv, "Evaluates a gate with the interpreter\n");
  DialectRegistry registry;
  moe::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto file = llvm::MemoryBuffer::getFile(spec);
  if (!file)
    fail("cannot read " + spec);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
  moe::FrontendOptions options;
  options.defines = pairs(defines);
  OwningOpRef<ModuleOp> module = moe::importGate(sources, &context, options);
  if (!module)
    return 1;
  auto gate = [&] { return *module->getOps<moe::GateOp>().begin(); };
  std::map<std::string, std::string> files = pairs(inputs), values = pairs(params);
  files.merge(pairs(states));
  evaluateAndSave(gate(), files, values, "");
  if (backward) {
    derive(*module);
    files.merge(pairs(gradients, "grad_"));
    values.merge(pairs(scales, "scale_"));
    evaluateAndSave(gate(), files, values, "grad_");
  }
  return 0;
}
