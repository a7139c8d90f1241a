// What moe-opt does when it is asked for more than mlir-opt offers: gate specs as input, stages as output.
#pragma once
#include "compiler/Frontend/Frontend.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace moe {

/// The command line of one run.
struct DriverOptions {
  std::string input;          ///< file name, or `-`
  std::string output;         ///< file name, or `-`
  std::string stage;          ///< value of --emit, or "" to run the passes of the command line only
  std::string arch = "sm_90"; ///< GPU architecture of ptx and cubin
  bool report = false;        ///< show NVRTC's resource report
  bool forwardOnly = false;   ///< derive no backward gate
  FrontendOptions frontend;
};

/// Reads the input (a `.moe` spec, or MLIR at any stage), runs the passes of the command line, brings it to the stage
/// that was asked for, and writes that. Diagnostics go to standard error, or are checked with --verify-diagnostics.
mlir::LogicalResult runDriver(const DriverOptions &options, mlir::DialectRegistry &registry,
                              const mlir::MlirOptMainConfig &config);

} // namespace moe
