// Arithmetic on compile-time numbers: see Constant.h.
#include "compiler/Frontend/Constant.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace moe::frontend;

std::string Constant::text() const {
  std::string out;
  llvm::raw_string_ostream os(out);
  if (isInteger)
    os << integer;
  else
    os << llvm::format("%.6g", real);
  return out;
}

llvm::StringRef moe::frontend::spelling(Operator op) {
  static constexpr const char *names[] = {"or", "and", "not", "==", "!=", "<",  "<=", ">",
                                          ">=", "+",   "-",   "*",  "/",  "**", "-"};
  return names[static_cast<int>(op)];
}

static std::optional<Constant> integerPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && llvm::MulOverflow(result, base, result))
      return std::nullopt;
    if (exponent > 1 && llvm::MulOverflow(base, base, base))
      return std::nullopt;
  }
  return Constant::of(result);
}

static std::optional<Constant> foldIntegers(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
  case Operator::Add:
    return llvm::AddOverflow(a, b, result) ? std::nullopt : std::optional(Constant::of(result));
  case Operator::Sub:
    return llvm::SubOverflow(a, b, result) ? std::nullopt : std::optional(Constant::of(result));
  case Operator::Mul:
    return llvm::MulOverflow(a, b, result) ? std::nullopt : std::optional(Constant::of(result));
  case Operator::Div:
    if (b == 0 || (a == INT64_MIN && b == -1) || a % b != 0)
      return Constant::of(static_cast<double>(a) / static_cast<double>(b));
    return Constant::of(a / b);
  case Operator::Pow:
    if (b < 0)
      return Constant::of(std::pow(static_cast<double>(a), static_cast<double>(b)));
    return integerPower(a, b);
  default:
    return std::nullopt;
  }
}

std::optional<Constant> moe::frontend::fold(Operator op, const Constant &lhs, const Constant &rhs) {
  if (lhs.isInteger && rhs.isInteger)
    return foldIntegers(op, lhs.integer, rhs.integer);
  double a = lhs.real, b = rhs.real;
  switch (op) {
  case Operator::Add:
    return Constant::of(a + b);
  case Operator::Sub:
    return Constant::of(a - b);
  case Operator::Mul:
    return Constant::of(a * b);
  case Operator::Div:
    return Constant::of(a / b);
  case Operator::Pow:
    return Constant::of(std::pow(a, b));
  default:
    return std::nullopt;
  }
}

/// A real that is a whole number becomes an integer, so that floor(1.25 * E) can be a size.
static Constant whole(double value) {
  if (std::abs(value) < 9.0e15)
    return Constant::of(static_cast<int64_t>(value));
  return Constant::of(value);
}

std::optional<Constant> moe::frontend::foldCall(llvm::StringRef name, llvm::ArrayRef<Constant> operands) {
  if (operands.size() == 1) {
    const Constant &x = operands[0];
    if (name == "floor" || name == "ceil")
      return x.isInteger ? x : whole(name == "floor" ? std::floor(x.real) : std::ceil(x.real));
    if (name == "abs" && !(x.isInteger && x.integer == INT64_MIN))
      return x.isInteger ? Constant::of(std::abs(x.integer)) : Constant::of(std::abs(x.real));
    return std::nullopt;
  }
  if (operands.size() != 2 || !operands[0].isInteger || !operands[1].isInteger)
    return std::nullopt;
  int64_t a = operands[0].integer, b = operands[1].integer;
  if (name == "min")
    return Constant::of(std::min(a, b));
  if (name == "max")
    return Constant::of(std::max(a, b));
  if (name == "mod" && b > 0) {
    int64_t rest = a % b;
    return Constant::of(rest < 0 ? rest + b : rest);
  }
  return std::nullopt;
}

std::optional<Constant> moe::frontend::parseConstant(llvm::StringRef text) {
  int64_t integer = 0;
  if (!text.getAsInteger(10, integer))
    return Constant::of(integer);
  double real = 0;
  if (text.find_first_not_of("0123456789+-.eE") != llvm::StringRef::npos ||
      text.getAsDouble(real, /*AllowInexact=*/true) || !std::isfinite(real) ||
      text.find_first_of(".eE") == llvm::StringRef::npos)
    return std::nullopt;
  return Constant::of(real);
}
