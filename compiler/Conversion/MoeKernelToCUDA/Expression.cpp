// Printing of C expressions: precedence, literals, and one line per operation of arith and math.
#include "compiler/Conversion/MoeKernelToCUDA/Expression.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"
#include <charconv>

using namespace mlir;
using namespace moe;

static std::string atMost(const Expression &operand, Precedence precedence) {
  return operand.precedence > precedence ? "(" + operand.text + ")" : operand.text;
}

static std::string below(const Expression &operand, Precedence precedence) {
  return operand.precedence >= precedence ? "(" + operand.text + ")" : operand.text;
}

Expression moe::binary(const Expression &left, StringRef op, const Expression &right, Precedence precedence) {
  bool associative = op == "&&" || op == "||" || op == "&" || op == "|";
  std::string tail = associative ? atMost(right, precedence) : below(right, precedence);
  return {atMost(left, precedence) + " " + op.str() + " " + tail, precedence};
}

Expression moe::unary(StringRef op, const Expression &operand) {
  std::string text = atMost(operand, Precedence::Unary);
  if (StringRef(text).starts_with(op))
    text = "(" + text + ")";
  return {op.str() + text, Precedence::Unary};
}

Expression moe::call(StringRef function, ArrayRef<Expression> arguments) {
  std::string text = function.str() + "(";
  for (auto [i, argument] : llvm::enumerate(arguments))
    text += (i ? ", " : "") + argument.text;
  return {text + ")"};
}

Expression moe::select(const Expression &condition, const Expression &yes, const Expression &no) {
  return {below(condition, Precedence::Select) + " ? " + yes.text + " : " + no.text, Precedence::Select};
}

Expression moe::cast(StringRef type, const Expression &operand) {
  return {"(" + type.str() + ")" + atMost(operand, Precedence::Unary), Precedence::Unary};
}

StringRef moe::cTypeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(32))
    return "int";
  if (type.isInteger(16))
    return "short";
  return type.isInteger(64) ? "long long" : "";
}

//===-- Literals
//----------------------------------------------------------------------------------------------------===//

template <typename T> static Expression floatLiteral(T value, StringRef suffix) {
  if (value != value)
    return {"MOE_NAN"};
  if (std::isinf(value))
    return value > 0 ? Expression("MOE_INFINITY") : unary("-", {"MOE_INFINITY"});
  char buffer[64];
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return {text + suffix.str(), text[0] == '-' ? Precedence::Unary : Precedence::Primary};
}

Expression moe::literal(TypedAttr value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getType().isF32() ? floatLiteral(number.getValue().convertToFloat(), "f")
                                    : floatLiteral(number.getValueAsDouble(), "");
  APInt number = llvm::cast<IntegerAttr>(value).getValue();
  if (number.getBitWidth() == 1)
    return {number.isZero() ? "false" : "true"};
  if (number.isMinSignedValue())
    return number.getBitWidth() == 32 ? Expression("MOE_INT_MIN") : Expression("(-9223372036854775807ll - 1)");
  std::string text = std::to_string(number.getSExtValue()) + (number.getBitWidth() == 64 ? "ll" : "");
  return {text, text[0] == '-' ? Precedence::Unary : Precedence::Primary};
}

//===-- Operations
//--------------------------------------------------------------------------------------------------===//

static Expression compareFloats(arith::CmpFPredicate predicate, const Expression &a, const Expression &b) {
  using P = arith::CmpFPredicate;
  auto relation = [&](StringRef op) { return binary(a, op, b, Precedence::Relation); };
  auto equality = [&](StringRef op) { return binary(a, op, b, Precedence::Equality); };
  auto isNan = [](const Expression &x) { return binary(x, "!=", x, Precedence::Equality); };
  auto isNumber = [](const Expression &x) { return binary(x, "==", x, Precedence::Equality); };
  Expression differ = binary(relation("<"), "||", relation(">"), Precedence::Or);
  switch (predicate) {
  case P::AlwaysFalse:
    return {"false"};
  case P::AlwaysTrue:
    return {"true"};
  case P::OEQ:
    return equality("==");
  case P::OGT:
    return relation(">");
  case P::OGE:
    return relation(">=");
  case P::OLT:
    return relation("<");
  case P::OLE:
    return relation("<=");
  case P::ONE:
    return differ;
  case P::UEQ:
    return unary("!", differ);
  case P::UGT:
    return unary("!", relation("<="));
  case P::UGE:
    return unary("!", relation("<"));
  case P::ULT:
    return unary("!", relation(">="));
  case P::ULE:
    return unary("!", relation(">"));
  case P::UNE:
    return equality("!=");
  case P::ORD:
    return a.text == b.text ? isNumber(a) : binary(isNumber(a), "&&", isNumber(b), Precedence::And);
  case P::UNO:
    return a.text == b.text ? isNan(a) : binary(isNan(a), "||", isNan(b), Precedence::Or);
  }
  llvm_unreachable("all predicates of cmpf are above");
}

static Expression compareIntegers(arith::CmpIOp op, const Expression &a, const Expression &b) {
  using P = arith::CmpIPredicate;
  bool wide = op.getLhs().getType().isInteger(64);
  auto plain = [&](StringRef text, Precedence precedence) { return binary(a, text, b, precedence); };
  auto asUnsigned = [&](StringRef text) {
    StringRef type = wide ? "unsigned long long" : "unsigned";
    return binary(moe::cast(type, a), text, moe::cast(type, b), Precedence::Relation);
  };
  switch (op.getPredicate()) {
  case P::eq:
    return plain("==", Precedence::Equality);
  case P::ne:
    return plain("!=", Precedence::Equality);
  case P::slt:
    return plain("<", Precedence::Relation);
  case P::sle:
    return plain("<=", Precedence::Relation);
  case P::sgt:
    return plain(">", Precedence::Relation);
  case P::sge:
    return plain(">=", Precedence::Relation);
  case P::ult:
    return asUnsigned("<");
  case P::ule:
    return asUnsigned("<=");
  case P::ugt:
    return asUnsigned(">");
  case P::uge:
    return asUnsigned(">=");
  }
  llvm_unreachable("all predicates of cmpi are above");
}

static bool isTrue(Value value) {
  APInt constant;
  return matchPattern(value, m_ConstantInt(&constant)) && constant.isAllOnes();
}

/// Bit operations; on truth values the logical ones.
static std::optional<Expression> printBitOperation(Operation *op, ArrayRef<Expression> x) {
  bool logical = op->getResult(0).getType().isInteger(1);
  if (isa<arith::AndIOp>(op))
    return logical ? binary(x[0], "&&", x[1], Precedence::And) : binary(x[0], "&", x[1], Precedence::BitAnd);
  if (isa<arith::OrIOp>(op))
    return logical ? binary(x[0], "||", x[1], Precedence::Or) : binary(x[0], "|", x[1], Precedence::BitOr);
  if (!isa<arith::XOrIOp>(op))
    return std::nullopt;
  if (!logical)
    return binary(x[0], "^", x[1], Precedence::BitXor);
  return isTrue(op->getOperand(1)) ? unary("!", x[0]) : binary(x[0], "!=", x[1], Precedence::Equality);
}

/// `x > c ? c : x` and `x < c ? c : x`, which the machine has as one instruction that hands a NaN on, too.
static std::optional<Expression> printClamp(arith::SelectOp op, ArrayRef<Expression> x) {
  auto compare = op.getCondition().getDefiningOp<arith::CmpFOp>();
  APFloat bound(0.0f);
  if (!compare || !op.getType().isF32() || compare.getLhs() != op.getFalseValue() ||
      compare.getRhs() != op.getTrueValue() || !matchPattern(compare.getRhs(), m_ConstantFloat(&bound)) ||
      bound.isZero() || bound.isNaN())
    return std::nullopt;
  if (compare.getPredicate() == arith::CmpFPredicate::OGT)
    return call("moe_min", {x[2], x[1]});
  if (compare.getPredicate() == arith::CmpFPredicate::OLT)
    return call("moe_max", {x[2], x[1]});
  return std::nullopt;
}

/// Sums, differences and products among the bits of random numbers, which wrap around.
static std::optional<Expression> printWrapping(Operation *op, ArrayRef<Expression> x) {
  auto isOfBits = [](Operation *other) {
    return isa_and_nonnull<arith::XOrIOp, arith::MulUIExtendedOp>(other) && other->getResult(0).getType().isInteger(32);
  };
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op) || !op->getResult(0).getType().isInteger(32) ||
      (llvm::none_of(op->getOperands(), [&](Value value) { return isOfBits(value.getDefiningOp()); }) &&
       llvm::none_of(op->getUsers(), isOfBits)))
    return std::nullopt;
  return call(isa<arith::AddIOp>(op) ? "moe_add_words" : isa<arith::SubIOp>(op) ? "moe_sub_words" : "moe_mul_words", x);
}

static std::optional<Expression> printOperator(Operation *op, ArrayRef<Expression> x) {
  if (std::optional<Expression> wrapping = printWrapping(op, x))
    return wrapping;
  StringRef unsignedType = op->getResult(0).getType().isInteger(64) ? "unsigned long long" : "unsigned";
  auto infix = [&](StringRef text, Precedence precedence) { return binary(x[0], text, x[1], precedence); };
  // What is computed without sign is a number with one again, wherever it goes.
  auto withoutSign = [&](StringRef text, const Expression &second, Precedence precedence) {
    StringRef type = unsignedType == "unsigned" ? "int" : "long long";
    return moe::cast(type, binary(moe::cast(unsignedType, x[0]), text, second, precedence));
  };
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return infix("+", Precedence::Add); })
      .Case<arith::SubFOp, arith::SubIOp>([&](auto) { return infix("-", Precedence::Add); })
      .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return infix("*", Precedence::Multiply); })
      .Case<arith::DivFOp, arith::DivSIOp>([&](auto) { return infix("/", Precedence::Multiply); })
      .Case<arith::RemSIOp>([&](auto) { return infix("%", Precedence::Multiply); })
      .Case<arith::ShLIOp>([&](auto) { return infix("<<", Precedence::Shift); })
      .Case<arith::ShRSIOp>([&](auto) { return infix(">>", Precedence::Shift); })
      .Case<arith::ShRUIOp>([&](auto) { return withoutSign(">>", x[1], Precedence::Shift); })
      .Case<arith::DivUIOp>([&](auto) { return withoutSign("/", moe::cast(unsignedType, x[1]), Precedence::Multiply); })
      .Case<arith::RemUIOp>([&](auto) { return withoutSign("%", moe::cast(unsignedType, x[1]), Precedence::Multiply); })
      .Case<arith::NegFOp>([&](auto) { return unary("-", x[0]); })
      .Case<arith::SelectOp>([&](arith::SelectOp op) {
        std::optional<Expression> clamp = printClamp(op, x);
        return clamp ? *clamp : moe::select(x[0], x[1], x[2]);
      })
      .Case<arith::CmpFOp>([&](arith::CmpFOp cmp) { return compareFloats(cmp.getPredicate(), x[0], x[1]); })
      .Case<arith::CmpIOp>([&](arith::CmpIOp cmp) { return compareIntegers(cmp, x[0], x[1]); })
      .Default([&](Operation *other) { return printBitOperation(other, x); });
}

static std::optional<Expression> printConversion(Operation *op, ArrayRef<Expression> x) {
  Type from = op->getNumOperands() == 1 ? op->getOperand(0).getType() : Type(), to = op->getResult(0).getType();
  if (isa<arith::ExtUIOp>(op) && from.isInteger(1))
    return to.isInteger(32) ? x[0] : moe::cast(cTypeName(to), x[0]);
  if (isa<arith::ExtSIOp>(op) && from.isInteger(1))
    return unary("-", moe::cast(cTypeName(to), x[0]));
  if (isa<arith::UIToFPOp>(op) && from.isInteger(1))
    return moe::cast(cTypeName(to), x[0]);
  if (isa<arith::ExtUIOp, arith::UIToFPOp>(op))
    return moe::cast(cTypeName(to), moe::cast("unsigned", x[0]));
  if (isa<arith::TruncIOp>(op) && to.isInteger(1))
    return binary(binary(x[0], "&", {"1"}, Precedence::BitAnd), "!=", {"0"}, Precedence::Equality);
  if (isa<arith::SIToFPOp>(op) && from.isInteger(1))
    return unary("-", moe::cast(cTypeName(to), x[0]));
  if (isa<arith::ExtSIOp, arith::TruncIOp, arith::SIToFPOp, arith::FPToSIOp, arith::ExtFOp, arith::TruncFOp>(op))
    return moe::cast(cTypeName(to), x[0]);
  if (!isa<arith::BitcastOp>(op))
    return std::nullopt;
  if (to.isF32())
    return call("moe_float", {x[0]});
  if (to.isF64())
    return call("moe_double", {x[0]});
  return moe::cast(cTypeName(to), call("moe_bits", {x[0]}));
}

static StringRef functionName(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<arith::MaximumFOp, arith::MaxSIOp>([](auto) { return "moe_max"; })
      .Case<arith::MinimumFOp, arith::MinSIOp>([](auto) { return "moe_min"; })
      .Case<arith::MaxNumFOp>([](auto) { return "moe_maxnum"; })
      .Case<arith::MinNumFOp>([](auto) { return "moe_minnum"; })
      .Case<arith::RemFOp>([](auto) { return "moe_remainder"; })
      .Case<math::FmaOp>([](auto) { return "moe_fma"; })
      .Case<math::AbsFOp>([](auto) { return "moe_abs"; })
      .Case<math::FloorOp>([](auto) { return "moe_floor"; })
      .Case<math::CeilOp>([](auto) { return "moe_ceil"; })
      .Case<math::TruncOp>([](auto) { return "moe_trunc"; })
      .Case<math::RoundEvenOp>([](auto) { return "moe_round_even"; })
      .Case<math::SqrtOp>([](auto) { return "moe_sqrt"; })
      .Case<math::RsqrtOp>([](auto) { return "moe_rsqrt"; })
      .Case<math::ExpOp>([](auto) { return "moe_exp"; })
      .Case<math::Exp2Op>([](auto) { return "moe_exp2"; })
      .Case<math::ExpM1Op>([](auto) { return "moe_expm1"; })
      .Case<math::LogOp>([](auto) { return "moe_log"; })
      .Case<math::Log2Op>([](auto) { return "moe_log2"; })
      .Case<math::Log1pOp>([](auto) { return "moe_log1p"; })
      .Case<math::TanhOp>([](auto) { return "moe_tanh"; })
      .Case<math::ErfOp>([](auto) { return "moe_erf"; })
      .Case<math::ErfcOp>([](auto) { return "moe_erfc"; })
      .Case<math::SinOp>([](auto) { return "moe_sin"; })
      .Case<math::CosOp>([](auto) { return "moe_cos"; })
      .Case<math::PowFOp>([](auto) { return "moe_pow"; })
      .Case<math::CopySignOp>([](auto) { return "moe_copysign"; })
      .Default([](auto) { return ""; });
}

std::optional<Expression> moe::printScalarOperation(Operation *op, ArrayRef<Expression> operands) {
  if (op->getNumResults() != 1 || cTypeName(op->getResult(0).getType()).empty())
    return std::nullopt;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return literal(constant.getValue());
  if (StringRef function = functionName(op); !function.empty())
    return call(function, operands);
  if (std::optional<Expression> conversion = printConversion(op, operands))
    return conversion;
  return printOperator(op, operands);
}
