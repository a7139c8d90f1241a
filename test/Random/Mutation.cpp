// Mutants and the guard around them: see Mutation.h.
#include "test/Random/Mutation.h"
#include "compiler/API/Compiler.h"
#include "compiler/InitAll.h"
#include "compiler/Transforms/Differentiate.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
namespace moe::test::random {

//===-- Sources
//---------------------------------------------------------------------------------------------------------===//

std::vector<Source> readSources(const std::string &folder) {
  std::vector<std::string> paths;
  for (auto &entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".moe" || entry.path().extension() == ".mlir")
      paths.push_back(entry.path().string());
  llvm::sort(paths);
  std::vector<Source> sources;
  for (const std::string &path : paths) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    SmallVector<StringRef> parts;
    std::string whole = text.str();
    StringRef(whole).split(parts, "// -----");
    for (StringRef part : parts)
      if (!part.trim().empty())
        sources.push_back({path, part.str(), StringRef(path).ends_with(".mlir")});
  }
  return sources;
}

//===-- Mutants
//---------------------------------------------------------------------------------------------------------===//

/// Words, numbers, strings, comments, space, and single characters.
static std::vector<std::string> split(StringRef text) {
  std::vector<std::string> tokens;
  auto takeWhile = [&](auto holds) {
    size_t n = 1;
    while (n < text.size() && holds(text[n]))
      ++n;
    return n;
  };
  while (!text.empty()) {
    char first = text.front();
    size_t n = 1;
    if (llvm::isAlpha(first) || first == '_' || first == '%' || first == '@' || first == '#' || first == '!')
      n = takeWhile([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$'; });
    else if (llvm::isDigit(first))
      n = takeWhile([](char c) { return llvm::isAlnum(c) || c == '.'; });
    else if (llvm::isSpace(first))
      n = takeWhile([](char c) { return llvm::isSpace(c); });
    else if (first == '"')
      n = std::min(text.size(), takeWhile([](char c) { return c != '"' && c != '\n'; }) + 1);
    else if (text.starts_with("->") || text.starts_with("**"))
      n = 2;
    tokens.push_back(text.take_front(n).str());
    text = text.drop_front(n);
  }
  return tokens;
}

static const char *const numbers[] = {"0",
                                      "1",
                                      "2",
                                      "3",
                                      "7",
                                      "-1",
                                      "64",
                                      "1000",
                                      "1048576",
                                      "1048577",
                                      "2147483648",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "1e308",
                                      "1e-320",
                                      "0.5",
                                      "inf",
                                      "nan",
                                      "0x7F800000",
                                      "?"};
static const char *const types[] = {"f32",   "f64",         "bf16",          "f16",           "i1",
                                    "i8",    "i32",         "i64",           "index",         "bool",
                                    "float", "tensor<f32>", "tensor<*xf32>", "vector<4xf32>", "none"};

static bool isType(StringRef token) {
  return llvm::any_of(types, [&](const char *type) { return token == type; });
}

/// Which token is replaced by what.
static void changeToken(std::vector<std::string> &tokens, const std::vector<std::string> &others, Rng &rng) {
  size_t i = rng.below(tokens.size()), j = rng.below(tokens.size());
  for (int attempt = 0; attempt < 8 && llvm::isSpace(tokens[i].empty() ? ' ' : tokens[i][0]); ++attempt)
    i = rng.below(tokens.size());
  bool special = rng.chance(70);
  if (special && !tokens[i].empty() && llvm::isDigit(tokens[i][0]))
    tokens[i] = rng.pick(numbers);
  else if (special && isType(tokens[i]))
    tokens[i] = rng.pick(types);
  else
    switch (rng.below(6)) {
    case 0:
      tokens[i].clear();
      break;
    case 1:
      tokens[i] += (rng.chance(50) ? " " : "") + std::string(tokens[i]);
      break;
    case 2:
      std::swap(tokens[i], tokens[j]);
      break;
    case 3:
      tokens[i] = rng.pick(others);
      break;
    default:
      tokens[i] = tokens[j];
    }
}

static void changeLines(std::string &text, Rng &rng) {
  SmallVector<StringRef> parts;
  StringRef(text).split(parts, '\n');
  std::vector<std::string> lines(parts.begin(), parts.end());
  size_t from = rng.below(lines.size()), to = rng.below(lines.size());
  std::string line = lines[from];
  if (rng.chance(60))
    lines.erase(lines.begin() + from);
  if (rng.chance(70))
    lines.insert(lines.begin() + std::min(to, lines.size()), line);
  text = llvm::join(lines, "\n");
}

std::string mutate(const Source &source, const std::vector<Source> &all, Rng &rng) {
  std::vector<std::string> tokens = split(source.text), others = split(all[rng.below(all.size())].text);
  static const int counts[] = {1, 1, 1, 2, 4};
  for (int n = rng.pick(counts); n > 0; --n)
    changeToken(tokens, others.empty() ? tokens : others, rng);
  if (rng.chance(3))
    tokens.resize(rng.below(tokens.size() + 1));
  std::string text = llvm::join(tokens, "");
  if (rng.chance(20))
    changeLines(text, rng);
  return text;
}

//===-- The compiler
//----------------------------------------------------------------------------------------------------===//

namespace {

/// One run of the compiler, with its errors counted.
class Attempt {
public:
  Attempt(MLIRContext &context, const std::string &text)
      : context(context), handler(&context, [this](Diagnostic &diagnostic) {
          errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
        }) {
    sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, "mutant"), llvm::SMLoc());
  }

  /// The name of a step that failed without an error, or "".
  std::string run(bool isMlir, bool &compiled) {
    OwningOpRef<ModuleOp> module =
        isMlir ? parseSourceFile<ModuleOp>(sources, &context) : importGate(sources, &context, {});
    if (!module)
      return silent("reading");
    if (!isMlir && errors > 0)
      return "the frontend reports an error and goes on";
    if (failed(verify(*module)))
      return isMlir ? silent("verifying") : "the frontend makes a module that does not verify";
    OwningOpRef<ModuleOp> backward = module->clone();
    for (GateOp gate : llvm::make_early_inc_range(backward->getOps<GateOp>())) {
      bool ok = succeeded(differentiate(gate));
      if (ok ? failed(verify(gate)) : errors == 0)
        return ok ? "the derived gradient does not verify" : silent("deriving the gradient");
    }
    errors = 0;
    if (failed(lowerToKernel(*module)))
      return silent("lowering");
    if (failed(verify(*module)))
      return "the lowered module does not verify";
    return emit(*module, compiled);
  }

private:
  std::string emit(ModuleOp module, bool &compiled) {
    if (module.getOps<kernel::ProgramOp>().empty())
      return "";
    llvm::Expected<llvm::StringMap<CudaCode>> cuda = emitCudaOfAll(module);
    if (!cuda) {
      llvm::consumeError(cuda.takeError());
      if (errors == 0)
        return "emitting CUDA fails without a diagnostic";
    }
    errors = 0;
    CpuOptions options;
    options.isas = {nativeIsas().front()};
    options.optimise = false;
    llvm::Expected<GateModule> code = compileGates(module, options, {});
    if (code) {
      compiled = true;
      return "";
    }
    std::string text = llvm::toString(code.takeError());
    return text.empty() ? silent("emitting LLVM IR") : "";
  }

  std::string silent(const char *step) { return errors > 0 ? "" : std::string(step) + " fails without a diagnostic"; }

  MLIRContext &context;
  llvm::SourceMgr sources;
  unsigned errors = 0;
  ScopedDiagnosticHandler handler;
};

} // namespace

std::string exercise(const std::string &text, bool isMlir, bool &compiled) {
  static thread_local std::unique_ptr<MLIRContext> context;
  static thread_local unsigned age = 0;
  if (!context || ++age % 200 == 0) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  compiled = false;
  return Attempt(*context, text).run(isMlir, compiled);
}

//===-- Child processes
//-------------------------------------------------------------------------------------------------===//

namespace {

/// What a child and its parent both see.
struct Progress {
  int64_t done, compiled;
  char complaint[1 << 16];
};

} // namespace

/// Runs mutants from `progress.done` on; stops at the first complaint.
static void runChild(const std::vector<std::string> &mutants, const std::vector<bool> &isMlir, Progress &progress,
                     unsigned seconds) {
  while (progress.done < static_cast<int64_t>(mutants.size())) {
    alarm(seconds);
    bool compiled = false;
    std::string complaint = exercise(mutants[progress.done], isMlir[progress.done], compiled);
    if (!complaint.empty()) {
      std::snprintf(progress.complaint, sizeof progress.complaint, "%s", complaint.c_str());
      _exit(0);
    }
    progress.compiled += compiled;
    ++progress.done;
  }
  _exit(0);
}

static std::string waitFor(pid_t child, unsigned seconds) {
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return "";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return "takes more than " + std::to_string(seconds) + " seconds";
  return WIFSIGNALED(status) ? std::string("crashes: ") + strsignal(WTERMSIG(status)) : "exits by itself";
}

MutationReport runMutants(const std::vector<Source> &sources, int64_t count, uint64_t seed, unsigned seconds) {
  constexpr int64_t kBatch = 500;
  MutationReport report;
  Rng rng(seed);
  void *shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    report.complaints.push_back("no shared memory");
    return report;
  }
  Progress &progress = *static_cast<Progress *>(shared);
  while (report.mutants < count) {
    std::vector<std::string> mutants;
    std::vector<bool> isMlir;
    for (int64_t i = std::min(kBatch, count - report.mutants); i > 0; --i) {
      const Source &source = sources[rng.below(sources.size())];
      mutants.push_back(mutate(source, sources, rng));
      isMlir.push_back(source.isMlir);
    }
    std::memset(shared, 0, sizeof(Progress));
    while (progress.done < static_cast<int64_t>(mutants.size())) {
      progress.complaint[0] = 0;
      pid_t child = fork();
      if (child == 0)
        runChild(mutants, isMlir, progress, seconds);
      std::string complaint = waitFor(child, seconds);
      complaint += progress.complaint;
      if (complaint.empty())
        continue;
      report.complaints.push_back(complaint + "\non:\n" + mutants[progress.done]);
      ++progress.done; // the rest of the batch goes on behind it
    }
    report.mutants += static_cast<int64_t>(mutants.size());
    report.compiled += progress.compiled;
  }
  report.refused = report.mutants - report.compiled - static_cast<int64_t>(report.complaints.size());
  munmap(shared, sizeof(Progress));
  return report;
}

} // namespace moe::test::random
