// Registers every dialect and pass of moe.
#pragma once
namespace mlir {
class DialectRegistry;
}
namespace moe {
/// Adds the dialects that a gate passes through on its way to a target.
void registerAllDialects(mlir::DialectRegistry &registry);
/// Registers all passes and pipelines by their command-line names.
void registerAllPasses();
} // namespace moe
