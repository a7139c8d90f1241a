// Functions of integers, conversions between integers and floats, and bits, element by element. Numbers hold integers
// below 2^53 exactly; arithmetic wraps at the width of the type.
#include "compiler/Reference/Frame.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::reference;

static unsigned widthOf(Value value) { return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(); }

/// The two's complement bits of an integer element of that width.
static uint64_t toBits(Number x, unsigned width) {
  return static_cast<uint64_t>(static_cast<int64_t>(x.value)) & llvm::maskTrailingOnes<uint64_t>(width);
}
/// Booleans are 0 and 1, other integers signed.
static Number fromBits(uint64_t bits, unsigned width) {
  return width == 1 ? Number(bits & 1) : Number(static_cast<double>(llvm::SignExtend64(bits, width)));
}

/// Applies `formula` to the operands as signed integers; the result wraps at the width of the result.
template <typename Formula> static llvm::Error pointwise(Operation *op, Frame &frame, Formula formula) {
  Tensor result = frame.make(op->getResult(0).getType());
  unsigned width = widthOf(op->getResult(0)), operandWidth = widthOf(op->getOperand(0));
  SmallVector<const Tensor *> operands;
  for (Value operand : op->getOperands())
    operands.push_back(&frame[operand]);
  SmallVector<int64_t> x(operands.size());
  for (size_t i = 0; i < result.data.size(); ++i) {
    for (auto [integer, tensor] : llvm::zip_equal(x, operands))
      integer = llvm::SignExtend64(toBits(tensor->data[i], operandWidth), operandWidth);
    result.data[i] = fromBits(static_cast<uint64_t>(formula(ArrayRef<int64_t>(x))), width);
  }
  frame.set(op->getResult(0), std::move(result));
  return llvm::Error::success();
}

template <typename Op> static void addUnary(EvaluatorTable &table, int64_t (*formula)(int64_t x, unsigned width)) {
  table.addRaw<Op>([formula](Operation *op, Frame &frame) {
    unsigned width = widthOf(op->getOperand(0));
    return pointwise(op, frame, [=](ArrayRef<int64_t> x) { return formula(x[0], width); });
  });
}

template <typename Op>
static void addBinary(EvaluatorTable &table, int64_t (*formula)(int64_t a, int64_t b, unsigned width)) {
  table.addRaw<Op>([formula](Operation *op, Frame &frame) {
    unsigned width = widthOf(op->getOperand(0));
    return pointwise(op, frame, [=](ArrayRef<int64_t> x) { return formula(x[0], x[1], width); });
  });
}

static uint64_t zeroExtend(int64_t x, unsigned width) {
  return static_cast<uint64_t>(x) & llvm::maskTrailingOnes<uint64_t>(width);
}

static bool holds(arith::CmpIPredicate predicate, int64_t a, int64_t b, unsigned width) {
  using enum arith::CmpIPredicate;
  switch (predicate) {
  case eq:
    return a == b;
  case ne:
    return a != b;
  case slt:
    return a < b;
  case sle:
    return a <= b;
  case sgt:
    return a > b;
  case sge:
    return a >= b;
  case ult:
    return zeroExtend(a, width) < zeroExtend(b, width);
  case ule:
    return zeroExtend(a, width) <= zeroExtend(b, width);
  case ugt:
    return zeroExtend(a, width) > zeroExtend(b, width);
  case uge:
    return zeroExtend(a, width) >= zeroExtend(b, width);
  }
  return false;
}

static llvm::Error evaluateCompare(arith::CmpIOp op, Frame &frame) {
  unsigned width = widthOf(op.getLhs());
  return pointwise(op, frame, [&](ArrayRef<int64_t> x) { return holds(op.getPredicate(), x[0], x[1], width); });
}

/// The low and the high half of the product of two integers of a width of at most 32.
template <typename Op> static llvm::Error evaluateWideProduct(Op op, Frame &frame) {
  constexpr bool isSigned = std::is_same_v<Op, arith::MulSIExtendedOp>;
  unsigned width = widthOf(op.getLhs());
  if (width > 32)
    return errorAt(op, "multiplies integers of more than 32 bits");
  Tensor low = frame.make(op.getLow().getType()), high = frame.make(op.getHigh().getType());
  for (size_t i = 0; i < low.data.size(); ++i) {
    uint64_t a = toBits(frame[op.getLhs()].data[i], width), b = toBits(frame[op.getRhs()].data[i], width);
    uint64_t product =
        isSigned ? static_cast<uint64_t>(llvm::SignExtend64(a, width) * llvm::SignExtend64(b, width)) : a * b;
    low.data[i] = fromBits(product & llvm::maskTrailingOnes<uint64_t>(width), width);
    high.data[i] = fromBits(product >> width & llvm::maskTrailingOnes<uint64_t>(width), width);
  }
  frame.set(op.getLow(), std::move(low));
  frame.set(op.getHigh(), std::move(high));
  return llvm::Error::success();
}

//===-- Between integers and floats
//---------------------------------------------------------------------------------===//

/// Applies `formula` to numbers and rounds to f32 where the frame says so.
template <typename Op>
static void addConversion(EvaluatorTable &table, double (*formula)(double x, unsigned from, unsigned to)) {
  table.addRaw<Op>([formula](Operation *op, Frame &frame) {
    Tensor result = frame.make(op->getResult(0).getType());
    unsigned from = widthOf(op->getOperand(0)), to = widthOf(op->getResult(0));
    for (auto [number, x] : llvm::zip_equal(result.data, frame[op->getOperand(0)].data))
      number = frame.round(Number(formula(x.value, from, to)));
    frame.set(op->getResult(0), std::move(result));
    return llvm::Error::success();
  });
}

/// Toward zero, limited to the range of the type; NaN becomes 0.
static double toInteger(double x, double low, double high) {
  return std::isnan(x) ? 0 : std::trunc(std::clamp(x, low, high));
}

/// The same bits as the other type. Only f32 and i32 exist in the polynomials.
static llvm::Error evaluateBitcast(arith::BitcastOp op, Frame &frame) {
  Type from = getElementTypeOrSelf(op.getIn().getType()), to = getElementTypeOrSelf(op.getType());
  bool toFloat = from.isInteger(32) && to.isF32();
  if (!toFloat && !(from.isF32() && to.isInteger(32)))
    return errorAt(op, "is neither from f32 to i32 nor back");
  Tensor result = frame.make(op.getType());
  for (auto [number, x] : llvm::zip_equal(result.data, frame[op.getIn()].data))
    number = toFloat ? Number(llvm::bit_cast<float>(static_cast<int32_t>(x.value)))
                     : Number(llvm::bit_cast<int32_t>(static_cast<float>(x.value)));
  frame.set(op.getResult(), std::move(result));
  return llvm::Error::success();
}

//===-- Formulas
//----------------------------------------------------------------------------------------------------===//

static int64_t wrappingPower(int64_t x, int64_t n, unsigned) {
  if (n < 0)
    return x == 1 ? 1 : x == -1 ? (n % 2 ? -1 : 1) : 0;
  uint64_t result = 1, square = static_cast<uint64_t>(x);
  for (; n; n >>= 1, square *= square)
    if (n & 1)
      result *= square;
  return static_cast<int64_t>(result);
}

static void addArithmetic(EvaluatorTable &table) {
  using U = uint64_t; // wraps instead of overflowing
  addBinary<arith::AddIOp>(table, [](int64_t a, int64_t b, unsigned) { return static_cast<int64_t>(U(a) + U(b)); });
  addBinary<arith::SubIOp>(table, [](int64_t a, int64_t b, unsigned) { return static_cast<int64_t>(U(a) - U(b)); });
  addBinary<arith::MulIOp>(table, [](int64_t a, int64_t b, unsigned) { return static_cast<int64_t>(U(a) * U(b)); });
  addBinary<arith::DivSIOp>(table, [](int64_t a, int64_t b, unsigned) {
    return b == 0 ? 0 : b == -1 ? static_cast<int64_t>(-U(a)) : a / b;
  });
  addBinary<arith::RemSIOp>(table, [](int64_t a, int64_t b, unsigned) { return b == 0 || b == -1 ? 0 : a % b; });
  addBinary<arith::DivUIOp>(table, [](int64_t a, int64_t b, unsigned width) {
    return b == 0 ? 0 : static_cast<int64_t>(zeroExtend(a, width) / zeroExtend(b, width));
  });
  addBinary<arith::RemUIOp>(table, [](int64_t a, int64_t b, unsigned width) {
    return b == 0 ? 0 : static_cast<int64_t>(zeroExtend(a, width) % zeroExtend(b, width));
  });
  addBinary<arith::MaxSIOp>(table, [](int64_t a, int64_t b, unsigned) { return std::max(a, b); });
  addBinary<arith::MinSIOp>(table, [](int64_t a, int64_t b, unsigned) { return std::min(a, b); });
  addBinary<math::IPowIOp>(table, wrappingPower);
  addUnary<math::AbsIOp>(table, [](int64_t x, unsigned) { return static_cast<int64_t>(x < 0 ? -U(x) : U(x)); });
  table.add(evaluateCompare);
  table.add(evaluateWideProduct<arith::MulUIExtendedOp>);
  table.add(evaluateWideProduct<arith::MulSIExtendedOp>);
}

static void addBitOperations(EvaluatorTable &table) {
  addBinary<arith::AndIOp>(table, [](int64_t a, int64_t b, unsigned) { return a & b; });
  addBinary<arith::OrIOp>(table, [](int64_t a, int64_t b, unsigned) { return a | b; });
  addBinary<arith::XOrIOp>(table, [](int64_t a, int64_t b, unsigned) { return a ^ b; });
  // A shift by the width or more is poison; here it shifts everything out.
  addBinary<arith::ShLIOp>(table, [](int64_t a, int64_t b, unsigned width) {
    return zeroExtend(b, width) < width ? static_cast<int64_t>(static_cast<uint64_t>(a) << b) : 0;
  });
  addBinary<arith::ShRSIOp>(table, [](int64_t a, int64_t b, unsigned width) {
    return a >> std::min<uint64_t>(zeroExtend(b, width), width - 1);
  });
  addBinary<arith::ShRUIOp>(table, [](int64_t a, int64_t b, unsigned width) {
    return zeroExtend(b, width) < width ? static_cast<int64_t>(zeroExtend(a, width) >> b) : 0;
  });
  addUnary<arith::ExtUIOp>(table, [](int64_t x, unsigned width) { return static_cast<int64_t>(zeroExtend(x, width)); });
  addUnary<arith::ExtSIOp>(table, [](int64_t x, unsigned) { return x; });
  addUnary<arith::TruncIOp>(table, [](int64_t x, unsigned) { return x; });
}

void reference::addPointwiseInteger(EvaluatorTable &table) {
  addArithmetic(table);
  addBitOperations(table);
  table.add(evaluateBitcast);
  addConversion<arith::SIToFPOp>(table, [](double x, unsigned from, unsigned) { return from == 1 ? -x : x; });
  addConversion<arith::UIToFPOp>(
      table, [](double x, unsigned from, unsigned) { return x < 0 ? x + std::ldexp(1.0, from) : x; });
  addConversion<arith::FPToSIOp>(table, [](double x, unsigned, unsigned to) {
    return toInteger(x, -std::ldexp(1.0, to - 1), std::ldexp(1.0, to - 1) - 1);
  });
  addConversion<arith::FPToUIOp>(
      table, [](double x, unsigned, unsigned to) { return toInteger(x, 0, std::ldexp(1.0, to) - 1); });
}
