// Writes the regions of a program, one after the other. See Fusion.h.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"

using namespace mlir;
using namespace moe;

void Fusion::createPasses() {
  for (int pass = 0; pass < stages.getPassCount(); ++pass) {
    StringAttr reason;
    if (auto [op, value] = stages.reasonFor(pass); op)
      reason = builder.getStringAttr(waitReason(op, value));
    Level level = stages.levelOfPass(pass);
    auto op = kernel::PassOp::create(builder, gate.getLoc(), reason, depthOf(level));
    region(pass, level).lowering.emplace(&op.getRows().emplaceBlock(), level);
    bool totals = llvm::any_of(queues, [&](auto &entry) {
      return entry.second.totals && stages.countingPassOf(entry.first) == pass && isa<RankOp>(entry.first) &&
             cast<RankOp>(entry.first).getPer();
    });
    if (FusedRegion &pieces = region(pass, coarser(level)); !pieces.needed.empty() || totals)
      pieces.lowering.emplace(&op.getPieces().emplaceBlock(), level);
    region(pass, Level::Call).lowering.emplace(&op.getFinish().emplaceBlock(), level);
  }
}

/// Values that another region computed and handed over as coefficients are loaded where they are first used. What
/// exists more often than the region runs has been collected before: it is not an operand here.
void Fusion::bindOperands(FusedRegion &region, Operation *op) {
  for (Value operand : op->getOperands())
    if (auto it = coefficients.find(operand);
        it != coefficients.end() && !region.lowering->has(operand) && levelOf(operand) <= region.level)
      region.lowering->bind(operand, kernel::LoadOp::create(region.lowering->builder, op->getLoc(),
                                                            registerTypeOf(operand.getType()), it->second.getValue()));
}

Value Fusion::isEmpty(FusedRegion &region) {
  OpBuilder &b = region.lowering->builder;
  if (!hasTokens)
    return arith::ConstantOp::create(b, gate.getLoc(), b.getBoolAttr(false));
  Value size = validTokens
                   ? kernel::ReadOp::create(b, gate.getLoc(), b.getI32Type(), validTokens.getValue()).getResult()
                   : kernel::SizeOp::create(b, gate.getLoc(), b.getI32Type()).getResult();
  Value zero = arith::ConstantOp::create(b, gate.getLoc(), b.getI32IntegerAttr(0));
  return arith::CmpIOp::create(b, gate.getLoc(), arith::CmpIPredicate::eq, size, zero);
}

/// Stores a loss, a metric or a gradient, with its value for a call without tokens: 0, but NaN for a metric of floats.
void Fusion::writeResult(FusedRegion &region, Operation *op) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op->getLoc();
  StringRef name = buffers[op].getValue();
  Value lowered = region.lowering->getFull(op->getOperand(0));
  auto row = dyn_cast<kernel::RowType>(lowered.getType());
  Type element = row ? row.getElementType() : lowered.getType();
  Value empty = isEmpty(region);
  TypedAttr attr =
      isa<FloatType>(element)
          ? TypedAttr(b.getFloatAttr(element, isa<MetricOp>(op) ? std::numeric_limits<double>::quiet_NaN() : 0.0))
          : TypedAttr(b.getIntegerAttr(element, 0));
  Value nothing = arith::ConstantOp::create(b, loc, attr);
  if (!row) {
    kernel::StoreOp::create(b, loc, arith::SelectOp::create(b, loc, empty, nothing, lowered), name);
    return;
  }
  Value result = makeMap(b, loc, row, lowered, [&](OpBuilder &inner, ValueRange values) -> Value {
    return arith::SelectOp::create(inner, loc, empty, nothing, values[0]);
  });
  kernel::StoreOp::create(b, loc, result, name);
}

void Fusion::writeAccumulate(FusedRegion &region, ReduceOp op) {
  OpBuilder &b = region.lowering->builder;
  StringAttr name = accumulators.find(op)->second;
  if (Value counted = stages.isTokenReduction(op) ? countedSelection(op) : Value())
    kernel::CountOp::create(b, op.getLoc(), region.lowering->get(counted), name.getValue());
  else
    kernel::AccumulateOp::create(b, op.getLoc(), region.lowering->getFull(op.getInput()), name.getValue());
}

/// The region of the level that it reduces adds to it, the others read it.
LogicalResult Fusion::writeCollected(FusedRegion &region, ReduceOp op) {
  if (region.level == stages.collectedFrom(op))
    writeAccumulate(region, op);
  else
    region.lowering->bind(op.getResult(),
                          kernel::ReadOp::create(region.lowering->builder, op.getLoc(), registerTypeOf(op.getType()),
                                                 accumulators.find(op)->second.getValue()));
  return success();
}

LogicalResult Fusion::writeOp(FusedRegion &region, Operation *op) {
  RegionLowering &lowering = *region.lowering;
  OpBuilder &b = lowering.builder;
  bindOperands(region, op);
  if (isa<InputOp, ParamOp, StateOp>(op)) {
    Type type = registerTypeOf(op->getResult(0).getType());
    lowering.bind(op->getResult(0), kernel::LoadOp::create(b, op->getLoc(), type, buffers[op].getValue()));
    return success();
  }
  if (orderedBy(op)) {
    writeOrder(region, cast<OutputOp>(op));
    return success();
  }
  bool isGradient = region.level == Level::Call && gate.getBackwardOf();
  if (auto output = dyn_cast<OutputOp>(op); output && !isGradient) {
    kernel::StoreOp::create(b, op->getLoc(), lowering.getFull(output.getValue()), buffers[op].getValue());
    return success();
  }
  if (isa<LossOp, MetricOp, OutputOp>(op)) {
    writeResult(region, op);
    return success();
  }
  if (stages.isCollected(op))
    return writeCollected(region, cast<ReduceOp>(op));
  if (auto rank = dyn_cast<RankOp>(op))
    writeRank(region, rank);
  else if (auto permute = dyn_cast<PermuteOp>(op))
    writePermute(region, permute);
  else if (auto shift = dyn_cast<ShiftOp>(op))
    writeShift(region, shift);
  else
    return lowering.lower(op);
  return success();
}

LogicalResult Fusion::write(FusedRegion &region) {
  auto isPlacement = [&](Operation &op) {
    auto input = dyn_cast<InputOp>(op);
    return input && llvm::any_of(body().getOps<AxisOp>(), [&](AxisOp axis) {
             return axis.getPlacement() && *axis.getPlacement() == input.getName();
           });
  };
  for (bool placements : {true, false}) // axes name them wherever they stand
    for (Operation &op : body())
      if (region.needed.contains(&op) && isPlacement(op) == placements && failed(writeOp(region, &op)))
        return failure();
  writeCounts(region);
  writeCoefficients(region);
  return success();
}

/// What later regions read of this one.
void Fusion::writeCoefficients(FusedRegion &region) {
  OpBuilder &b = region.lowering->builder;
  for (auto &[value, name] : coefficients)
    if (std::max(stages.stageOf(value), 0) == region.pass && levelOf(value) == region.level)
      kernel::StoreOp::create(b, value.getLoc(), region.lowering->getFull(value), name.getValue());
  for (auto &[op, queue] : queues) {
    auto rank = dyn_cast<RankOp>(op);
    Level level = rank && rank.getPer() ? Level::Piece : Level::Call;
    if (!queue.totals || region.level != level || stages.countingPassOf(op) != region.pass)
      continue;
    if (!rank) {
      writeSegments(region, cast<PermuteOp>(op), queue);
      continue;
    }
    auto accumulator = cast<kernel::AccumulatorOp>(SymbolTable::lookupSymbolIn(program, queue.accumulator));
    Type row = kernel::RowType::get(op->getContext(), accumulator.getCount(), b.getI32Type());
    Value counts = kernel::ReadOp::create(b, op->getLoc(), row, queue.accumulator.getValue());
    kernel::StoreOp::create(b, op->getLoc(), counts, queue.totals.getValue());
  }
}

/// What a rank counts by: the element of each slot, or slot and element in one number; negative in an empty slot.
Value Fusion::keysOf(FusedRegion &region, Operation *op) {
  bindOperands(region, op);
  OpBuilder &b = region.lowering->builder;
  Location loc = op->getLoc();
  Value indices = region.lowering->get(op->getOperand(0));
  auto rank = dyn_cast<RankOp>(op);
  if (!rank || !rank.getBySlot())
    return indices;
  int64_t size = *lookupAxis(op, rank.getSelection().getType().getAxis().getValue()).getSize();
  return makeMap(b, loc, indices.getType(), indices, [&](OpBuilder &inner, ValueRange values) -> Value {
    Value slot = kernel::PositionOp::create(inner, loc, inner.getI32Type());
    Value elements = number(inner, loc, size);
    Value key = arith::AddIOp::create(inner, loc, arith::MulIOp::create(inner, loc, slot, elements), values[0]);
    Value named = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::ult, values[0], elements);
    return arith::SelectOp::create(inner, loc, named, key, number(inner, loc, -1));
  });
}

/// The pass before the one that ranks counts.
void Fusion::writeCounts(FusedRegion &region) {
  if (region.level != Level::Token)
    return;
  for (auto &[op, queue] : queues) {
    if (stages.countingPassOf(op) != region.pass)
      continue;
    kernel::CountOp::create(region.lowering->builder, op->getLoc(), keysOf(region, op), queue.accumulator.getValue());
    if (auto permute = dyn_cast<PermuteOp>(op); permute && isOrdered(permute))
      emptyOrder(region, permute);
  }
}

/// By slot: the place among the same slots of earlier tokens, plus what all tokens have in earlier slots.
void Fusion::writeRank(FusedRegion &region, RankOp op) {
  OpBuilder &b = region.lowering->builder;
  Location loc = op.getLoc();
  const Queue &queue = queues.find(op)->second;
  Value keys = keysOf(region, op);
  Value rank = kernel::RankOp::create(b, loc, keys.getType(), keys, queue.accumulator.getValue());
  if (queue.totals) {
    SelectionType selection = op.getSelection().getType();
    int64_t elements = *lookupAxis(op, selection.getAxis().getValue()).getSize();
    Type row = kernel::RowType::get(op.getContext(), elements * selection.getSize(), b.getI32Type());
    Value totals = kernel::LoadOp::create(b, loc, row, queue.totals.getValue());
    for (int64_t earlier = 1; earlier < selection.getSize(); ++earlier) {
      Value back = makeMap(b, loc, keys.getType(), keys, [&](OpBuilder &inner, ValueRange values) -> Value {
        return arith::SubIOp::create(inner, loc, values[0], number(inner, loc, earlier * elements));
      });
      Value before = kernel::GatherOp::create(b, loc, keys.getType(), totals, back);
      rank = makeMap(b, loc, keys.getType(), {rank, before}, [&](OpBuilder &inner, ValueRange values) -> Value {
        return arith::AddIOp::create(inner, loc, values[0], values[1]);
      });
    }
  }
  region.lowering->bind(op.getResult(), rank);
}
