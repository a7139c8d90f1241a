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
  void lowerAxis(const Statement &statement);
  void lowerStatement(const Statement &statement);
  mlir::Value lowerInput(const Statement &statement);
  mlir::Value lowerParam(const Statement &statement);
  void lowerLoss(const Statement &statement, mlir::Value value);
  void lowerMetric(const Statement &statement, mlir::Value value);
  void lowerOutput(const Statement &statement, mlir::Value value);
  void lowerGradient(const Statement &statement);
  void warnWithoutGradient(const Statement &statement, mlir::Value loss);
  void notLowered(llvm::SMLoc loc, const llvm::Twine &what, llvm::StringRef instead = "");
  bool areLowered(Axes axes) const;

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
  mlir::Value lowerLogic(const Expr &expr);
  mlir::Value lowerComparison(const Expr &expr);
  mlir::Value lowerPower(const Expr &expr);
  mlir::Value integerPower(mlir::Value base, int64_t exponent, Axes axes);
  mlir::Value lowerGather(const Expr &expr);

  // Calls (LowerCalls.cpp)
  mlir::Value lowerCall(const Expr &call);
  mlir::Value lowerPointwise(const Expr &call);
  mlir::Value lowerUnaryFunction(llvm::StringRef name, mlir::Value x, Axes axes);
  mlir::Value lowerMinMax(const Expr &call);
  mlir::Value lowerMod(const Expr &call);
  mlir::Value lowerWhere(const Expr &call);
  mlir::Value lowerReduction(const Expr &call);
  mlir::Value reduce(ReduceKind kind, mlir::Value value, llvm::ArrayRef<AxisRange> over);
  mlir::Value lowerAlong(const Expr &call);
  mlir::Value lowerSumTop(const Expr &call);
  mlir::Value lowerTopk(const Expr &call);
  mlir::Value lowerFirst(const Expr &call);
  mlir::Value lowerChosen(const Expr &call, Element element);
  mlir::Value lowerCount(const Expr &call);
  mlir::Value lowerSize(const Expr &call);
  mlir::Value lowerExpand(const Expr &call);
  SelectionType selectionType(const Type &type);

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
};

} // namespace moe::frontend
