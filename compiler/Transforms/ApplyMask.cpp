// moe-apply-mask: writes out, with selects and filters, what the mask, empty pieces and empty slots mean. Later passes
// see a gate where every element takes part in everything.
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Validity.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"

namespace moe {
#define GEN_PASS_DEF_MOEAPPLYMASK
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

/// Whether a slot may be empty where the token is valid.
bool mayHaveEmptySlots(Value selection) {
  Operation *op = selection.getDefiningOp();
  if (auto topk = dyn_cast<TopkOp>(op)) {
    Value among = topk.getAmong();
    if (!among)
      return false;
    StringRef groups = cast<SelectionType>(among.getType()).getAxis().getValue();
    return mayHaveEmptySlots(among) || !groupMap(op, topk.getAxis(), groups);
  }
  return isa<FirstOp, AppendOp>(op) ? mayHaveEmptySlots(op->getOperand(0)) : true;
}

/// A reduction over the elements where `kept` holds (null: all), of which there are `count`.
struct Partial {
  TensorBuilder b;
  Extent extent;
  RankedTensorType type, reduced;
  Value kept, count;

  Value where(Value x, double neutral) const {
    if (!kept)
      return x;
    return arith::SelectOp::create(b.builder, b.loc, kept, x, constantOf(b, x.getType(), neutral));
  }
  Value reduce(ReduceKind kind, Value x) const { return extent.reduce(b, kind, where(x, neutralOf(kind)), reduced); }
  Value mean(Value x) const { return b.div(reduce(ReduceKind::Sum, x), count); }

  /// Over a run-time axis mean(x^2) - mean(x)^2, so that one pass over the tokens is enough, as moe-decompose has it.
  Value variance(Value x) const {
    Value m = mean(x);
    bool isRunTime = llvm::any_of(extent.over.getAsRange<StringAttr>(),
                                  [&](StringAttr axis) { return type.isDynamicDim(axisIndex(type, axis.getValue())); });
    if (!isRunTime) {
      Value centred = b.sub(x, extent.spread(b, m, x.getType()));
      return mean(b.mul(centred, centred));
    }
    Value difference = b.sub(mean(b.mul(x, x)), b.mul(m, m));
    return b.binary<arith::MaximumFOp>(difference, b.scalar(reduced.getElementType(), 0));
  }
  /// The root of the variance, whose derivative is taken as 0 where the variance is.
  Value deviation(Value x) const {
    Value v = variance(x), zero = b.full(reduced, 0), one = b.full(reduced, 1);
    Value root = b.unary<math::SqrtOp>(b.select(arith::CmpFPredicate::OEQ, v, zero, one, v));
    return b.select(arith::CmpFPredicate::OEQ, v, zero, zero, root);
  }
  Value squaredVariation(Value x) const {
    Value m = mean(x);
    return b.div(b.div(variance(x), m), m);
  }
  Value logSumExp(Value x) const {
    Value nothing = b.full(reduced, std::numeric_limits<double>::quiet_NaN());
    Value n = b.broadcast(count, reduced), result = reduce(ReduceKind::LogSumExp, x);
    return b.select(arith::CmpFPredicate::OEQ, n, b.full(reduced, 0), nothing, result);
  }
  Value build(ReduceKind kind, Value x) const {
    switch (kind) {
    case ReduceKind::Mean:
      return mean(x);
    case ReduceKind::Var:
      return variance(x);
    case ReduceKind::Std:
      return deviation(x);
    case ReduceKind::Cv2:
      return squaredVariation(x);
    case ReduceKind::LogSumExp:
      return logSumExp(x);
    default:
      return reduce(kind, x);
    }
  }
};

bool isComposite(ReduceKind kind) {
  return kind == ReduceKind::Mean || kind == ReduceKind::Var || kind == ReduceKind::Std || kind == ReduceKind::Cv2 ||
         kind == ReduceKind::LogSumExp;
}

class Application {
public:
  explicit Application(GateOp gate) : gate(gate), block(gate.getBody().front()), mask(maskOf(gate)) {}

  void run() {
    if (mask && mask.getApplied())
      mask = {};
    if (mask)
      hoistMask();
    applySlots();
    Validity validity(gate);
    if (mask || piecesOf(gate))
      applyAxes(validity);
    if (!mask)
      return;
    maskInputs(validity);
    maskSelections();
    maskOutputs(validity);
    mask.setApplied(true);
  }

private:
  template <typename OpTy> SmallVector<OpTy> all() { return llvm::to_vector(block.getOps<OpTy>()); }

  /// Puts the inputs, and what the mask is made of, above everything that is to be masked.
  void hoistMask() {
    SmallVector<Operation *> work{mask.getValid().getDefiningOp()};
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      if (slice.insert(op))
        for (Value operand : op->getOperands())
          work.push_back(operand.getDefiningOp());
    }
    Operation *front = &*llvm::find_if(block, [](Operation &op) { return !isa<AxisOp>(op); });
    SmallVector<Operation *> above;
    for (Operation &op : block)
      if (slice.contains(&op) || (isa<InputOp>(op) && hasDeclaredAxes(&op)))
        above.push_back(&op);
    for (Operation *op : above)
      if (op != front)
        op->moveBefore(front);
      else
        front = front->getNextNode();
  }
  /// An input on a slot axis stands below the selection that makes the axis.
  static bool hasDeclaredAxes(Operation *input) {
    return llvm::all_of(axesOf(input->getResult(0).getType()), [&](StringAttr axis) {
      return axis.getValue().ends_with(".bound") || lookupAxis(input, axis.getValue());
    });
  }

  //===-- Empty slots ---------------------------------------------------------------------------------------------===//

  void applySlots() {
    for (auto op : all<ReduceOp>())
      if (op.getValid())
        applySlots(op);
    for (auto op : all<SoftmaxOp>())
      if (op.getValid())
        applySlotsAlong(op, -std::numeric_limits<double>::infinity());
    for (auto op : all<NormalizeOp>())
      if (op.getValid())
        applySlotsAlong(op, 0);
  }

  void applySlots(ReduceOp op) {
    Value selection = op.getValid();
    op.getValidMutable().clear();
    if (!mayHaveEmptySlots(selection))
      return;
    OpBuilder builder(op);
    auto type = cast<RankedTensorType>(op.getInput().getType()), reduced = cast<RankedTensorType>(op.getType());
    Partial part{{builder, op.getLoc()}, {op.getOver(), op.getToAttr(), Value()}, type, reduced, Value(), Value()};
    part.kept = filledSlots(part.b, selection, type);
    if (isComposite(op.getKind())) {
      Type i32 = builder.getI32Type();
      Value ones = arith::ExtUIOp::create(builder, op.getLoc(), type.clone(i32), part.kept);
      Value n = part.extent.reduce(part.b, ReduceKind::Sum, ones, reduced.clone(i32));
      part.count = arith::SIToFPOp::create(builder, op.getLoc(), reduced, n);
    }
    op.replaceAllUsesWith(part.build(op.getKind(), op.getInput()));
    op.erase();
  }

  /// softmax and normalize: the filled slots among themselves, 0 in the others.
  template <typename OpTy> void applySlotsAlong(OpTy op, double neutral) {
    Value selection = op.getValid();
    op.getValidMutable().clear();
    if (!mayHaveEmptySlots(selection))
      return;
    OpBuilder builder(op);
    TensorBuilder b{builder, op.getLoc()};
    Type type = op.getType();
    Value filled = filledSlots(b, selection, cast<RankedTensorType>(type));
    op.getInputMutable().assign(
        arith::SelectOp::create(builder, op.getLoc(), filled, op.getInput(), b.full(type, neutral)));
    builder.setInsertionPointAfter(op);
    auto result = arith::SelectOp::create(builder, op.getLoc(), filled, op.getResult(), b.full(type, 0));
    op.getResult().replaceAllUsesExcept(result, result);
  }

  //===-- Run-time axes -------------------------------------------------------------------------------------------===//

  void applyAxes(Validity &validity) {
    for (auto op : all<StandardizeOp>())
      if (validity.skips(op.getAxis()))
        decompose(op);
    for (auto op : all<ReduceOp>())
      if (isComposite(op.getKind()) && llvm::any_of(op.getOver().getAsRange<StringAttr>(),
                                                    [&](StringAttr axis) { return validity.skips(axis.getValue()); }))
        decompose(op);
    // The reductions and sizes that the gate has now; those that say what counts are added above them.
    SmallVector<ReduceOp> reductions = all<ReduceOp>();
    SmallVector<SizeOp> sizes = all<SizeOp>();
    for (ReduceOp op : reductions)
      if (!slice.contains(op))
        validity.guard(op);
    for (auto op : all<SoftmaxOp>())
      guardAlong(validity, op, -std::numeric_limits<double>::infinity());
    for (auto op : all<NormalizeOp>())
      guardAlong(validity, op, 0);
    for (SizeOp op : sizes)
      if (Value size = slice.contains(op) ? Value() : validity.size(op.getAxisAttr(), op.getToAttr())) {
        op.replaceAllUsesWith(size);
        op.erase();
      }
    if (mask)
      for (auto op : all<ShiftOp>()) {
        OpBuilder builder(op);
        op.getInputMutable().assign(
            validity.keep(TensorBuilder{builder, op.getLoc()}, op.getInput(), op.getAxisAttr(), 0));
      }
  }

  template <typename OpTy> void guardAlong(Validity &validity, OpTy op, double neutral) {
    if (!validity.skips(op.getAxis()) || slice.contains(op))
      return;
    OpBuilder builder(op);
    op.getInputMutable().assign(
        validity.keep(TensorBuilder{builder, op.getLoc()}, op.getInput(), op.getAxisAttr(), neutral));
  }

  /// The parts of a reduction along `over`, with the number of its elements as a `moe.size`.
  static Partial partsOf(OpBuilder &builder, Operation *op, Extent extent, RankedTensorType type,
                         RankedTensorType reduced) {
    Partial part{{builder, op->getLoc()}, extent, type, reduced, Value(), Value()};
    part.count = part.extent.count(part.b, op, type, reduced);
    return part;
  }
  void decompose(ReduceOp op) {
    if (slice.contains(op))
      return;
    OpBuilder builder(op);
    Extent extent{op.getOver(), op.getToAttr(), Value()};
    Partial part = partsOf(builder, op, extent, cast<RankedTensorType>(op.getInput().getType()),
                           cast<RankedTensorType>(op.getType()));
    op.replaceAllUsesWith(part.build(op.getKind(), op.getInput()));
    op.erase();
  }
  void decompose(StandardizeOp op) {
    if (slice.contains(op))
      return;
    OpBuilder builder(op);
    auto type = cast<RankedTensorType>(op.getType());
    Extent extent{builder.getArrayAttr({op.getAxisAttr()}), StringAttr(), Value()};
    Partial part = partsOf(builder, op, extent, type, withoutAxis(type, op.getAxis()));
    Value centred = part.b.sub(op.getInput(), part.mean(op.getInput()));
    Value scale = part.b.add(part.deviation(op.getInput()), op.getEps().convertToDouble());
    op.replaceAllUsesWith(part.b.div(centred, scale));
    op.erase();
  }

  //===-- Masked tokens -------------------------------------------------------------------------------------------===//

  bool isOnTokens(Type type) { return axisIndex(type, mask.getAxis()) >= 0; }

  /// 0 in the place of what stands at a masked token: NaN there reaches nothing, and the gradient there is 0.
  void maskInputs(Validity &validity) {
    for (auto input : all<InputOp>()) {
      if (!isa<FloatType>(getElementTypeOrSelf(input.getType())) || !isOnTokens(input.getType()))
        continue;
      SmallVector<Value> values;
      for (Operation *user : input.getResult().getUsers())
        if (isa<arith::ExtFOp>(user))
          values.push_back(user->getResult(0));
      values.push_back(input.getResult());
      for (Value value : values) {
        auto isMasked = [&](OpOperand &use) {
          bool widens = value == input.getResult() && isa<arith::ExtFOp>(use.getOwner());
          return !slice.contains(use.getOwner()) && !widens;
        };
        if (llvm::none_of(value.getUses(), isMasked))
          continue;
        OpBuilder builder(gate.getContext());
        builder.setInsertionPointAfter(value.getDefiningOp());
        if (value.getDefiningOp()->isBeforeInBlock(mask.getValid().getDefiningOp()))
          builder.setInsertionPointAfterValue(mask.getValid());
        Value kept = validity.keep(TensorBuilder{builder, value.getLoc()}, value, mask.getAxisAttr(), 0);
        value.replaceUsesWithIf(
            kept, [&](OpOperand &use) { return isMasked(use) && use.getOwner() != kept.getDefiningOp(); });
      }
    }
  }

  /// Selections of masked tokens are empty. `first`, `filter` and `limit` keep what is empty, and `among` serves a
  /// selection that is filtered itself.
  void maskSelections() {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (!isa<TopkOp, ForcedOp, AppendOp>(op) || slice.contains(&op))
        continue;
      auto type = cast<SelectionType>(op.getResult(0).getType());
      if (!llvm::is_contained(type.getBatch(), mask.getAxisAttr()))
        continue;
      OpBuilder builder(op.getContext());
      builder.setInsertionPointAfter(&op);
      TensorBuilder b{builder, op.getLoc()};
      SmallVector<StringAttr> axes(type.getBatch());
      SmallVector<int64_t> sizes;
      for (StringAttr axis : axes) {
        AxisOp declared = lookupAxis(&op, axis.getValue());
        sizes.push_back(declared.getSize() ? static_cast<int64_t>(*declared.getSize()) : ShapedType::kDynamic);
      }
      axes.push_back(type.getSlot());
      sizes.push_back(type.getSize());
      Value condition = b.broadcast(mask.getValid(), tensorOf(builder.getI1Type(), axes, sizes));
      auto filter = FilterOp::create(builder, op.getLoc(), type, op.getResult(0), condition);
      op.getResult(0).replaceUsesWithIf(filter, [&](OpOperand &use) {
        auto topk = dyn_cast<TopkOp>(use.getOwner());
        return use.getOwner() != filter && !(topk && use.get() == topk.getAmong());
      });
    }
  }

  /// 0 at masked tokens; a plan has -1 there already.
  void maskOutputs(Validity &validity) {
    for (auto output : all<OutputOp>()) {
      Value value = output.getValue();
      if (isa<SelectionType>(value.getType()) || !isOnTokens(value.getType()) || value.getDefiningOp<PermuteOp>())
        continue;
      OpBuilder builder(output);
      output.getValueMutable().assign(
          validity.keep(TensorBuilder{builder, output.getLoc()}, value, mask.getAxisAttr(), 0));
    }
  }

  GateOp gate;
  Block &block;
  MaskOp mask;
  llvm::SetVector<Operation *> slice; // what the mask is made of
};

struct MoeApplyMask : moe::impl::MoeApplyMaskBase<MoeApplyMask> {
  void runOnOperation() override {
    if (!getOperation().getBackwardOf()) // derived from a gate that has been through this
      Application(getOperation()).run();
  }
};

} // namespace
