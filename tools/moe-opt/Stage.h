// The stages that moe-opt can write.
#pragma once
#include "tools/moe-opt/Driver.h"

namespace moe {

/// Reports a stage that does not exist, with the list of those that do.
mlir::LogicalResult checkStage(llvm::StringRef stage);

/// Brings the module (moe or moe_kernel) to `options.stage` and writes that stage; as it is when no stage was asked
/// for.
mlir::LogicalResult emitStage(mlir::ModuleOp module, const DriverOptions &options, llvm::raw_ostream &output);

/// The stages from `cuda` on, for a module of moe_kernel programs.
mlir::LogicalResult emitTarget(mlir::ModuleOp module, const DriverOptions &options, llvm::raw_ostream &output);

} // namespace moe
