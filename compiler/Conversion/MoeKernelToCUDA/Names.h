// Names of variables and comments in generated code, from the statements of the spec that operations stand for.
#pragma once
#include "mlir/IR/Block.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringSet.h"
#include <string>

namespace moe {

/// The spec statements that a location names, in order: the names of its NameLocs ("s = softmax(logits, expert)").
llvm::SmallVector<llvm::StringRef> statementsOf(mlir::Location loc);

/// The variable that a statement defines ("s"; "expert_balance" of "loss expert_balance = …"); "" where it defines
/// none.
std::string definedName(llvm::StringRef statement);

/// Hands out C identifiers, each once.
class Names {
public:
  Names();
  /// `wanted` made an identifier; with a number behind it where it is taken.
  std::string fresh(llvm::StringRef wanted);

private:
  llvm::StringSet<> taken;
};

/// Which name each value of a region would like to have. The last value that a statement makes gets the statement's
/// name; the others get it with what they are behind it ("s_max").
class WantedNames {
public:
  explicit WantedNames(mlir::Block &block);
  /// `kind` says what the value is ("max"); it is the name where no statement is known.
  std::string of(mlir::Value value, llvm::StringRef kind) const;

private:
  void collect(mlir::Value value, mlir::Location loc);
  llvm::DenseMap<mlir::Value, std::string> statementOf;
  llvm::StringMap<mlir::Value> lastOf;
  llvm::DenseMap<mlir::Value, std::string> storedTo;
};

} // namespace moe
