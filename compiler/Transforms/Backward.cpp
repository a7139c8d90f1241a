// moe-derive-backward and moe-cut-backward: from a module of gates to a module of gates and their backward gates, which
// meet in what the forward gate saves.
#include "compiler/Transforms/Differentiate.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Moe/IR/TensorBuilder.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace moe {
#define GEN_PASS_DEF_MOEDERIVEBACKWARD
#define GEN_PASS_DEF_MOECUTBACKWARD
#include "compiler/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

static bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

/// True when the gate has something to take gradients of, and something to take them with respect to.
static bool hasGradients(GateOp gate) {
  bool from = false, to = gate.getGradient().has_value();
  for (Operation &op : gate.getBody().front()) {
    auto output = dyn_cast<OutputOp>(op);
    from |= isa<LossOp>(op) || (output && !output.getSaved() && isFloat(output.getValue().getType()));
    to |= isa<InputOp>(op) && isFloat(op.getResult(0).getType());
  }
  return from && to;
}

static StringRef nameOf(Operation *op) { return op->getAttrOfType<StringAttr>("name").getValue(); }

/// Values on the slots of a selection that is gone keep the axis: a gradient that is the same in all of them, for one.
static void declareSlots(GateOp gate) {
  llvm::MapVector<StringAttr, int64_t> missing;
  llvm::DenseSet<StringAttr> made;
  for (Operation &op : gate.getBody().front())
    for (Type type : op.getResultTypes()) {
      if (auto selection = dyn_cast<SelectionType>(type))
        made.insert(selection.getSlot());
      else if (auto tensor = dyn_cast<RankedTensorType>(type))
        for (auto [axis, size] : llvm::zip_equal(axesOf(tensor), tensor.getShape()))
          if (!ShapedType::isDynamic(size) && !isa<PermuteOp>(op) && !lookupAxis(&op, axis.getValue()))
            missing[axis] = size;
    }
  OpBuilder first = OpBuilder::atBlockBegin(&gate.getBody().front());
  for (auto [axis, size] : missing)
    if (!made.contains(axis))
      declareAxis(first, gate.getLoc(), axis, size);
}

namespace {

struct MoeDeriveBackward : moe::impl::MoeDeriveBackwardBase<MoeDeriveBackward> {
  void runOnOperation() override {
    llvm::StringSet<> done;
    SmallVector<GateOp> gates;
    for (auto gate : getOperation().getOps<GateOp>())
      if (gate.getBackwardOf())
        done.insert(*gate.getBackwardOf());
      else
        gates.push_back(gate);
    for (GateOp gate : gates)
      if (!done.contains(gate.getSymName()) && hasGradients(gate) && failed(derive(gate)))
        return signalPassFailure();
  }

  static LogicalResult derive(GateOp gate) {
    OpBuilder builder(gate.getContext());
    builder.setInsertionPointAfter(gate);
    auto backward = cast<GateOp>(builder.clone(*gate));
    backward.setSymName((gate.getSymName() + "_backward").str());
    backward.setBackwardOf(gate.getSymName());
    backward.removeWholeBatchAttr();
    if (failed(differentiate(backward)))
      return failure();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(backward.getBody().front())))
      if (isOpTriviallyDead(&op)) // selections that only what is gone used
        op.erase();
    declareSlots(backward);
    return success();
  }
};

/// Separates one backward gate from its forward gate.
class Cut {
public:
  Cut(GateOp forward, GateOp backward)
      : forward(forward), backward(backward), builder(backward.getContext()),
        ahead(OpBuilder::atBlockEnd(&forward.getBody().front())) {
    for (Operation &op : forward.getBody().front())
      if (isSource(&op) || isa<LossOp, MetricOp, OutputOp>(op))
        (isSource(&op) ? sources : sinks)[nameOf(&op)] = &op;
    for (Operation &op : backward.getBody().front())
      if (isSource(&op) || isa<OutputOp>(op))
        taken.insert(nameOf(&op));
  }

  void run() {
    classify();
    SmallVector<Operation *> frontier = findFrontier();
    for (Operation *op : frontier)
      save(op);
    eraseDead();
    declareSlots(backward);
    remark();
  }

private:
  static bool isSource(Operation *op) { return isa<InputOp, ParamOp, StateOp>(op); }

  /// Finds what depends on a gradient that comes in, and what depends on the tokens of the call.
  void classify() {
    for (Operation &op : backward.getBody().front()) {
      bool arrives = isSource(&op) && !sources.contains(nameOf(&op));
      if (arrives || llvm::any_of(op.getOperands(), [&](Value v) { return gradients.contains(v.getDefiningOp()); }))
        gradients.insert(&op);
      auto size = dyn_cast<SizeOp>(op);
      bool counts = size && !lookupAxis(&op, size.getAxis()).getSize();
      bool perToken = op.getNumResults() == 1 && isPerToken(op.getResult(0));
      if (counts || perToken ||
          llvm::any_of(op.getOperands(), [&](Value v) { return tokens.contains(v.getDefiningOp()); }))
        tokens.insert(&op);
    }
  }

  /// Selections and ranks, so that both programs mean the same one, and what is known only after all tokens.
  bool shouldSave(Operation *op) {
    if (op->getNumResults() != 1 || gradients.contains(op) || !tokens.contains(op) || isa<BroadcastOp, ExpandOp>(op))
      return false; // a copy is made from the smaller value
    Value value = op->getResult(0);
    if (auto forced = dyn_cast<ForcedOp>(op);
        forced && isPerToken(value)) // placed elsewhere, by the tokens of the call
      return !forced.getIndex().getDefiningOp<InputOp>();
    if (isPerToken(value))
      return isa<TopkOp, ArgmaxOp, RankOp, LimitOp>(op) || (isa<FilterOp>(op) && !hasAppendedSlots(value));
    return !isComparison(op);
  }
  /// Appended slots may name what is no element of the axis, which a restored selection takes for empty: what comes
  /// before them is saved.
  static bool hasAppendedSlots(Value selection) {
    Operation *op = selection.getDefiningOp();
    return isa<AppendOp>(op) || (isa<FilterOp, FirstOp, LimitOp>(op) && hasAppendedSlots(op->getOperand(0)));
  }
  /// A condition on finished values, made from these again.
  static bool isComparison(Operation *op) {
    return isa<arith::ArithDialect>(op->getDialect()) && getElementTypeOrSelf(op->getResult(0).getType()).isInteger(1);
  }

  /// What the gradients use of what should be saved, in the order of the program.
  SmallVector<Operation *> findFrontier() {
    llvm::DenseSet<Operation *> reached;
    SmallVector<Operation *> work;
    auto reach = [&](Operation *op) {
      if (reached.insert(op).second)
        work.push_back(op);
    };
    for (auto output : backward.getBody().getOps<OutputOp>())
      reach(output);
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      if (!shouldSave(op))
        for (Value operand : op->getOperands())
          reach(operand.getDefiningOp());
    }
    SmallVector<Operation *> frontier;
    for (Operation &op : backward.getBody().front())
      if (reached.contains(&op) && shouldSave(&op))
        frontier.push_back(&op);
    return frontier;
  }

  void save(Operation *op) {
    Value value = op->getResult(0), ours = inForward(value);
    OutputOp given;
    for (Operation *user : ours.getUsers())
      if (auto output = dyn_cast<OutputOp>(user);
          output && isa<SelectionType>(ours.getType()) && !output.getStore() && !given)
        given = output;
    StringAttr name = given ? given.getNameAttr() : saveName(op);
    if (!given) {
      OutputOp::create(ahead, op->getLoc(), name, ours, TypeAttr(), /*saved=*/true, /*adds=*/false, StringAttr());
      saved.push_back({name, value.getType()});
    }
    builder.setInsertionPoint(op);
    Value restored = restore(op, name, static_cast<bool>(!given));
    mapping.map(restored, ours);
    value.replaceAllUsesWith(restored);
  }

  Value restore(Operation *op, StringAttr name, bool isSaved) {
    Location loc = op->getLoc();
    auto selection = dyn_cast<SelectionType>(op->getResult(0).getType());
    if (!selection)
      return InputOp::create(builder, loc, op->getResult(0).getType(), name, isSaved, StringAttr());
    SmallVector<StringAttr> axes(selection.getBatch());
    SmallVector<int64_t> sizes;
    for (StringAttr axis : axes) {
      AxisOp declared = lookupAxis(op, axis.getValue());
      sizes.push_back(declared.getSize() ? static_cast<int64_t>(*declared.getSize()) : ShapedType::kDynamic);
    }
    axes.push_back(selection.getSlot());
    sizes.push_back(selection.getSize());
    OpBuilder first = OpBuilder::atBlockBegin(&backward.getBody().front());
    if (!lookupAxis(op, selection.getSlot().getValue())) // another selection with these slots was restored
      declareAxis(first, loc, selection.getSlot(), selection.getSize());
    Value index =
        InputOp::create(builder, loc, tensorOf(builder.getI32Type(), axes, sizes), name, isSaved, StringAttr());
    return ForcedOp::create(builder, loc, selection, index);
  }

  StringAttr saveName(Operation *op) {
    StringRef spec = specName(op->getLoc());
    std::string wanted = ("saved_" + (spec.empty() ? "value" : spec)).str(), name = wanted;
    for (int i = 2; sinks.contains(name) || sources.contains(name) || !taken.insert(name).second; ++i)
      name = wanted + "_" + std::to_string(i);
    return builder.getStringAttr(name);
  }

  /// The value of the forward gate that stands for a forward value of the backward gate; computed there if need be.
  Value inForward(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp(), *found = isSource(op) ? sources.lookup(nameOf(op)) : sameSlots(op);
    if (!found) {
      for (Value operand : op->getOperands())
        inForward(operand);
      found = twinOf(op);
    }
    if (!found)
      found = ahead.clone(*op, mapping);
    mapping.map(op->getResults(), found->getResults());
    return mapping.lookup(value);
  }
  /// For an operation that makes a slot axis, the one of the forward gate that makes the same: slots of one name hold
  /// one selection, though canonical forms may have written it differently (`first` of a topk that is used elsewhere in
  /// one of the gates only).
  Operation *sameSlots(Operation *op) {
    if (isa<TopkOp, FirstOp, AppendOp>(op))
      for (Operation &other : forward.getBody().front())
        if (isa<TopkOp, FirstOp, AppendOp>(other) && cast<SelectionType>(other.getResult(0).getType()).getSlot() ==
                                                         cast<SelectionType>(op->getResult(0).getType()).getSlot())
          return &other;
    return nullptr;
  }
  /// The same operation on the same operands.
  Operation *twinOf(Operation *op) {
    for (Operation &other : forward.getBody().front())
      if (OperationEquivalence::isEquivalentTo(
              op, &other, [&](Value mine, Value its) { return success(mapping.lookupOrNull(mine) == its); }, nullptr,
              OperationEquivalence::IgnoreLocations))
        return &other;
    return nullptr;
  }

  void eraseDead() {
    llvm::DenseSet<StringRef> named; // by axes
    for (auto axis : backward.getBody().getOps<AxisOp>())
      for (auto &name : {axis.getOffsets(), axis.getPlacement()})
        if (name)
          named.insert(*name);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(backward.getBody().front())))
      if (isOpTriviallyDead(&op) || (isSource(&op) && op.use_empty() && !named.contains(nameOf(&op))))
        op.erase();
  }

  /// Bytes of one token's or piece's share of a saved value, or of the whole where it has neither.
  static int64_t bytesOf(Type type) {
    if (auto selection = dyn_cast<SelectionType>(type))
      return selection.getSize() * 4;
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes = (tensor.getElementTypeBitWidth() + 7) / 8;
    for (int64_t size : tensor.getShape())
      bytes *= ShapedType::isDynamic(size) ? 1 : size;
    return bytes;
  }
  /// Token, Piece for pieces on every level, or Call.
  Level levelOfSaved(Type type) {
    for (AxisOp pieces : pieceAxes(forward))
      if (axisIndex(type, pieces.getSymName()) >= 0)
        return Level::Piece;
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() ? Level::Call : Level::Token;
  }

  void remark() {
    std::string text;
    for (auto [level, unit] : {std::pair(Level::Token, "token"), {Level::Piece, "piece"}, {Level::Call, "call"}}) {
      std::string names;
      int64_t bytes = 0;
      for (auto &[name, type] : saved)
        if (levelOfSaved(type) == level) {
          names += ", '" + name.str() + "'";
          bytes += bytesOf(type);
        }
      if (level == Level::Piece && names.empty())
        continue;
      text += (level == Level::Token  ? ""
               : level == Level::Call ? " and "
                                      : ", ") +
              std::to_string(bytes) + " bytes per " + unit + (names.empty() ? "" : " (" + names.substr(2) + ")");
    }
    remark::passed(backward.getLoc(), remark::RemarkOpts::name("saved").category("moe-backward"))
        << ("gate '" + forward.getSymName() + "' saves for backward " + text).str();
  }

  GateOp forward, backward;
  OpBuilder builder, ahead;
  llvm::StringMap<Operation *> sources, sinks;
  llvm::StringSet<> taken;
  llvm::DenseSet<Operation *> gradients, tokens;
  IRMapping mapping;
  SmallVector<std::pair<StringAttr, Type>> saved;
};

struct MoeCutBackward : moe::impl::MoeCutBackwardBase<MoeCutBackward> {
  void runOnOperation() override {
    for (auto backward : getOperation().getOps<GateOp>()) {
      if (!backward.getBackwardOf())
        continue;
      auto forward = getOperation().lookupSymbol<GateOp>(*backward.getBackwardOf());
      if (!forward) {
        backward.emitError("is the backward gate of '") << *backward.getBackwardOf() << "', which this module lacks";
        return signalPassFailure();
      }
      Cut(forward, backward).run();
    }
  }
};

} // namespace
