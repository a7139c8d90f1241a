// Brings a gate to the stage that --emit names, and writes it.
#include "tools/moe-opt/Stage.h"
#include "compiler/API/Compiler.h"
#include "dialects/Moe/IR/Moe.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace moe;

static const char *const stages[] = {"moe", "kernel", "cuda", "ptx", "cubin", "llvm", "asm", "obj", "so", "header"};

LogicalResult moe::checkStage(StringRef stage) {
  if (llvm::is_contained(stages, stage))
    return success();
  llvm::WithColor::error() << "--emit=" << stage << " is not a stage; expected one of: ";
  llvm::interleaveComma(stages, llvm::errs());
  llvm::errs() << "\n";
  return failure();
}

static void print(ModuleOp module, raw_ostream &output) {
  module.print(output);
  output << "\n";
}

/// The moe stage: simplified, nothing expanded yet. Running it on its own output changes nothing.
static LogicalResult simplify(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  return pm.run(module);
}

LogicalResult moe::emitStage(ModuleOp module, const DriverOptions &options, raw_ostream &output) {
  StringRef stage = options.stage;
  if (stage.empty()) {
    print(module, output);
    return success();
  }
  if (stage == "moe") {
    if (module.getOps<GateOp>().empty() && !module.getOps<kernel::ProgramOp>().empty())
      return module.emitError("--emit=moe: the input is past that stage already (it holds a moe_kernel.program)");
    if (failed(simplify(module)))
      return failure();
    print(module, output);
    return success();
  }
  if (failed(lowerToKernel(module, options.forwardOnly)))
    return failure();
  if (module.getOps<kernel::ProgramOp>().empty())
    return module.emitError("--emit=") << stage << ": the input holds neither a moe.gate nor a moe_kernel.program";
  if (stage == "kernel") {
    print(module, output);
    return success();
  }
  return emitTarget(module, options, output);
}
