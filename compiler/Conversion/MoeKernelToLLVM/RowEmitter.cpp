// Scalars, loops over the elements of rows, and the members of those loops.
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"
#include "dialects/Moe/IR/SumOrder.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static kernel::RowType rowType(Value row) { return cast<kernel::RowType>(row.getType()); }
static bool isRow(Value value) { return isa<kernel::RowType>(value.getType()); }

//===-- Values
//------------------------------------------------------------------------------------------------------===//

Type RowEmitter::laneType(Type type) const { return lanes == 1 ? type : Type(VectorType::get({lanes}, type)); }

Value RowEmitter::splat(TypedAttr value) {
  if (lanes == 1)
    return arith::ConstantOp::create(b, value);
  return arith::ConstantOp::create(b, DenseElementsAttr::get(cast<VectorType>(laneType(value.getType())), value));
}

Value RowEmitter::broadcast(Value scalar) {
  return lanes == 1 ? scalar : Value(vector::BroadcastOp::create(b, laneType(scalar.getType()), scalar));
}

Value RowEmitter::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer, LLVM::GEPArg(static_cast<int32_t>(bytes)));
}

Value RowEmitter::elementPointer(Value pointer, int64_t stride, Value index) {
  Type element = LLVM::LLVMArrayType::get(b.getI8Type(), stride);
  return LLVM::GEPOp::create(b, pointer.getType(), element, pointer, LLVM::GEPArg(index));
}

Value RowEmitter::combine(kernel::Combine kind, Value left, Value right) {
  bool isInteger = getElementTypeOrSelf(left).isInteger();
  switch (kind) {
  case kernel::Combine::Sum:
    return isInteger ? Value(arith::AddIOp::create(b, left, right)) : Value(arith::AddFOp::create(b, left, right));
  case kernel::Combine::Max:
    return isInteger ? Value(arith::MaxSIOp::create(b, left, right)) : Value(arith::MaximumFOp::create(b, left, right));
  case kernel::Combine::Min:
    return isInteger ? Value(arith::MinSIOp::create(b, left, right)) : Value(arith::MinimumFOp::create(b, left, right));
  case kernel::Combine::MaxNum: {
    if (isInteger)
      return arith::MaxSIOp::create(b, left, right);
    Value greater = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, right, left);
    return arith::SelectOp::create(b, greater, right, left);
  }
  }
  llvm_unreachable("all kinds are covered");
}

TypedAttr RowEmitter::neutral(kernel::Combine kind, Type type) {
  if (auto integer = dyn_cast<IntegerType>(type)) {
    unsigned width = integer.getWidth();
    if (kind == kernel::Combine::Sum)
      return b.getIntegerAttr(type, 0);
    return b.getIntegerAttr(type, kind == kernel::Combine::Min ? APInt::getSignedMaxValue(width)
                                                               : APInt::getSignedMinValue(width));
  }
  if (kind == kernel::Combine::Sum)
    return b.getFloatAttr(type, 0.0);
  const llvm::fltSemantics &semantics = cast<FloatType>(type).getFloatSemantics();
  return b.getFloatAttr(type, APFloat::getInf(semantics, /*Negative=*/kind != kernel::Combine::Min));
}

Value RowEmitter::loadLanes(int64_t offset, Type element, Value index) {
  int64_t stride = lanes * scratchBytes(element);
  Value pointer = elementPointer(advance(context.scratch, offset), stride, index);
  Type memory = element.isInteger(1) ? b.getI8Type() : element;
  Value value = LLVM::LoadOp::create(b, laneType(memory), pointer, /*alignment=*/std::min<int64_t>(stride, 64));
  return element.isInteger(1) ? widen(value, element) : value;
}

void RowEmitter::storeLanes(Value value, int64_t offset, Value index) {
  Type element = getElementTypeOrSelf(value);
  int64_t stride = lanes * scratchBytes(element);
  Value pointer = elementPointer(advance(context.scratch, offset), stride, index);
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(b, laneType(b.getI8Type()), value);
  LLVM::StoreOp::create(b, value, pointer, /*alignment=*/std::min<int64_t>(stride, 64));
}

//===-- Loops
//-------------------------------------------------------------------------------------------------------===//

RowEmitter::State RowEmitter::loop(int64_t count, unsigned parts, State state,
                                   llvm::function_ref<void(Value, unsigned, State &)> body) {
  int64_t whole = count / parts * parts;
  if (whole > parts) {
    auto loop = scf::ForOp::create(b, i64(0), i64(whole), i64(parts), state);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    State inner(loop.getRegionIterArgs());
    for (unsigned part = 0; part < parts; ++part)
      body(part == 0 ? loop.getInductionVar() : Value(arith::AddIOp::create(b, loop.getInductionVar(), i64(part))),
           part, inner);
    if (state.empty())
      b.setInsertionPoint(loop.getBody()->getTerminator());
    else
      scf::YieldOp::create(b, inner);
    state = State(loop.getResults());
  } else {
    whole = 0;
  }
  for (int64_t e = whole; e < count; ++e)
    body(i64(e), (e - whole) % parts, state);
  return state;
}

RowEmitter::State RowEmitter::loopRange(Value low, Value high, State state,
                                        llvm::function_ref<void(Value, State &)> body) {
  auto loop = scf::ForOp::create(b, low, high, i64(1), state);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  State inner(loop.getRegionIterArgs());
  body(loop.getInductionVar(), inner);
  if (!state.empty())
    scf::YieldOp::create(b, inner);
  return State(loop.getResults());
}

void RowEmitter::when(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise) {
  auto guard = scf::IfOp::create(b, condition, /*withElseRegion=*/static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(guard.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(guard.elseBlock());
  otherwise();
}

//===-- Steps
//-------------------------------------------------------------------------------------------------------===//

void RowEmitter::emitPreamble() {
  for (const Step &step : schedule.getSteps())
    for (Operation *op : step.ops) {
      b.setLoc(op->getLoc());
      if (isUniformLoad(op)) {
        auto load = cast<kernel::LoadOp>(op);
        kernel::BufferOp buffer = kernel::lookupBuffer(op, load.getBuffer());
        emitUniformLoad(op, wholePointer(buffer, op), buffer.getType());
      } else if (auto read = dyn_cast<kernel::ReadOp>(op)) {
        auto program = op->getParentOfType<kernel::ProgramOp>();
        Value pointer = advance(context.accumulators, AccumulatorLayout(program).offsetOf(read.getAccumulator()));
        emitUniformLoad(op, pointer, kernel::lookupAccumulator(op, read.getAccumulator()).getType());
      } else if (auto size = dyn_cast<kernel::SizeOp>(op)) {
        scalars.map(size.getResult(), arith::TruncIOp::create(b, b.getI32Type(), context.tokenCount));
      } else if (auto index = dyn_cast<kernel::IndexOp>(op)) {
        scalars.map(index.getResult(), callNumber(index.getWhat()));
      }
    }
}

void RowEmitter::emitSteps(const Tile &tile) {
  for (const Step &step : schedule.getSteps()) {
    b.setLoc(step.ops.front()->getLoc());
    elements.clear();
    if (step.size == 0)
      emitSingle(step.ops.front(), tile);
    else if (auto topk = dyn_cast<kernel::TopkOp>(step.ops.front()))
      emitTopk(topk);
    else if (auto topSum = dyn_cast<kernel::GroupTopSumOp>(step.ops.front()))
      emitGroupTopSum(topSum);
    else if (auto scatter = dyn_cast<kernel::ScatterOp>(step.ops.front()))
      emitScatter(scatter);
    else if (auto reduce = dyn_cast<kernel::ReduceOp>(step.ops.front()); reduce && !isBlockReduce(reduce))
      emitUnevenReduce(reduce);
    else
      emitLoop(step, tile);
  }
}

void RowEmitter::emitSingle(Operation *op, const Tile &tile) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](kernel::LoadOp load) {
        if (!isUniformLoad(load))
          emitLoad(load, tile);
      })
      .Case([&](kernel::StoreOp store) {
        kernel::BufferOp buffer = kernel::lookupBuffer(store, store.getBuffer());
        kernel::isPerRow(buffer, store) ? emitTileStore(store, tile) : emitFinishStore(store);
      })
      .Case([&](kernel::AccumulateOp o) { accumulate(o, i64(0), scalars.lookup(o.getValue()), tile); })
      .Case([&](kernel::CountOp count) { emitCount(count, tile); })
      .Case([&](kernel::RankOp rank) { emitRank(rank, tile); })
      .Case([&](kernel::LoadAtOp load) { emitLoadAt(load); })
      .Case([&](kernel::StoreAtOp store) { emitStoreAt(store, tile); })
      .Case([&](kernel::ConcatOp concat) { emitConcat(concat); })
      .Case([&](kernel::IndexOp index) {
        if (tile.begin) // those of the call come with the preamble
          emitTokenPosition(index, tile);
      })
      .Case([&](kernel::ExtractOp extract) {
        scalars.map(extract.getResult(), read(extract.getInput(), i64(extract.getPosition())));
      })
      .Case<kernel::ReadOp, kernel::SizeOp, kernel::SliceOp>([](auto) {}) // the preamble, or the row it is taken from
      .Default([&](Operation *other) { emitElementwise(other, scalars); });
}

void RowEmitter::emitElementwise(Operation *op, IRMapping &mapping) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    mapping.map(constant.getResult(), splat(constant.getValue()));
    return;
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value mapped = mapping.lookupOrNull(operand);
    operands.push_back(mapped ? mapped : scalars.lookup(operand));
  }
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addAttributes(op->getDiscardableAttrDictionary().getValue());
  state.propertiesAttr = op->getPropertiesAsAttribute();
  for (Type type : op->getResultTypes())
    state.addTypes(laneType(type));
  mapping.map(op->getResults(), b.create(state)->getResults());
}

/// How many elements the body of a loop handles per turn: those of a leaf where it sums; else light bodies four, so
/// that reductions have four independent partial results, and a body that works for long hides the latency of a single
/// one.
unsigned RowEmitter::partsOf(const Step &step) const {
  if (llvm::any_of(step.ops, isOrderedSum))
    return sumLeaf;
  if (lanes == 1)
    return 1;
  int64_t weight = 0;
  for (Operation *op : step.ops)
    op->walk([&](Operation *inner) {
      bool isLong = isa<math::MathDialect>(inner->getDialect()) &&
                    !isa<math::FmaOp, math::AbsFOp, math::FloorOp, math::SqrtOp>(inner);
      weight += isLong ? 24 : isa<arith::DivFOp, math::SqrtOp, kernel::ChosenOp, kernel::GatherOp>(inner) ? 8 : 1;
    });
  return weight <= 10 ? 4 : weight <= 20 ? 2 : 1;
}

void RowEmitter::emitLoop(const Step &step, const Tile &tile) {
  unsigned parts = partsOf(step);
  SmallVector<Member> members;
  State state;
  for (Operation *op : step.ops) {
    Member member;
    member.op = op;
    auto reduce = dyn_cast<kernel::ReduceOp>(op);
    member.perGroup = reduce && isRow(reduce.getResult());
    if (!member.perGroup)
      enter(member, parts, state, step);
    members.push_back(member);
  }
  auto body = [&](const Place &place, State &inner) {
    elements.clear();
    for (Member &member : members)
      emitElement(member, place, inner, tile);
  };
  if (step.groups == 0) {
    state = loop(step.size, parts, state, [&](Value e, unsigned part, State &inner) { body({e, e, part}, inner); });
  } else {
    int64_t block = step.size / step.groups;
    size_t shared = state.size();
    state = loop(step.groups, 1, state, [&](Value group, unsigned, State &outer) {
      for (Member &member : members)
        if (member.perGroup)
          enter(member, parts, outer, step);
      Value first = arith::MulIOp::create(b, group, i64(block));
      outer = loop(block, parts, outer, [&](Value e, unsigned part, State &inner) {
        body({arith::AddIOp::create(b, first, e), e, part}, inner);
      });
      for (Member &member : members)
        if (member.perGroup)
          if (auto offset = schedule.offsetOf(member.op->getResult(0)))
            storeLanes(result(member, parts, outer), *offset, group);
      outer.resize(shared);
    });
  }
  elements.clear();
  for (Member &member : members)
    if (isa<kernel::ReduceOp>(member.op) && !member.perGroup)
      scalars.map(member.op->getResult(0), result(member, parts, state));
}

void RowEmitter::enter(Member &member, unsigned parts, State &state, const Step &step) {
  member.state = state.size();
  if (isOrderedSum(member.op)) {
    int64_t groups = member.perGroup ? step.groups : 1;
    member.sum = startSum(cast<kernel::ReduceOp>(member.op), step.size / groups);
  } else if (auto reduce = dyn_cast<kernel::ReduceOp>(member.op)) {
    Type element = rowType(reduce.getInput()).getElementType();
    state.append(parts, splat(neutral(reduce.getKind(), element)));
  } else if (auto chosen = dyn_cast<kernel::ChosenOp>(member.op)) {
    hoistChosen(chosen, member);
  }
}

/// Makes `row` known at `element`: to the other members of the loop, and in memory where it has any.
void RowEmitter::define(Value row, Value element, Value value) {
  elements[row] = value;
  if (auto offset = schedule.offsetOf(row))
    storeLanes(value, *offset, element);
}

void RowEmitter::emitElement(Member &member, const Place &place, State &state, const Tile &tile) {
  b.setLoc(member.op->getLoc());
  Value element = place.element;
  llvm::TypeSwitch<Operation *>(member.op)
      .Case([&](kernel::MapOp map) { emitMap(map, element); })
      .Case([&](kernel::ReduceOp reduce) {
        Value value = read(reduce.getInput(), element);
        if (member.sum)
          return addToSum(*member.sum, member.perGroup ? place.inGroup : element, value);
        Value &partial = state[member.state + place.part];
        partial = combine(reduce.getKind(), partial, value);
      })
      .Case([&](kernel::ExpandOp expand) {
        define(expand.getResult(), element, read(expand.getInput(), groupOf(expand, element)));
      })
      .Case([&](kernel::ChosenOp chosen) { define(chosen.getResult(), element, emitChosen(chosen, member, element)); })
      .Case([&](kernel::GatherOp gather) { define(gather.getResult(), element, emitGather(gather, element)); })
      .Case([&](kernel::AccumulateOp o) { accumulate(o, element, read(o.getValue(), element), tile); })
      .Default([](Operation *) { llvm_unreachable("not a member of a loop"); });
}

/// What a reduction has when its elements have come.
Value RowEmitter::result(Member &member, unsigned parts, const State &state) {
  if (member.sum)
    return finishSum(*member.sum);
  State left(ArrayRef<Value>(state).slice(member.state, parts));
  while (left.size() > 1) {
    for (size_t i = 0; i < left.size() / 2; ++i)
      left[i] = combine(cast<kernel::ReduceOp>(member.op).getKind(), left[i], left[i + left.size() / 2]);
    left.resize(left.size() / 2);
  }
  return left.front();
}

void RowEmitter::emitMap(kernel::MapOp op, Value element) {
  IRMapping mapping;
  for (auto [argument, input] : llvm::zip_equal(op.getBlock()->getArguments(), op.getInputs()))
    mapping.map(argument, read(input, element));
  for (Operation &inner : *op.getBlock()) {
    b.setLoc(inner.getLoc());
    if (auto position = dyn_cast<kernel::PositionOp>(inner)) {
      mapping.map(position.getResult(), broadcast(arith::TruncIOp::create(b, b.getI32Type(), element)));
    } else if (auto yield = dyn_cast<kernel::YieldOp>(inner)) {
      for (auto [row, value] : llvm::zip_equal(op.getResults(), yield.getValues())) {
        Value mapped = mapping.lookupOrNull(value);
        define(row, element, mapped ? mapped : scalars.lookup(value));
      }
    } else {
      emitElementwise(&inner, mapping);
    }
  }
}

/// The group of an element, as i64.
Value RowEmitter::groupOf(kernel::ExpandOp op, Value element) {
  int64_t size = rowType(op.getResult()).getSize(), count = rowType(op.getInput()).getSize();
  if (kernel::areEqualBlocks(op.getGroups(), size, count))
    return arith::DivUIOp::create(b, element, i64(size / count));
  Value pointer = elementPointer(tablePointer(*op.getGroups()), 4, element);
  return arith::ExtUIOp::create(b, b.getI64Type(), LLVM::LoadOp::create(b, b.getI32Type(), pointer, 4));
}
