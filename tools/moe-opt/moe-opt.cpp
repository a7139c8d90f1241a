// moe-opt: reads a gate (.moe or .mlir), runs passes, shows or writes any stage.
#include "compiler/InitAll.h"
#include "tools/moe-opt/Driver.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;

/// Splits NAME=VALUE flags into a map; false after a message about one that has no `=`.
static bool parsePairs(const cl::list<std::string> &flags, std::map<std::string, std::string> &pairs) {
  for (llvm::StringRef flag : flags) {
    auto [name, value] = flag.split('=');
    if (name.empty() || value.empty()) {
      llvm::WithColor::error() << "-" << flags.ArgStr << " takes NAME=VALUE, not '" << flag << "'\n";
      return false;
    }
    pairs[name.str()] = value.str();
  }
  return true;
}

/// Leaves the hundreds of flags that LLVM's code generators bring along out of --help; --help-hidden has them. To be
/// called before our own and MLIR's flags exist.
static void hideFlagsOfCodeGenerators() {
  for (auto &entry : cl::getRegisteredOptions())
    if (!llvm::is_contained(entry.second->Categories, &cl::getGeneralCategory()) ||
        (entry.first != "help" && entry.first != "version"))
      entry.second->setHiddenFlag(cl::Hidden);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  hideFlagsOfCodeGenerators();
  mlir::DialectRegistry registry;
  moe::registerAllDialects(registry);
  moe::registerAllPasses();

  cl::OptionCategory category("moe-opt options");
  cl::opt<std::string> emit("emit",
                            cl::desc("Stage to write: moe, kernel, cuda, ptx, cubin, llvm, asm, obj, so or header"),
                            cl::value_desc("stage"), cl::cat(category));
  cl::opt<std::string> arch("arch", cl::desc("GPU architecture for --emit=ptx and --emit=cubin (default sm_90)"),
                            cl::value_desc("sm_XX"), cl::init("sm_90"), cl::cat(category));
  cl::opt<bool> report("resource-report",
                       cl::desc("Show registers, stack and spills of each kernel (with --emit=cubin)"),
                       cl::cat(category));
  cl::opt<bool> forwardOnly("forward-only", cl::desc("Derive no backward program (with --emit)"), cl::cat(category));
  cl::list<std::string> defines("D", cl::Prefix, cl::desc("Override a const of the spec"), cl::value_desc("NAME=VALUE"),
                                cl::cat(category));
  cl::list<std::string> dtypes("dtype", cl::desc("Storage type of a float input: f32, bf16 or f16"),
                               cl::value_desc("NAME=TYPE"), cl::cat(category));
  auto [input, output] =
      mlir::registerAndParseCLIOptions(argc, argv, "moe: a compiler for Mixture-of-Experts gates\n", registry);

  moe::DriverOptions options{input, output, emit, arch, report, forwardOnly, {}};
  if (!parsePairs(defines, options.frontend.defines) || !parsePairs(dtypes, options.frontend.dtypes))
    return 1;
  bool spec = llvm::StringRef(input).ends_with(".moe");
  if (!spec && (!options.frontend.defines.empty() || !options.frontend.dtypes.empty())) {
    llvm::WithColor::error() << "-D and --dtype apply to a gate spec (a file that ends in .moe), and '" << input
                             << "' is MLIR\n";
    return 1;
  }
  if (!spec && emit.empty())
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  return mlir::asMainReturnCode(moe::runDriver(options, registry, mlir::MlirOptMainConfig::createFromCLOptions()));
}
