// The frontend: turns the text of a gate spec (`.moe`, described in docs/language.md) into the moe dialect.
//
// Four steps, each in files of its own: Lexer (text to tokens), Parser (tokens to AST), Sema (names, axes, types,
// constants; annotates the AST), Lower (annotated AST to `moe` operations). A step runs only when the one before it
// found no error, except that Sema runs on what the parser could make sense of, so that one run reports errors of both.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"
#include <map>
#include <string>

namespace moe {

/// What the command line decides about a spec.
struct FrontendOptions {
  /// Values of `const`s, by name: `-D E=128`. Each must name a const of the gate.
  std::map<std::string, std::string> defines;
  /// Storage type of inputs declared `float`, by name: f32, bf16 or f16 (`--dtype logits=bf16`).
  std::map<std::string, std::string> dtypes;
};

/// Parses the main buffer of `sources` and translates it; null after errors, which go through the context's diagnostic
/// engine (a SourceMgrDiagnosticHandler of the caller shows the source line with a caret). Loads the dialects it needs.
mlir::OwningOpRef<mlir::ModuleOp> importGate(llvm::SourceMgr &sources, mlir::MLIRContext *context,
                                             const FrontendOptions &options);

} // namespace moe
