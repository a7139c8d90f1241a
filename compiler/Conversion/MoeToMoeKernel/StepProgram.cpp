// The program of the step: the new values of the states, from what forward calls have accumulated. See Fusion.h.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"

using namespace mlir;
using namespace moe;

/// The operations that the updates need, down to what is collected, in the order of the gate.
static SmallVector<Operation *> operationsOfUpdates(GateOp gate, const Stages &stages) {
  llvm::SetVector<Operation *> wanted;
  Block &body = gate.getBody().front();
  for (auto update : body.getOps<UpdateOp>())
    wanted.insert(update.getValue().getDefiningOp());
  for (size_t i = 0; i < wanted.size(); ++i) {
    Operation *op = wanted[i];
    if (stages.isCollected(op))
      continue;
    for (Value operand : op->getOperands())
      wanted.insert(operand.getDefiningOp());
    for (InputOp placement : placementsOf(op))
      wanted.insert(placement);
  }
  SmallVector<Operation *> ordered;
  for (Operation &op : body)
    if (wanted.contains(&op))
      ordered.push_back(&op);
  return ordered;
}

/// Lowers one operation of the finish region of a step.
static LogicalResult lowerOne(RegionLowering &lowering, Operation *op, const Stages &stages, StringRef accumulator) {
  OpBuilder &b = lowering.builder;
  if (isa<InputOp, ParamOp, StateOp>(op)) {
    StringRef name = op->getAttrOfType<StringAttr>("name").getValue();
    Type type = registerTypeOf(op->getResult(0).getType());
    lowering.bind(op->getResult(0), kernel::LoadOp::create(b, op->getLoc(), type, name));
    return success();
  }
  if (stages.isCollected(op)) {
    Type type = registerTypeOf(op->getResult(0).getType());
    lowering.bind(op->getResult(0), kernel::ReadOp::create(b, op->getLoc(), type, accumulator));
    return success();
  }
  return lowering.lower(op);
}

/// `yes` where the scalar `condition` is true, else `no`: rows or scalars.
static Value choose(OpBuilder &b, Location loc, Value condition, Value yes, Value no) {
  auto row = dyn_cast<kernel::RowType>(yes.getType());
  if (!row)
    return arith::SelectOp::create(b, loc, condition, yes, no);
  return makeMap(b, loc, row, {yes, no}, [&](OpBuilder &inner, ValueRange values) -> Value {
    return arith::SelectOp::create(inner, loc, condition, values[0], values[1]);
  });
}

LogicalResult Fusion::writeStep(kernel::ProgramOp forward) {
  SmallVector<Operation *> needed = operationsOfUpdates(gate, stages);
  for (auto update : body().getOps<UpdateOp>()) { // the old value stays where there was no token
    for (auto state : body().getOps<StateOp>())
      if (state.getName() == update.getName() && !llvm::is_contained(needed, state))
        needed.push_back(state);
  }
  OpBuilder b(gate);
  auto name = b.getStringAttr(gate.getSymName() + "_step");
  auto step = kernel::ProgramOp::create(b, gate.getLoc(), name, FlatSymbolRefAttr(),
                                        FlatSymbolRefAttr::get(gate.getSymNameAttr()), IntegerAttr(),
                                        FlatSymbolRefAttr(), IntegerAttr(), IntegerAttr());
  step->moveAfter(forward);
  b.setInsertionPointToStart(&step.getBody().emplaceBlock());
  for (auto buffer : forward.getOps<kernel::BufferOp>()) {
    bool isNeeded = llvm::any_of(needed, [&](Operation *op) {
      auto array = isa<InputOp, ParamOp, StateOp>(op) ? op->getAttrOfType<StringAttr>("name") : StringAttr();
      return array && array == buffer.getSymNameAttr();
    });
    if (isNeeded)
      b.clone(*buffer);
  }
  for (auto accumulator : forward.getOps<kernel::AccumulatorOp>())
    b.clone(*accumulator);
  SmallVector<Attribute> axes; // a step has no tokens, and so no pieces
  llvm::copy_if(forward->getAttrOfType<ArrayAttr>("moe.axes"), std::back_inserter(axes), [](Attribute axis) {
    auto fields = cast<DictionaryAttr>(axis);
    return !fields.contains("length") && !fields.contains("offsets") && !fields.contains("count");
  });
  step->setAttr("moe.axes", b.getArrayAttr(axes));
  auto pass = kernel::PassOp::create(b, gate.getLoc(), StringAttr(), 0);
  pass.getRows().emplaceBlock();
  FusedRegion finish{0, Level::Call, {}, std::nullopt};
  finish.lowering.emplace(&pass.getFinish().emplaceBlock(), Level::Token);
  for (Operation *op : needed) {
    auto it = accumulators.find(op);
    if (failed(lowerOne(*finish.lowering, op, stages, it == accumulators.end() ? "" : it->second.getValue())))
      return failure();
  }
  Value empty = isEmpty(finish);
  for (auto update : body().getOps<UpdateOp>()) {
    auto state = llvm::find_if(body().getOps<StateOp>(),
                               [&](StateOp candidate) { return candidate.getName() == update.getName(); });
    Value old = finish.lowering->getFull((*state).getResult());
    Value value =
        choose(finish.lowering->builder, update.getLoc(), empty, old, finish.lowering->getFull(update.getValue()));
    kernel::StoreOp::create(finish.lowering->builder, update.getLoc(), value, update.getName());
  }
  return success();
}
