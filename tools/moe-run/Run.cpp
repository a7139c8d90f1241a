// One run of a gate, from the spec's file to the chart.
#include "tools/moe-run/Run.h"
#include "compiler/API/Compiler.h"
#include "dialects/Moe/IR/Moe.h"
#include "fmt/format.h"
#include "mlir/Parser/Parser.h"
#include "moe/runtime.hpp"
#include "tools/moe-run/Report.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <chrono>
#include <new>

namespace moe::run {
namespace {

// The first output that is a selection, and the axis it selects from. The descriptor only knows it as i32 indices.
struct SelectionOutput {
  std::string output, axis;
};

std::optional<SelectionOutput> firstSelection(const RunOptions &options) {
  auto file = llvm::MemoryBuffer::getFile(options.spec);
  if (!file)
    return std::nullopt;
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
  mlir::DialectRegistry registry;
  registerCompilerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  // The compiler has already shown what it had to say about this file.
  mlir::ScopedDiagnosticHandler silent(&context, [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      llvm::StringRef(options.spec).ends_with(".mlir")
          ? mlir::parseSourceFile<mlir::ModuleOp>(sources, mlir::ParserConfig(&context))
          : importGate(sources, &context, options.frontend);
  std::optional<SelectionOutput> found;
  if (module)
    module->walk([&](OutputOp output) {
      auto selection = llvm::dyn_cast<SelectionType>(output.getValue().getType());
      if (selection && !found)
        found = {output.getName().str(), selection.getAxis().str()};
    });
  return found;
}

// Binds what the caller binds. (A backward call finds by itself what is its forward call's.)
template <typename Call> void bindAll(Call &call, CallArrays &arrays) {
  for (CallArray &array : arrays.arrays) {
    const moe_array &description = *array.description;
    if (description.role == MOE_COEFFICIENT || description.role == MOE_SAVED || array.source == fromForward)
      continue;
    bool in = description.role == MOE_INPUT || description.role == MOE_PARAM || description.role == MOE_STATE;
    call.bind(description.name, in, array.storage.data.data(), static_cast<moe_dtype>(description.dtype),
              array.storage.sizes.data(), array.storage.sizes.size());
  }
}

// Calls for about half a second, at least 10 and at most 10000, after the one that warmed up.
template <typename Run> void printTime(llvm::raw_ostream &out, const char *what, int64_t tokens, Run &&runOnce) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> milliseconds;
  Clock::time_point start = Clock::now();
  while (milliseconds.size() < 10 ||
         (milliseconds.size() < 10000 && Clock::now() - start < std::chrono::milliseconds(500))) {
    Clock::time_point before = Clock::now();
    runOnce();
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  double median = milliseconds[milliseconds.size() / 2];
  out << fmt::format("  time    {} {:.4f} ms (median of {}; least {:.4f}, greatest {:.4f}), {:.1f} M tokens/s\n", what,
                     median, milliseconds.size(), milliseconds.front(), milliseconds.back(),
                     static_cast<double>(tokens) / median / 1e3);
}

std::string deviceText(const RunOptions &options) {
  if (options.device == MOE_EMULATOR)
    return fmt::format("the emulator ({}, {})",
                       options.blocks ? fmt::format("{} blocks", options.blocks) : "whole grid",
                       options.schedule ? fmt::format("schedule {}", options.schedule) : "threads in order");
  return fmt::format("cpu ({}, {})", options.isa.empty() ? runnableIsas().front() : options.isa,
                     options.threads == 0   ? "all threads"
                     : options.threads == 1 ? "1 thread"
                                            : fmt::format("{} threads", options.threads));
}

// " in each of 4 layers", " in 64 pieces in 8 pieces"
std::string divisionText(const moe_gate &gate, const CallArrays &arrays) {
  std::string text = gate.layers ? fmt::format(" in each of {} layers", gate.layers) : "";
  size_t level = 0;
  for (uint32_t i = 0; i < gate.axis_count && level < arrays.pieces.size(); ++i) {
    const moe_axis &axis = gate.axes[i];
    if (axis.length || axis.offsets || axis.count)
      if (int64_t count = arrays.pieces[level++]; count && !(gate.layers && axis.count)) // those are the layers
        text += fmt::format(" in {} pieces", count);
  }
  return text;
}

rt::Executable prepare(const moe_gate &gate, const RunOptions &options) {
  if (options.device == MOE_CUDA)
    return rt::Executable::cuda(gate);
  if (options.device == MOE_EMULATOR)
    return rt::Executable::emulator(gate, options.blocks, options.schedule);
  return rt::Executable::cpu(gate, options.threads, options.isa.empty() ? nullptr : options.isa.c_str());
}

llvm::Error saveAll(const RunOptions &options, const CallArrays &arrays, const CallArrays *gradients,
                    llvm::raw_ostream &out) {
  auto saved = [&](llvm::Expected<unsigned> count, const std::string &directory, const char *what) -> llvm::Error {
    if (!count)
      return count.takeError();
    out << fmt::format("  saved   {} {} to {}\n", *count, what, directory);
    return llvm::Error::success();
  };
  if (!options.saveInputsDirectory.empty())
    if (llvm::Error error =
            saved(saveInputs(arrays, options.saveInputsDirectory), options.saveInputsDirectory, "inputs"))
      return error;
  if (options.saveDirectory.empty())
    return llvm::Error::success();
  if (llvm::Error error = saved(saveResults(arrays, options.saveDirectory), options.saveDirectory, "results"))
    return error;
  return gradients ? saved(saveResults(*gradients, options.saveDirectory), options.saveDirectory, "gradients")
                   : llvm::Error::success();
}

// The backward of the call that has just run.
void runBackward(const RunOptions &options, const rt::Executable &executable, const rt::Call &call,
                 CallArrays &gradients, llvm::raw_ostream &out) {
  rt::Backward backward(call);
  bindAll(backward, gradients);
  backward.run(gradients.tokens);
  out << fmt::format("{}:\n", executable.gate().backward->name);
  printGradients(out, gradients);
  if (options.traffic)
    printTraffic(out, executable.traffic());
  if (options.time)
    printTime(out, "backward", gradients.tokens, [&] { backward.run(gradients.tokens); });
}

// The arrays of the backward call; none where none was asked for.
llvm::Expected<std::optional<CallArrays>> makeGradients(const moe_gate &gate, const RunOptions &options,
                                                        const CallArrays &forward) {
  if (!options.backward)
    return std::nullopt;
  if (!gate.backward)
    return llvm::createStringError(fmt::format(
        "--backward: gate '{}' has no backward program: it has no loss and no float output, or no float input",
        gate.name));
  llvm::Expected<CallArrays> gradients = makeBackwardArrays(gate, forward, options.gradients);
  if (!gradients)
    return gradients.takeError();
  return std::move(*gradients);
}

// One forward call, or several with a step after each.
void runForward(const RunOptions &options, rt::Call &call, CallArrays &arrays) {
  bindAll(call, arrays);
  call.random(options.inputs.seeded.seed, options.offset, options.firstToken);
  call.forward(arrays.tokens);
  std::optional<rt::Step> step;
  for (unsigned i = 0; i < options.steps; ++i) {
    if (i > 0) {
      SeededOptions next = options.inputs.seeded;
      next.seed += i;
      reseed(arrays, next);
      bindAll(call, arrays);
      call.random(options.inputs.seeded.seed, options.offset + i, options.firstToken);
      call.forward(arrays.tokens);
    }
    if (!step)
      step.emplace(call);
    step->run();
  }
}

llvm::Error runGate(const moe_gate &gate, const RunOptions &options, llvm::raw_ostream &out) {
  llvm::Expected<CallArrays> arrays = makeCallArrays(gate, options.inputs);
  if (!arrays)
    return arrays.takeError();
  llvm::Expected<std::optional<CallArrays>> gradients = makeGradients(gate, options, *arrays);
  if (!gradients)
    return gradients.takeError();
  rt::Executable executable = prepare(gate, options);
  if (options.device == MOE_CUDA)
    return llvm::createStringError(
        "this machine has a CUDA device, but moe-run binds host memory only: use --device=cpu");
  rt::Call call(executable, arrays->tokens, arrays->piecesByOffsets);
  if (options.backward)
    call.keep(arrays->tokens, arrays->piecesByOffsets);
  runForward(options, call, *arrays);
  out << fmt::format(
      "{}: {} tokens{} on {}{}\n", gate.name, arrays->tokens, divisionText(gate, *arrays), deviceText(options),
      options.steps ? fmt::format(", after {} step{}", options.steps, options.steps == 1 ? "" : "s") : "");
  printTable(out, *arrays);
  if (options.traffic)
    printTraffic(out, executable.traffic());
  if (options.time)
    printTime(out, "forward", arrays->tokens, [&] { call.forward(arrays->tokens); });
  CallArrays *given = *gradients ? &**gradients : nullptr;
  if (given)
    runBackward(options, executable, call, *given, out);
  if (llvm::Error error = saveAll(options, *arrays, given, out))
    return error;
  if (!options.chart)
    return llvm::Error::success();
  if (std::optional<SelectionOutput> selection = firstSelection(options))
    for (const CallArray &array : arrays->arrays)
      if (array.description->role == MOE_OUTPUT && selection->output == array.description->name)
        printLoad(out, gate, array, selection->axis, options.style);
  return llvm::Error::success();
}

} // namespace

/// What options say that do not go together; empty when they do.
static std::string conflict(const RunOptions &options) {
  if ((!options.frontend.defines.empty() || !options.frontend.dtypes.empty()) &&
      llvm::StringRef(options.spec).ends_with(".mlir"))
    return "-D and --dtype apply to a gate spec (.moe), and '" + options.spec + "' is MLIR";
  if (!options.backward && !(options.gradients.files.empty() && options.gradients.params.empty()))
    return std::string(options.gradients.files.empty() ? "--scale" : "--grad") +
           " is about the backward call: add --backward";
  if (options.backward && options.steps)
    return "--steps and --backward do not go together: a step changes the states that backward reads; save them, and "
           "run the backward with --state";
  bool emulated = options.device == MOE_EMULATOR;
  const char *onlyEmulated = options.blocks ? "--blocks" : options.schedule ? "--schedule" : "--traffic";
  if (!emulated && (options.blocks || options.schedule || options.traffic))
    return std::string(onlyEmulated) + " is about the emulator: add --device=emulator";
  if (emulated && options.time)
    return "--time and --device=emulator do not go together: how long the emulator takes says nothing about a GPU";
  return "";
}

bool run(const RunOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err) {
  auto failed = [&](llvm::StringRef text) {
    llvm::SmallVector<llvm::StringRef> lines;
    text.split(lines, '\n', -1, false);
    for (llvm::StringRef line : lines)
      err << "moe-run: error: " << line << '\n';
    return false;
  };
  try {
    if (std::string text = conflict(options); !text.empty())
      return failed(text);
    CompileOptions compile;
    compile.cuda = options.device != MOE_CPU;
    compile.forwardOnly = !options.backward;
    if (!options.isa.empty())
      compile.cpu.isas = {options.isa};
    auto gate = CompiledGate::fromSpecFile(options.spec, options.frontend, compile, err);
    if (!gate)
      return failed(llvm::toString(gate.takeError()));
    if (llvm::Error error = runGate(*(*gate)->gate(), options, out))
      return failed(llvm::toString(std::move(error)));
    return true;
  } catch (const rt::Error &error) {
    return failed(error.what());
  } catch (const std::bad_alloc &) {
    return failed("not enough memory for the arrays of this call: use fewer tokens (-T)");
  }
}

} // namespace moe::run
