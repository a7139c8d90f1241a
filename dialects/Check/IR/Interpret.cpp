// moe-interpret: evaluates gates whose values are under check, on the arrays that the checks give.
#include "compiler/Reference/Frame.h"
#include "dialects/Check/IR/Check.h"
#include <fmt/format.h>

namespace moe::check {
#define GEN_PASS_DEF_INTERPRET
#include "dialects/Check/IR/CheckPasses.h.inc"
} // namespace moe::check

using namespace mlir;
using namespace moe;
using namespace moe::check;
using reference::Frame;

/// The expected numbers as doubles, a splat repeated.
static std::vector<double> numbersOf(ElementsAttr expected) {
  std::vector<double> numbers;
  if (isa<FloatType>(expected.getElementType()))
    for (APFloat value : expected.getValues<APFloat>()) {
      bool losesInfo;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
      numbers.push_back(value.convertToDouble());
    }
  else
    for (const APInt &value : expected.getValues<APInt>())
      numbers.push_back(static_cast<double>(value.getBitWidth() == 1 ? static_cast<int64_t>(value.getZExtValue())
                                                                     : value.getSExtValue()));
  return numbers;
}

/// Compares the elements of a value; reports the first that differs.
template <typename Op> static LogicalResult compare(Op op, const Frame &frame, double tolerance) {
  const std::vector<reference::Number> &data = frame[op.getValue()].data;
  std::vector<double> expected = numbersOf(op.getExpected());
  if (op.getExpected().isSplat() && !expected.empty())
    expected.assign(data.size(), expected.front());
  if (expected.size() != data.size())
    return op.emitOpError("expects ") << expected.size() << " numbers for " << data.size() << " elements";
  for (auto [i, number] : llvm::enumerate(data)) {
    double got = number.value, want = expected[i];
    bool same = got == want || (std::isnan(got) && std::isnan(want));
    bool close = std::isfinite(want) && std::fabs(got - want) <= tolerance * std::max(1.0, std::fabs(want));
    if (same || close)
      continue;
    return op.emitOpError(fmt::format("element {} is {:.12g}, expected {:.12g} within {:g}", i, got, want, tolerance));
  }
  return success();
}

/// The arrays under `check.given`.
static reference::Arrays givenArrays(GateOp gate) {
  reference::Arrays arrays;
  for (auto given : gate.getOps<GivenOp>()) {
    reference::Array &array = arrays[given.getName().str()];
    array.sizes = given.getElements().getShapedType().getShape().vec();
    array.kind = isa<FloatType>(given.getElements().getElementType()) ? reference::ElementKind::Float
                                                                      : reference::ElementKind::Integer;
    array.data = numbersOf(given.getElements());
  }
  return arrays;
}

namespace {

struct InterpretPass : moe::check::impl::InterpretBase<InterpretPass> {
  using InterpretBase::InterpretBase;

  void runOnOperation() override {
    bool failedCheck = false;
    reference::EvaluatorTable checks;
    checks.addRaw<ExpectCloseOp>([&](Operation *op, Frame &frame) {
      auto check = cast<ExpectCloseOp>(op);
      double tolerance = check.getTolerance() ? check.getTolerance()->convertToDouble() : 1e-12;
      failedCheck |= failed(compare(check, frame, tolerance));
      return llvm::Error::success();
    });
    checks.addRaw<ExpectEqOp>([&](Operation *op, Frame &frame) {
      failedCheck |= failed(compare(cast<ExpectEqOp>(op), frame, 0));
      return llvm::Error::success();
    });
    checks.addRaw<GivenOp>([](Operation *, Frame &) { return llvm::Error::success(); });
    reference::EvaluationOptions options;
    options.seed = seed;
    options.firstToken = firstToken;
    options.offset = offset;
    options.float32Selections = float32Selections;
    if (tokenCount >= 0)
      options.tokenCount = tokenCount;
    auto results = reference::evaluate(getOperation(), givenArrays(getOperation()), options, checks);
    if (!results) {
      getOperation().emitError(llvm::toString(results.takeError()));
      return signalPassFailure();
    }
    if (failedCheck)
      signalPassFailure();
  }
};

} // namespace
