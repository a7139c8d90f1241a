// The driver of moe-opt.
#include "tools/moe-opt/Driver.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/ToolUtilities.h"
#include "tools/moe-opt/Stage.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace moe;

/// Remarks as diagnostics, as `--remarks-filter` of mlir-opt shows them.
static LogicalResult enableRemarks(MLIRContext &context, const MlirOptMainConfig &config) {
  if (!config.shouldEmitRemarks())
    return success();
  // An empty filter is given all the same: a kind of remark without one is off, even if the filter for all lets it
  // pass.
  remark::RemarkCategories categories{config.getRemarksAllFilter(), config.getRemarksPassedFilter(),
                                      config.getRemarksMissedFilter(), config.getRemarksAnalyseFilter(),
                                      config.getRemarksFailedFilter()};
  return remark::enableOptimizationRemarks(context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                           categories,
                                           /*printAsEmitRemarks=*/true);
}

/// One gate from text to the stage that was asked for.
static LogicalResult process(const DriverOptions &options, llvm::SourceMgr &sources, MLIRContext &context,
                             const MlirOptMainConfig &config, raw_ostream &output) {
  if (failed(enableRemarks(context, config)))
    return failure();
  bool spec = StringRef(options.input).ends_with(".moe");
  OwningOpRef<ModuleOp> module = spec ? importGate(sources, &context, options.frontend)
                                      : parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return failure();
  PassManager pm(&context);
  if (failed(config.setupPassPipeline(pm)) || failed(pm.run(*module)))
    return failure();
  return emitStage(*module, options, output);
}

LogicalResult moe::runDriver(const DriverOptions &options, DialectRegistry &registry, const MlirOptMainConfig &config) {
  std::string message;
  auto file = openInputFile(options.input, &message);
  if (!file) {
    llvm::WithColor::error() << message << "\n";
    return failure();
  }
  if (!options.stage.empty() && failed(checkStage(options.stage)))
    return failure();
  if (options.input != "-" && options.output != "-" && llvm::sys::fs::equivalent(options.input, options.output)) {
    llvm::WithColor::error() << "-o " << options.output << " is the input; choose another file\n";
    return failure();
  }
  auto output = openOutputFile(options.output, &message);
  if (!output) {
    llvm::WithColor::error() << message << "\n";
    return failure();
  }
  auto chunk = [&](std::unique_ptr<llvm::MemoryBuffer> buffer, raw_ostream &os) {
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    if (!config.shouldVerifyDiagnostics()) {
      SourceMgrDiagnosticHandler handler(sources, &context);
      return process(options, sources, context, config, os);
    }
    SourceMgrDiagnosticVerifierHandler handler(sources, &context, config.verifyDiagnosticsLevel());
    (void)process(options, sources, context, config, os);
    return handler.verify();
  };
  if (failed(splitAndProcessBuffer(std::move(file), chunk, output->os(), config.inputSplitMarker(),
                                   config.outputSplitMarker())))
    return failure();
  output->os().flush();
  if (output->os().has_error()) {
    llvm::WithColor::error() << "cannot write '" << options.output << "': " << output->os().error().message() << "\n";
    output->os().clear_error();
    return failure();
  }
  output->keep();
  return success();
}
