// C expressions with as few parentheses as C's precedence allows, and the C form of upstream scalar operations.
#pragma once
#include "mlir/IR/Operation.h"
#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>
#include <string>

namespace moe {

/// How tightly an expression binds; smaller binds tighter.
enum class Precedence {
  Primary,
  Unary,
  Multiply,
  Add,
  Shift,
  Relation,
  Equality,
  BitAnd,
  BitXor,
  BitOr,
  And,
  Or,
  Select
};

/// The text of an expression and how tightly its outermost operator binds.
struct Expression {
  std::string text;
  Precedence precedence = Precedence::Primary;

  Expression() = default;
  Expression(std::string text, Precedence precedence = Precedence::Primary)
      : text(std::move(text)), precedence(precedence) {}
};

/// `left op right`; the operator associates to the left.
Expression binary(const Expression &left, llvm::StringRef op, const Expression &right, Precedence precedence);
Expression unary(llvm::StringRef op, const Expression &operand);
Expression call(llvm::StringRef function, llvm::ArrayRef<Expression> arguments);
Expression select(const Expression &condition, const Expression &yes, const Expression &no);
/// `(type)operand`
Expression cast(llvm::StringRef type, const Expression &operand);

/// The C type of a scalar in registers: f32 float, i1 bool, … ; "" where there is none.
llvm::StringRef cTypeName(mlir::Type type);
/// The literal of a constant of arith; the shortest decimal that reads back as the same number.
Expression literal(mlir::TypedAttr value);
/// The C form of a pure operation of arith or math with one result; none where we print no such operation.
std::optional<Expression> printScalarOperation(mlir::Operation *op, llvm::ArrayRef<Expression> operands);

} // namespace moe
