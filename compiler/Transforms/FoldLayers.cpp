// moe-fold-layers: makes one run-time axis of (layer, token), layer by layer. A gate over the rows of several layers
// then is a gate over tokens: values of [layer, token, …] lose the axis of layers, those of [layer, …] alone are values
// of pieces, and what is the same for all layers counts in the first one only.
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/Validity.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

namespace moe {
#define GEN_PASS_DEF_MOEFOLDLAYERS
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

ArrayRef<StringAttr> outerAxesOf(Type type) {
  auto selection = dyn_cast<SelectionType>(type);
  return selection ? selection.getBatch() : axesOf(type);
}

/// The one axis that stands in front of tokens, or of pieces of them, in the values of a gate.
class LayerAxis {
public:
  explicit LayerAxis(GateOp gate) : gate(gate) {}

  /// Null where the gate has no layers; failure, with a diagnostic, where it has what cannot be folded.
  FailureOr<AxisOp> find() {
    for (Operation &op : gate.getBody().front())
      for (Value result : op.getResults())
        if (failed(note(result)))
          return failure();
    if (!layer)
      return AxisOp();
    for (Operation &op : gate.getBody().front())
      for (Value result : op.getResults())
        if (failed(checkOrder(result)))
          return failure();
    return failed(checkAxes()) ? FailureOr<AxisOp>(failure()) : FailureOr<AxisOp>(layer);
  }

  static bool isRunTime(Operation *op, StringRef name) {
    AxisOp axis = lookupAxis(op, name);
    return axis && !axis.getSize();
  }
  /// Position of the axis of tokens or pieces, or -1.
  static int64_t runTimeAxis(Value value) {
    for (auto [i, name] : llvm::enumerate(outerAxesOf(value.getType())))
      if (isRunTime(value.getDefiningOp(), name.getValue()))
        return static_cast<int64_t>(i);
    return -1;
  }

private:
  LogicalResult note(Value value) {
    Operation *op = value.getDefiningOp();
    int64_t at = runTimeAxis(value);
    ArrayRef<StringAttr> axes = outerAxesOf(value.getType());
    if (at > 1)
      return op->emitError("has '") << axes[0].getValue() << "' and '" << axes[1].getValue() << "' in front of '"
                                    << axes[at].getValue() << "'; one axis of layers is lowered";
    if (at < 1)
      return success();
    AxisOp found = lookupAxis(op, axes[0].getValue());
    if (!found)
      return op->emitError("has the slots '")
             << axes[0].getValue() << "' in front of '" << axes[1].getValue() << "'; write them behind it";
    if (!layer) {
      layer = found;
      first = op;
    }
    if (found == layer)
      return success();
    InFlightDiagnostic diag = op->emitError("has '")
                              << found.getSymName() << "' in front of '" << axes[1].getValue() << "', and '"
                              << layer.getSymName() << "' stands there too; one axis of layers is lowered";
    diag.attachNote(first->getLoc()) << "'" << layer.getSymName() << "' stands in front here";
    return diag;
  }

  LogicalResult checkOrder(Value value) {
    int64_t at = runTimeAxis(value), mine = axisIndex(value.getType(), layer.getSymName());
    if (at < 0 || mine <= at)
      return success();
    StringRef tokens = outerAxesOf(value.getType())[at].getValue();
    return value.getDefiningOp()->emitError("has '")
           << layer.getSymName() << "' behind '" << tokens << "'; write [" << layer.getSymName() << ", " << tokens
           << ", …], as in the rest of the gate";
  }

  LogicalResult checkAxes() {
    if (layer.getOf())
      return layer.emitError("'") << layer.getSymName() << "' groups '" << *layer.getOf()
                                  << "' and stands in front of the tokens: layers of groups are not lowered yet";
    for (auto axis : gate.getBody().front().getOps<AxisOp>()) {
      if (axis.getOf() && *axis.getOf() == layer.getSymName())
        return axis.emitError("'") << axis.getSymName() << "' groups the layers '" << layer.getSymName()
                                   << "', which is not lowered yet";
      if (axis.getOffsets())
        return axis.emitError("'")
               << axis.getSymName()
               << "' has offsets in a gate with layers, which are of the tokens of one layer: divide "
                  "the tokens by length";
    }
    return success();
  }

  GateOp gate;
  AxisOp layer;
  Operation *first = nullptr;
};

class Folding {
public:
  Folding(GateOp gate, AxisOp layer)
      : gate(gate), layer(layer), name(layer.getSymNameAttr()), count(static_cast<int64_t>(*layer.getSize())) {
    for (auto axis : gate.getBody().front().getOps<AxisOp>())
      if (!axis.getSize() && !axis.isPieces())
        tokens = axis;
    for (Operation &op : gate.getBody().front())
      for (Value result : op.getResults()) {
        bool isLayered = llvm::is_contained(outerAxesOf(result.getType()), name) ||
                         axisIndex(result.getType(), name.getValue()) >= 0;
        if (isLayered)
          layered.insert(result);
        if (LayerAxis::runTimeAxis(result) >= 0)
          onRows.insert(result);
        needsPieces |= isLayered && !onRows.contains(result);
      }
  }

  LogicalResult run() {
    SmallVector<Operation *> ops;
    for (Operation &op : gate.getBody().front()) {
      needsPieces |= isa<RankOp>(op);
      if (!isa<AxisOp>(op))
        ops.push_back(&op);
    }
    declareAxes();
    for (Operation *op : ops)
      if (failed(fold(op)))
        return failure();
    return success();
  }

private:
  /// The layers as pieces, where there are values of them.
  void declareAxes() {
    tokens.setLayers(count);
    AxisOp outermost = tokens;
    for (AxisOp axis : pieceAxes(gate))
      outermost = axis;
    if (!needsPieces) {
      layer.erase();
      return;
    }
    OpBuilder builder(gate.getContext());
    layer.removeSizeAttr();
    layer.setOfAttr(FlatSymbolRefAttr::get(outermost.getSymNameAttr()));
    layer.setCountAttr(builder.getI64IntegerAttr(count));
    if (layer->isBeforeInBlock(outermost))
      layer->moveAfter(outermost);
  }

  Type folded(Value value) {
    Type type = value.getType();
    if (!layered.contains(value))
      return type;
    if (auto selection = dyn_cast<SelectionType>(type)) {
      if (!onRows.contains(value))
        return type;
      SmallVector<StringAttr> batch(selection.getBatch());
      llvm::erase(batch, name);
      return SelectionType::get(type.getContext(), batch, selection.getAxis(), selection.getSlot(),
                                selection.getSize());
    }
    auto tensor = cast<RankedTensorType>(type);
    return onRows.contains(value) ? withoutAxis(tensor, name.getValue())
                                  : withAxis(tensor, name.getValue(), name, ShapedType::kDynamic);
  }

  /// Whether the caller's array of a value of layers has them in front.
  LogicalResult checkArray(Operation *op, Value value) {
    if (layered.contains(value) && outerAxesOf(value.getType())[0] != name)
      return op->emitError("has '") << name.getValue()
                                    << "' behind another axis; the array of a caller has it in front";
    return success();
  }

  LogicalResult fold(Operation *op) {
    for (Value result : op->getResults())
      types[result] = folded(result);
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case<InputOp>([&](auto input) { return foldInput(input); })
        .Case<OutputOp>([&](auto output) { return foldOutput(output); })
        .Case<StateOp, MetricOp, UpdateOp>([&](auto other) { return foldStatic(other); })
        .Case<arith::ConstantOp>([&](auto constant) { return foldConstant(constant); })
        .Case<BroadcastOp>([&](auto broadcast) { return foldBroadcast(broadcast); })
        .Case<GatherOp>([&](auto gather) { return foldGather(gather); })
        .Case<ReduceOp>([&](auto reduce) { return foldReduce(reduce); })
        .Case<SizeOp>([&](auto size) { return foldSize(size); })
        .Case<IndexOp>([&](auto index) { return foldIndex(index); })
        .Case<ShiftOp>([&](auto shift) { return foldShift(shift); })
        .Case<RankOp>([&](auto rank) {
          if (!rank.getPer()) // the queues of each layer are its own
            rank.setPerAttr(name);
          return retype(rank);
        })
        .Case<PermuteOp, RandomOp>([&](auto other) {
          return other.emitError("'") << other->getName() << "' is not lowered in a gate with layers ('"
                                      << name.getValue() << "'): " << reasonAgainst(other);
        })
        .Default([&](Operation *other) { return retype(other); });
  }
  static StringRef reasonAgainst(Operation *op) {
    return isa<RandomOp>(op) ? "each layer would draw numbers of its own" : "a plan is for the tokens of one layer";
  }

  LogicalResult retype(Operation *op) {
    for (Value result : op->getResults())
      result.setType(types[result]);
    return success();
  }
  /// `value` stands for the result of `op` from now on.
  void replaceLike(Operation *op, Value value) {
    Value old = op->getResult(0);
    if (layered.erase(old))
      layered.insert(value);
    if (onRows.erase(old))
      onRows.insert(value);
    old.replaceAllUsesWith(value);
    op->erase();
  }

  //===-- Arrays of the caller ------------------------------------------------------------------------------------===//

  LogicalResult foldInput(InputOp op) {
    Value value = op.getResult();
    if (failed(checkArray(op, value)))
      return failure();
    if (onRows.contains(value) && (layered.contains(value) || op.getSaved()))
      op.setLayeredAttr(name);
    else if (onRows.contains(value) && !isPerToken(value))
      return op.emitError("'") << op.getName() << "' has pieces of the tokens, but not '" << name.getValue()
                               << "', of which each has its own: write it with both axes";
    return retype(op);
  }

  LogicalResult foldOutput(OutputOp op) {
    Value value = op.getValue();
    bool isLayered = layered.contains(value);
    if (isLayered && !onRows.contains(value) && outerAxesOf(value.getType())[0] != name)
      return op.emitError("has '") << name.getValue() << "' behind another axis; the array of a caller has it in front";
    if (!onRows.contains(value))
      return success();
    if (isLayered || op.getSaved()) {
      op.setLayeredAttr(name);
      return success();
    }
    if (op.getAdds())
      return op.emitError("'")
             << op.getName() << "' is a gradient with tokens, but without '" << name.getValue()
             << "': the sum over the layers of each token is not lowered yet; give the array the axis "
                "of layers, or detach() it";
    if (!isPerToken(value))
      return op.emitError("'") << op.getName() << "' has pieces of the tokens, but not '" << name.getValue()
                               << "', of which each has its own: broadcast it to both axes";
    return success();
  }

  LogicalResult foldStatic(Operation *op) {
    Value value = op->getNumResults() ? op->getResult(0) : op->getOperand(0);
    if (layered.contains(value))
      return op->emitError("has the axis '")
             << name.getValue()
             << "', which stands in front of the tokens: layers have no states, updates "
                "or metrics of their own yet; reduce over it, or write an output";
    return success();
  }

  //===-- Shapes --------------------------------------------------------------------------------------------------===//

  LogicalResult foldConstant(arith::ConstantOp op) {
    if (!layered.contains(op.getResult()))
      return success();
    auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!dense || !dense.isSplat())
      return op.emitError("a table of different constants is not lowered yet");
    OpBuilder builder(op);
    auto scalar = RankedTensorType::get({}, getElementTypeOrSelf(op.getType()));
    Value one = arith::ConstantOp::create(builder, op.getLoc(), scalar, dense.resizeSplat(scalar));
    replaceLike(op, BroadcastOp::create(builder, op.getLoc(), types[op.getResult()], one));
    return success();
  }

  /// A value of each layer, for each of its rows.
  Value onRowsOf(OpBuilder &builder, Location loc, Value value, StringAttr axis) {
    RankedTensorType type =
        withAxis(cast<RankedTensorType>(value.getType()), name.getValue(), axis, ShapedType::kDynamic);
    return ExpandOp::create(builder, loc, type, value, name, axis);
  }
  bool isOfLayers(Value value) { return layered.contains(value) && !onRows.contains(value); }

  LogicalResult foldBroadcast(BroadcastOp op) {
    OpBuilder builder(op);
    Value value = op.getInput();
    Type type = types[op.getResult()];
    if (isOfLayers(value) && onRows.contains(op.getResult()))
      value = onRowsOf(builder, op.getLoc(), value, axesOf(type)[0]);
    if (value.getType() != type || layered.contains(value) != layered.contains(op.getResult())) // not the same value
      value = BroadcastOp::create(builder, op.getLoc(), type, value);
    replaceLike(op, value);
    return success();
  }

  LogicalResult foldGather(GatherOp op) {
    OpBuilder builder(op);
    if (isOfLayers(op.getInput()) && onRows.contains(op.getSelection()))
      op.getInputMutable().assign(
          onRowsOf(builder, op.getLoc(), op.getInput(), op.getSelection().getType().getBatch()[0]));
    return retype(op);
  }

  //===-- Numbers of rows -----------------------------------------------------------------------------------------===//

  Value number(OpBuilder &builder, Location loc, int64_t value) {
    auto scalar = RankedTensorType::get({}, builder.getI32Type());
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(scalar, static_cast<int32_t>(value)));
  }
  /// How many tokens, or pieces, one layer has.
  Value sizeOfLayer(OpBuilder &builder, Location loc, StringAttr axis) {
    Value rows = SizeOp::create(builder, loc, RankedTensorType::get({}, builder.getI32Type()), axis, StringAttr());
    return arith::DivUIOp::create(builder, loc, rows, number(builder, loc, count));
  }
  Value rowOf(const TensorBuilder &b, StringAttr axis) {
    Type type = tensorOf(b.builder.getI32Type(), {axis}, {ShapedType::kDynamic});
    return IndexOp::create(b.builder, b.loc, type, axis, StringAttr());
  }
  /// The number of a token, or piece, in its layer.
  Value indexInLayer(const TensorBuilder &b, StringAttr axis) {
    return b.binary<arith::RemUIOp>(rowOf(b, axis), sizeOfLayer(b.builder, b.loc, axis));
  }
  Value compare(const TensorBuilder &b, arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b.builder, b.loc, predicate, x, b.broadcast(y, x.getType()));
  }

  LogicalResult foldSize(SizeOp op) {
    if (op.getTo())
      return retype(op);
    OpBuilder builder(op);
    if (op.getAxis() == name)
      replaceLike(op, number(builder, op.getLoc(), count));
    else if (LayerAxis::isRunTime(op, op.getAxis()))
      replaceLike(op, sizeOfLayer(builder, op.getLoc(), op.getAxisAttr()));
    return success();
  }

  LogicalResult foldIndex(IndexOp op) {
    if (op.getTo() || op.getAxis() == name || !LayerAxis::isRunTime(op, op.getAxis()))
      return retype(op);
    OpBuilder builder(op);
    replaceLike(op, indexInLayer({builder, op.getLoc()}, op.getAxisAttr()));
    return success();
  }

  /// Pieces stop a shift; without them, the start or end of the layer does.
  LogicalResult foldShift(ShiftOp op) {
    if (failed(retype(op)) || !pieceAxesBelow().empty())
      return success();
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    TensorBuilder b{builder, op.getLoc()};
    auto distance = static_cast<int64_t>(op.getDistance());
    Value start = number(builder, b.loc, distance < 0 ? -distance : distance),
          at = indexInLayer(b, tokens.getSymNameAttr());
    Value inside = compare(b, arith::CmpIPredicate::uge, at, start);
    if (distance < 0) {
      Value size = sizeOfLayer(builder, b.loc, tokens.getSymNameAttr());
      inside = compare(b, arith::CmpIPredicate::ult, b.binary<arith::AddIOp>(at, start), size);
    }
    auto type = cast<RankedTensorType>(op.getType());
    inside = b.broadcast(inside, type.clone(builder.getI1Type()));
    auto kept = arith::SelectOp::create(builder, b.loc, inside, op.getResult(), constantOf(b, type, 0));
    if (layered.contains(op.getResult()))
      layered.insert(kept);
    onRows.insert(kept);
    op.getResult().replaceAllUsesExcept(kept, kept);
    return success();
  }
  /// The axes of pieces that are no layers.
  SmallVector<AxisOp> pieceAxesBelow() {
    SmallVector<AxisOp> axes = pieceAxes(gate);
    llvm::erase_if(axes, [&](AxisOp axis) { return axis.getSymNameAttr() == name; });
    return axes;
  }

  //===-- Reductions ----------------------------------------------------------------------------------------------===//

  LogicalResult foldReduce(ReduceOp op) {
    SmallVector<StringAttr> over(op.getOver().getAsRange<StringAttr>());
    bool overLayers = llvm::is_contained(over, name), isLayered = layered.contains(op.getInput());
    StringAttr rows;
    for (StringAttr axis : over)
      if (axis != name && LayerAxis::isRunTime(op, axis.getValue()))
        rows = axis;
    if (overLayers && onRows.contains(op.getInput())) {
      if (!rows)
        return refuseOverLayers(op);
      llvm::erase(over, name);
      op.setOverAttr(ArrayAttr::get(op.getContext(), SmallVector<Attribute>(over.begin(), over.end())));
      return retype(op);
    }
    if (!rows || op.getTo())
      return retype(op);
    if (over.size() > 1)
      return op.emitError("reduces over several axes: run moe-decompose first");
    if (isLayered)
      op.setToAttr(name);
    else
      keepFirstLayer(op, rows);
    return retype(op);
  }

  LogicalResult refuseOverLayers(ReduceOp op) {
    if (gate.getBackwardOf())
      return op.emitError("the gradient of what has tokens, but not '")
             << name.getValue()
             << "', is a sum over the layers of each token, which is not lowered yet; give it the axis "
             << "of layers, or detach() it";
    return op.emitError("reduces over '")
           << name.getValue() << "' for each token, which is not lowered yet; reduce over the tokens too";
  }

  /// Of a value that is the same for all layers, the rows of the first one count.
  void keepFirstLayer(ReduceOp op, StringAttr rows) {
    OpBuilder builder(op);
    TensorBuilder b{builder, op.getLoc()};
    Value input = op.getInput();
    Value isFirst = compare(b, arith::CmpIPredicate::ult, rowOf(b, rows), sizeOfLayer(builder, b.loc, rows));
    isFirst = b.broadcast(isFirst, b.typeOf(input).clone(builder.getI1Type()));
    Value neutral = constantOf(b, input.getType(), neutralOf(op.getKind()));
    op.getInputMutable().assign(arith::SelectOp::create(builder, b.loc, isFirst, input, neutral));
  }

  GateOp gate;
  AxisOp layer, tokens;
  StringAttr name;
  int64_t count;
  bool needsPieces = false;
  llvm::DenseSet<Value> layered, onRows; ///< values that have, or had, the axis of layers; that of tokens or pieces
  llvm::DenseMap<Value, Type> types;     ///< after folding
};

struct MoeFoldLayers : moe::impl::MoeFoldLayersBase<MoeFoldLayers> {
  void runOnOperation() override {
    GateOp gate = getOperation();
    for (auto axis : gate.getBody().front().getOps<AxisOp>())
      if (axis.getLayers())
        return;
    FailureOr<AxisOp> layer = LayerAxis(gate).find();
    if (failed(layer) || (*layer && failed(Folding(gate, *layer).run())))
      signalPassFailure();
  }
};

} // namespace
