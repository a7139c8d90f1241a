// The annotated syntax tree to the moe dialect. What Sema accepted and the dialect cannot express yet ends here in an
// error "… is not lowered yet".
#pragma once
#include "compiler/Frontend/Sema.h"
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/DenseSet.h"

namespace moe::frontend {

class Lower : private mlir::OpBuilder::Listener {
public:
  Lower(const Gate &gate, Diagnostics &diags, mlir::MLIRContext *context);
  /// The module with one moe.gate; null after errors.
  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  using Axes = llvm::ArrayRef<const Axis *>;

  // Statements (Lower.cpp)
  void lowerAxes();
  void lowerAxis(const Statement &statement);
  void lowerStatement(const Statement &statement);
  mlir::Value lowerInput(const Statement &statement);
  mlir::Value lowerParam(const Statement &statement);
  mlir::Value lowerState(const Statement &statement);
  void lowerUpdate(const Statement &statement);
  void lowerMask(const Statement &statement);
  void lowerLoss(const Statement &statement, mlir::Value value);
  void lowerMetric(const Statement &statement, mlir::Value value);
  void lowerOutput(const Statement &statement, mlir::Value value);
  mlir::Value lowerBitmap(mlir::Value value, const Axis *words);
  void lowerGradient(const Statement &statement);
  void warnWithoutGradient(const Statement &statement, mlir::Value loss);
  void notLowered(llvm::SMLoc loc, const llvm::Twine &what, llvm::StringRef instead = "");
  /// Whether the IR declares all these axes (slot axes are declared by their selection); declares buckets.
  bool areLowered(Axes of);
  void declare(const Axis &axis);

  // Values (LowerExpressions.cpp)
  mlir::Type elementType(Element element);
  mlir::RankedTensorType tensorType(Element element, Axes axes);
  mlir::StringAttr nameOf(const Axis *axis);
  Element elementOf(mlir::Value value) const;
  mlir::Value constant(double value, Axes axes = {});
  mlir::Value constantOf(const Expr &expr, Element element);
  mlir::Value convert(mlir::Value value, Element element);
  mlir::Value broadcast(mlir::Value value, Axes axes);
  /// The value of an expression in its own element type; null when a part of it is not lowered.
  mlir::Value lower(const Expr &expr);
  mlir::Value lowerUncached(const Expr &expr);
  /// As `element`, with the expression's own axes, or broadcast to `axes`.
  mlir::Value lowerAs(const Expr &expr, Element element);
  mlir::Value lowerAs(const Expr &expr, Element element, Axes axes);
  mlir::Value lowerUnary(const Expr &expr);
  mlir::Value lowerBinary(const Expr &expr);
  /// + - * / of floats of one type.
  mlir::Value arithmetic(Operator op, mlir::Value lhs, mlir::Value rhs);
  mlir::Value lowerLogic(const Expr &expr);
  mlir::Value lowerComparison(const Expr &expr);
  mlir::Value lowerPower(const Expr &expr);
  mlir::Value integerPower(mlir::Value base, int64_t exponent, Axes axes);
  mlir::Value lowerGather(const Expr &expr);
  mlir::Value lowerMember(const Expr &expr);

  // Capacities, in f64 (LowerWide.cpp)
  /// A scalar expression computed in f64: constants exactly, sizes and params widened.
  mlir::Value lowerWide(const Expr &expr);
  mlir::Value lowerWideUncached(const Expr &expr);
  mlir::Value lowerWideName(const Expr &expr);
  mlir::Value lowerWideBinary(const Expr &expr);
  mlir::Value lowerWideCall(const Expr &expr);
  mlir::Value lowerWidePower(const Expr &expr);
  mlir::Value widen(mlir::Value value);
  mlir::Value wideConstant(double value);

  // Which slots take part (LowerValidity.cpp)
  /// The selection that says which slots of `value` hold something, for a function over the axes `over`; null when
  /// every slot does. In a gate with a mask also where only the mask empties slots.
  mlir::Value validFor(mlir::Value value, llvm::ArrayRef<mlir::Attribute> over, bool underMask = true);
  /// Zero in the slots that are empty.
  mlir::Value withoutEmpty(mlir::Value value);
  mlir::Value filled(mlir::Value selection, mlir::Type like);

  // Calls (LowerCalls.cpp; LowerReductions.cpp; LowerSelections.cpp)
  mlir::Value lowerCall(const Expr &call);
  mlir::Value lowerPointwise(const Expr &call);
  mlir::Value lowerUnaryFunction(llvm::StringRef name, mlir::Value x, Axes axes);
  mlir::Value lowerMinMax(const Expr &call);
  mlir::Value lowerMod(const Expr &call);
  mlir::Value lowerWhere(const Expr &call);
  mlir::Value lowerReduction(const Expr &call);
  mlir::Value reduce(ReduceKind kind, mlir::Value value, llvm::ArrayRef<AxisRange> over);
  mlir::Value reduceInSteps(ReduceKind kind, mlir::Value value, mlir::Value valid, llvm::ArrayRef<AxisRange> over);
  mlir::Value reduceToBuckets(ReduceKind kind, mlir::Value value, const Axis *bucket);
  mlir::Value inBucket(const Axis *bucket);
  bool isReducible(const Expr &call);
  mlir::Value spreadInSteps(ReduceKind kind, mlir::Value value, llvm::ArrayRef<AxisRange> over);
  mlir::Value lowerAlong(const Expr &call);
  mlir::Value lowerStandardize(const Expr &call, mlir::Value x, mlir::Value valid);
  mlir::Value lowerQuantile(const Expr &call);
  mlir::Value lowerSumTop(const Expr &call);
  mlir::Value lowerTopk(const Expr &call);
  mlir::Value lowerFirst(const Expr &call);
  mlir::Value lowerChosen(const Expr &call, Element element);
  mlir::Value lowerCount(const Expr &call);
  mlir::Value lowerScatter(const Expr &call);
  mlir::Value lowerFilter(const Expr &call);
  mlir::Value lowerAppend(const Expr &call);
  mlir::Value lowerForced(const Expr &call);
  mlir::Value lowerDropped(const Expr &call);
  mlir::Value lowerLimit(const Expr &call);
  mlir::Value lowerPermute(const Expr &call);
  mlir::Value lowerSize(const Expr &call);
  mlir::Value lowerExpand(const Expr &call);
  mlir::Value lowerShift(const Expr &call);
  mlir::Value lowerIndex(const Expr &call);
  mlir::Value lowerRandom(const Expr &call);
  mlir::Value expand(mlir::Value value, const Axis *from, const Axis *to);
  SelectionType selectionType(const Type &type);
  const Axis *finestPieces() const;

  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint previous) override;

  const Gate &gate;
  Diagnostics &diags;
  mlir::OpBuilder builder;
  mlir::Location loc;   // of the statement
  llvm::SMLoc position; // of the expression
  llvm::DenseMap<const Symbol *, mlir::Value> values;
  llvm::DenseMap<mlir::Operation *, llvm::SMLoc> origins; // the expression that an operation was made for
  llvm::DenseSet<const Axis *> axes;                      // declared in the IR
  const Axis *runTimeAxis = nullptr;
  mlir::Operation *lastAxis = nullptr;
  bool hasMask = false;
  llvm::DenseMap<const Symbol *, const Expr *> definitions; // of scalar values, for capacities
  llvm::DenseMap<const Symbol *, mlir::Value> wideValues;
  unsigned wideDepth = 0;
};

} // namespace moe::frontend
