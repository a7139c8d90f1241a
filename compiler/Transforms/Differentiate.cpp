// moe-differentiate: walks a gate backwards and lets every operation add its adjoint.
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Validity.h"
#include "dialects/Moe/IR/Adjoint.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"

namespace moe {
#define GEN_PASS_DEF_MOEDIFFERENTIATE
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

/// The type of a gradient: the value's, with bf16 and f16 widened to f32.
RankedTensorType gradientType(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType();
  return element.isBF16() || element.isF16() ? cast<RankedTensorType>(type.clone(Float32Type::get(type.getContext())))
                                             : type;
}

class Differentiation {
public:
  explicit Differentiation(GateOp gate) : gate(gate), builder(OpBuilder::atBlockEnd(&gate.getBody().front())) {}

  LogicalResult run() {
    if (MaskOp mask = maskOf(gate); mask && !mask.getApplied())
      return mask.emitError("is not applied: run moe-apply-mask before a gate is differentiated");
    if (gate.getBody().front().empty())
      return success();
    findActive();
    Operation *last = &gate.getBody().front().back();
    seed();
    if (failed(sweep()))
      return failure();
    Validity validity(gate);
    for (Operation *op = last->getNextNode(); op; op = op->getNextNode())
      if (auto reduce = dyn_cast<ReduceOp>(op))
        validity.guard(reduce); // 0 * infinity where nothing counts
    for (Operation *op : order) // what the forward program has, not the gradients that came in
      if (isWanted(op))
        writeGradient(op, validity);
    for (Operation *sink : sinks)
      sink->erase();
    return success();
  }

private:
  /// True for an input or param that a gradient is made for.
  bool isWanted(Operation *op) {
    if (!isa<InputOp, ParamOp>(op) || !isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType())))
      return false;
    return gate.getGradient() ? llvm::is_contained(*gate.getGradient(), op->getAttr("name")) : isa<InputOp>(op);
  }

  /// Marks the operations through which what gradients are made for reaches other values.
  void findActive() {
    for (Operation &op : gate.getBody().front()) {
      if (isa<LossOp, MetricOp, OutputOp, UpdateOp>(op)) {
        sinks.push_back(&op);
        continue;
      }
      order.push_back(&op);
      bool depends = llvm::any_of(op.getOperands(), [&](Value v) { return active.contains(v.getDefiningOp()); });
      if (isWanted(&op) || (depends && !stopsGradient(&op)))
        active.insert(&op);
    }
  }

  /// One gradient per sink: an input for a float output, a param for a loss.
  void seed() {
    for (Operation *sink : sinks) {
      Value value = sink->getOperand(0);
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (isa<MetricOp, UpdateOp>(sink) || !type || !isa<FloatType>(type.getElementType()))
        continue;
      if (isa<OutputOp>(sink) && !active.contains(value.getDefiningOp()))
        continue; // its gradient goes nowhere
      StringRef name = sink->getAttrOfType<StringAttr>("name").getValue();
      Value gradient;
      if (isa<LossOp>(sink))
        gradient = ParamOp::create(builder, sink->getLoc(), type, ("scale_" + name).str(), APFloat(1.0));
      else
        gradient = InputOp::create(builder, sink->getLoc(), gradientType(value), builder.getStringAttr("grad_" + name),
                                   false, StringAttr());
      AdjointBuilder adjoint(value.getDefiningOp(), builder, gradients);
      adjoint.accumulate(value, gradient);
    }
  }

  LogicalResult sweep() {
    for (Operation *op : llvm::reverse(order)) {
      if (!active.contains(op) || isa<InputOp, ParamOp>(op) || !gradients.contains(op->getResult(0)))
        continue;
      Type element = getElementTypeOrSelf(op->getResult(0).getType());
      bool moves = isa<BroadcastOp, ExpandOp, GatherOp, DetachOp, arith::TruncFOp>(op);
      if ((element.isBF16() || element.isF16()) && !moves)
        return op->emitError("computes in ")
               << element
               << ", which only stores values, and lies on the way of a gradient: widen with arith.extf first";
      auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
      if (!differentiable)
        return op->emitError("'")
               << op->getName() << "' lies on the way of a gradient and has no adjoint; use detach() if none is wanted";
      AdjointBuilder adjoint(op, builder, gradients);
      differentiable.buildAdjoint(adjoint);
    }
    return success();
  }

  void writeGradient(Operation *source, Validity &validity) {
    Value value = source->getResult(0), gradient = gradients.lookup(value);
    if (!gradient && !gate.getGradient()) // a bias that only selects: it has none
      return;
    RankedTensorType type = gradientType(value);
    if (!gradient)
      gradient = AdjointBuilder(source, builder, gradients).full(type, 0);
    TensorBuilder b{builder, source->getLoc()};
    for (StringAttr axis : axesOf(type))
      if (validity.skips(axis.getValue()) && !isPerToken(value)) // tokens are selected where the input is
        gradient = validity.keep(b, gradient, axis, 0);
    TypeAttr store;
    if (type != value.getType())
      store = TypeAttr::get(getElementTypeOrSelf(value.getType()));
    std::string name = "grad_" + source->getAttrOfType<StringAttr>("name").str();
    OutputOp::create(builder, source->getLoc(), name, gradient, store, /*saved=*/false, /*adds=*/true, StringAttr());
  }

  GateOp gate;
  OpBuilder builder;
  SmallVector<Operation *> order, sinks;
  llvm::SetVector<Operation *> active;
  llvm::DenseMap<Value, Value> gradients;
};

struct MoeDifferentiate : moe::impl::MoeDifferentiateBase<MoeDifferentiate> {
  void runOnOperation() override {
    if (failed(differentiate(getOperation())))
      signalPassFailure();
  }
};

} // namespace

LogicalResult moe::differentiate(GateOp gate) { return Differentiation(gate).run(); }
