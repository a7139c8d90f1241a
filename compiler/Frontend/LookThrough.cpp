// The rule for what topk compares: see LookThrough.h.
#include "compiler/Frontend/LookThrough.h"
#include "dialects/Moe/IR/Moe.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe;

/// The value of a splat constant, through broadcasts.
static std::optional<llvm::APFloat> constantOf(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getInput();
  DenseElementsAttr attr;
  if (!matchPattern(value, m_Constant(&attr)) || !attr.isSplat() || !isa<FloatType>(attr.getElementType()))
    return std::nullopt;
  return attr.getSplatValue<llvm::APFloat>();
}

static bool isPositiveScale(Value value) {
  auto constant = constantOf(value);
  return constant && constant->isFiniteNonZero() && !constant->isNegative();
}

//===-- Sign
//--------------------------------------------------------------------------------------------------------===//

/// Deep chains are not worth following; giving up only means comparing the values as computed.
static constexpr unsigned kMaxDepth = 64;

static bool isNotNegative(Value value, unsigned depth);

static bool areNotNegative(ValueRange values, unsigned depth) {
  return llvm::all_of(values, [&](Value value) { return ::isNotNegative(value, depth); });
}

static bool isNotNegative(Value value, unsigned depth) {
  auto element = cast<ShapedType>(value.getType()).getElementType();
  Operation *op = value.getDefiningOp();
  if (element.isInteger(1))
    return true; // 0 or 1
  if (!op || depth > kMaxDepth)
    return false;
  DenseElementsAttr attr;
  if (matchPattern(value, m_Constant(&attr))) {
    if (!attr.isSplat())
      return false;
    return isa<FloatType>(element)
               ? !attr.getSplatValue<llvm::APFloat>().isNegative() && !attr.getSplatValue<llvm::APFloat>().isNaN()
               : attr.getSplatValue<llvm::APInt>().isNonNegative();
  }
  if (isa<SoftmaxOp, SigmoidOp, SoftplusOp, NormalCdfOp, math::ExpOp, math::AbsFOp, SizeOp, IndexOp, ArgmaxOp, ChosenOp,
          arith::ExtUIOp, arith::UIToFPOp>(op))
    return true;
  if (auto mul = dyn_cast<arith::MulFOp>(op))
    return mul.getLhs() == mul.getRhs() || areNotNegative(op->getOperands(), depth + 1);
  if (auto max = dyn_cast<arith::MaximumFOp>(op)) // relu is max(x, 0)
    return ::isNotNegative(max.getLhs(), depth + 1) || ::isNotNegative(max.getRhs(), depth + 1);
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    if (reduce.getKind() == ReduceKind::Var || reduce.getKind() == ReduceKind::Std ||
        reduce.getKind() == ReduceKind::Cv2)
      return true;
    return reduce.getKind() != ReduceKind::LogSumExp && ::isNotNegative(reduce.getInput(), depth + 1);
  }
  if (auto random = dyn_cast<RandomOp>(op))
    return random.getKind() == RandomKind::Uniform;
  if (isa<GatherOp, ScatterOp, ShiftOp>(op)) // values of the operand, and 0
    return ::isNotNegative(op->getOperand(0), depth + 1);
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return areNotNegative({select.getTrueValue(), select.getFalseValue()}, depth + 1);
  if (isa<arith::AddFOp, arith::DivFOp, arith::MinimumFOp, arith::SIToFPOp, arith::ExtSIOp, arith::ExtFOp, math::SqrtOp,
          math::RsqrtOp, math::FloorOp, math::CeilOp, BroadcastOp, ExpandOp, DetachOp, NormalizeOp, SumTopOp, KthOp>(
          op))
    return areNotNegative(op->getOperands(), depth + 1);
  return false;
}

bool moe::frontend::isNotNegative(Value value) { return ::isNotNegative(value, 0); }

//===-- Look through
//------------------------------------------------------------------------------------------------===//

/// One step: the argument of an order-keeping function along `axis`, or null.
static Value argumentOf(Value score, StringRef axis) {
  Operation *op = score.getDefiningOp();
  if (auto softmax = dyn_cast_or_null<SoftmaxOp>(op))
    return softmax.getAxis() == axis && !softmax.getValid() ? softmax.getInput() : Value();
  if (auto standardize = dyn_cast_or_null<StandardizeOp>(op))
    return standardize.getAxis() == axis ? standardize.getInput() : Value();
  if (auto normalize = dyn_cast_or_null<NormalizeOp>(op)) {
    bool keeps =
        normalize.getAxis() == axis && !normalize.getValid() && moe::frontend::isNotNegative(normalize.getInput());
    return keeps ? normalize.getInput() : Value();
  }
  if (auto mul = dyn_cast_or_null<arith::MulFOp>(op))
    return isPositiveScale(mul.getRhs()) ? mul.getLhs() : isPositiveScale(mul.getLhs()) ? mul.getRhs() : Value();
  if (auto div = dyn_cast_or_null<arith::DivFOp>(op))
    return isPositiveScale(div.getRhs()) ? div.getLhs() : Value();
  return {};
}

Value moe::frontend::lookThrough(OpBuilder &builder, Value score, StringRef axis) {
  while (Value argument = argumentOf(score, axis))
    score = argument;
  // max(x, A -> B): the order of the groups' maxima is that of the maxima of x's argument.
  auto reduce = score.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != ReduceKind::Max || reduce.getTo() != axis || reduce.getOver().size() != 1 ||
      reduce.getValid())
    return score;
  StringRef finer = cast<StringAttr>(reduce.getOver()[0]).getValue();
  Value argument = lookThrough(builder, reduce.getInput(), finer);
  if (argument == reduce.getInput() || argument.getType() != reduce.getInput().getType())
    return score;
  return ReduceOp::create(builder, reduce.getLoc(), reduce.getType(), reduce.getKind(), argument, Value(),
                          reduce.getOverAttr(), reduce.getToAttr());
}
