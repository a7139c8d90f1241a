// Errors and warnings of the frontend: source positions become MLIR locations, messages go through MLIR's engine, so
// that every tool (moe-opt, the language server, -verify-diagnostics) sees the same ones.
#pragma once
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/SourceMgr.h"
#include <string>

namespace moe::frontend {

class Diagnostics {
public:
  Diagnostics(llvm::SourceMgr &sources, mlir::MLIRContext *context) : sources(sources), context(context) {}

  /// file:line:column of a position in the main buffer.
  mlir::Location locate(llvm::SMLoc loc) const;

  mlir::InFlightDiagnostic error(llvm::SMLoc loc);
  mlir::InFlightDiagnostic warning(llvm::SMLoc loc);

  /// Whether an error was reported.
  bool failed() const { return errors != 0; }
  unsigned count() const { return errors; }

  /// True when there are so many errors that going on helps nobody; says so the first time.
  bool tooMany(llvm::SMLoc loc);

private:
  llvm::SourceMgr &sources;
  mlir::MLIRContext *context;
  unsigned errors = 0;
  bool stopped = false;
};

/// Remembers the candidate closest to a misspelt name.
class NearMiss {
public:
  explicit NearMiss(llvm::StringRef name) : name(name) {}
  void consider(llvm::StringRef candidate);
  /// "; did you mean 'expert'?", or nothing when no candidate is near.
  std::string text() const;

private:
  llvm::StringRef name;
  std::string best;
  unsigned distance = ~0u;
};

} // namespace moe::frontend
