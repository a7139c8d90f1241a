// Names, axes, types and constants: checks a parsed gate against the rules of the language (R1 broadcasting, R2 and R3
// groups, R5 one definition before use, R6 scalar losses, …) and annotates the tree for Lower. A name whose definition
// failed is remembered as poisoned, so that one mistake gives one message.
#pragma once
#include "compiler/Frontend/Ast.h"
#include "compiler/Frontend/Builtins.h"
#include "compiler/Frontend/Diagnostics.h"
#include "compiler/Frontend/Frontend.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace moe::frontend {

/// What a name stands for.
struct Symbol {
  enum class Kind { Poisoned, Axis, Const, Param, Input, State, Value, Loss, Metric, Output };
  Kind kind = Kind::Poisoned;
  llvm::StringRef name;
  llvm::SMLoc loc;
  Type type;
  std::optional<Constant> constant;
  const Axis *axis = nullptr; // Axis
  std::string storage;        // Input: f32, bf16, f16, i32, i64, bool
};

class Sema {
public:
  Sema(Gate &gate, const FrontendOptions &options, Diagnostics &diags) : gate(gate), options(options), diags(diags) {}
  /// Checks everything. The symbols and axes that the annotated tree points to live as long as this object.
  void run();

private:
  // Statements (Sema.cpp)
  void checkStatement(Statement &statement);
  bool checkConst(Statement &statement, Symbol &symbol);
  bool checkParam(Statement &statement, Symbol &symbol);
  bool checkInput(Statement &statement, Symbol &symbol);
  bool checkState(Statement &statement, Symbol &symbol);
  bool checkLoss(Statement &statement, Symbol &symbol);
  bool checkMetric(Statement &statement, Symbol &symbol);
  bool checkOutput(Statement &statement, Symbol &symbol);
  bool checkBareOutput(Statement &statement);
  bool checkOutputType(Statement &statement, const Type &value);
  bool checkBitmap(Statement &statement, const Type &value);
  bool checkUpdate(Statement &statement);
  bool checkMask(Statement &statement);
  bool isOnlyOne(llvm::StringMap<llvm::SMLoc> &seen, const Statement &statement, llvm::StringRef key,
                 llvm::StringRef what);
  bool checkGradient(Statement &statement);
  bool checkValue(Statement &statement, Symbol &symbol);
  void checkOptions();
  Symbol *define(Statement &statement, Symbol::Kind kind);

  // Axes (SemaAxes.cpp)
  bool checkAxis(Statement &statement, Symbol &symbol);
  bool checkGroups(Statement &statement, Axis &axis);
  bool checkMap(Statement &statement, Axis &axis);
  bool checkBy(Statement &statement, Axis &axis);
  bool joinPieces(const Statement &statement, Axis &axis);
  Axis *piecesOf(const Axis *axis);
  const Axis *makeWords(const Axis *of, llvm::SMLoc loc);
  void findLayers();
  bool checkLayers(const Statement &statement, const Type &type);
  void checkByInputs();
  bool checkByInput(const Statement &statement);
  std::optional<Type> checkType(const TypeSpec &spec, llvm::StringRef element);
  const Axis *dimension(const TypeSpec::Dim &dim, llvm::StringRef element);
  const Axis *resolveAxis(Expr &expr, const Type *reach);
  const Axis *resolveSlot(const Expr &expr, const Type *reach);
  const Axis *resolveBucket(Expr &expr);
  const Axis *makeBucket(const Expr &expr, const AxisRange &of, int64_t pieces);
  bool checkBuckets(const Expr &call, const Type &operand);
  bool isAxisArgument(const Argument &argument) const;
  bool axisArguments(Expr &call, size_t from, const Type &operand);
  /// The axes of `operand` that a reduction over `over` leaves, in order, coarser ones in the place of theirs.
  static llvm::SmallVector<const Axis *, 3> remainingAxes(const Type &operand, llvm::ArrayRef<AxisRange> over);
  bool axisRange(Expr &call, Argument &argument, const Type &operand, AxisRange &range);
  bool hasAxis(const Expr &call, const Argument &argument, const Axis *axis, const Type &operand);

  // Expressions (SemaExpressions.cpp)
  Type check(Expr &expr);
  Type checkUncached(Expr &expr);
  Type checkName(Expr &expr);
  Type checkMember(Expr &expr);
  Type checkUnary(Expr &expr);
  Type checkBinary(Expr &expr);
  Type checkGather(Expr &expr);
  Type arithmetic(Expr &expr, llvm::ArrayRef<Expr *> operands, Element element, llvm::StringRef what);
  bool isArray(const Expr &expr, llvm::StringRef what);
  std::optional<int64_t> wholeNumber(Expr &expr, llvm::StringRef what, int64_t least);
  std::optional<double> number(Expr &expr, llvm::StringRef what);
  /// R1: the axes of the operand whose axes contain all others', or nullopt after an error.
  std::optional<llvm::SmallVector<const Axis *, 3>> join(llvm::SMLoc loc, llvm::StringRef what,
                                                         llvm::ArrayRef<Expr *> operands);
  const Symbol *lookup(llvm::StringRef name, llvm::SMLoc loc, llvm::StringRef wanted);
  void reportUnknown(llvm::StringRef name, llvm::SMLoc loc, llvm::StringRef wanted);

  // Calls (SemaCalls.cpp: on arrays; SemaSelections.cpp: selections and the rest)
  Type checkCall(Expr &call);
  bool checkArgumentCounts(Expr &call, const Builtin &builtin);
  Type dispatch(Expr &call);
  Type checkArrayOperand(Expr &call);
  Type checkPointwise(Expr &call);
  Type checkWhere(Expr &call);
  Type checkMinMax(Expr &call);
  Type checkReduction(Expr &call);
  Type checkAlong(Expr &call);
  Type checkStaticAlong(Expr &call, size_t axisArgument, Element element);
  Type checkShift(Expr &call);
  Type checkIndex(Expr &call);
  Type checkSize(Expr &call);
  Type checkExpand(Expr &call);
  Type checkRandom(Expr &call);
  bool checkRandomLayers(const Expr &call, const Type &result);
  Type checkSumTop(Expr &call);
  Type checkKth(Expr &call);
  Type checkQuantile(Expr &call);
  Type checkTopk(Expr &call);
  bool checkAmong(Expr &call, const Type &result);
  Type checkSelectionOperand(Expr &call, size_t index);
  Type checkChosen(Expr &call);
  Type checkCount(Expr &call);
  Type checkFirst(Expr &call);
  Type checkScatter(Expr &call);
  Type checkFilter(Expr &call);
  Type checkAppend(Expr &call);
  Type checkForced(Expr &call);
  Type checkLimit(Expr &call);
  bool checkLimitArgument(Expr &call, Argument &argument, const Type &selection);
  Type checkPermute(Expr &call);
  Type checkDropped(Expr &call);
  bool checkQueued(const Expr &call, const Type &selection);
  std::string newName(const Expr &call);
  const Axis *newSlot(const Expr &call, int64_t size);
  Argument *named(Expr &call, llvm::StringRef name);

  Gate &gate;
  const FrontendOptions &options;
  Diagnostics &diags;
  std::deque<Axis> axes;
  std::deque<Symbol> symbols;
  llvm::StringMap<Symbol *> scope;
  llvm::StringMap<llvm::SMLoc> later;   // names that statements further down define
  llvm::StringSet<> reported;           // unknown names that were reported
  llvm::StringMap<llvm::SMLoc> outputs; // names of outputs so far
  llvm::StringMap<llvm::SMLoc> updates; // names of updated states so far, and "" for the mask
  std::vector<const Statement *> byInputs;
  const Expr *root = nullptr; // the whole expression of the current statement
  bool isOutput = false;      // which is an output
  llvm::StringRef rootName;
  llvm::StringRef layerName;            // of the axis that stands before the tokens, or empty
  llvm::SMLoc layerLoc;                 // where it does
  unsigned freshNames = 0, streams = 0; // of random numbers
};

} // namespace moe::frontend
