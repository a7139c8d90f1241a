// Compile-time numbers. Integers are exact (sizes and k depend on them); everything else is f64, rounded once where it
// meets a run-time value.
#pragma once
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace moe::frontend {

struct Constant {
  bool isInteger = true;
  int64_t integer = 0;
  double real = 0;

  static Constant of(int64_t value) { return {true, value, static_cast<double>(value)}; }
  static Constant of(double value) { return {false, 0, value}; }
  /// As a C literal would show it.
  std::string text() const;
};

enum class Operator { Or, And, Not, Eq, Ne, Lt, Le, Gt, Ge, Add, Sub, Mul, Div, Pow, Neg };

/// How the operator is written.
llvm::StringRef spelling(Operator op);

/// `lhs op rhs` for + - * / ** (a quotient of integers is an integer when the division leaves no rest); nullopt for
/// other operators and on integer overflow.
std::optional<Constant> fold(Operator op, const Constant &lhs, const Constant &rhs);

/// Functions of constants that sizes are made with: min max mod (two operands), floor ceil abs (one); nullopt for
/// others.
std::optional<Constant> foldCall(llvm::StringRef name, llvm::ArrayRef<Constant> operands);

/// Reads an integer or decimal number; nullopt when it is not one or out of range.
std::optional<Constant> parseConstant(llvm::StringRef text);

} // namespace moe::frontend
