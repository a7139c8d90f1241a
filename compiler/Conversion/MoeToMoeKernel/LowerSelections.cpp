// Positions, selections with empty slots, groups that an input places. An empty slot is a negative position; positions
// beyond the row name nothing, so placements out of range place nowhere.
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"

using namespace mlir;
using namespace moe;

Value moe::makeMap(OpBuilder &builder, Location loc, Type result, ValueRange rows,
                   function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto map = kernel::MapOp::create(builder, loc, TypeRange(result), rows);
  Block &block = map.getBody().emplaceBlock();
  for (Value row : rows)
    block.addArgument(cast<kernel::RowType>(row.getType()).getElementType(), loc);
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  Value element = body(inner, block.getArguments());
  kernel::YieldOp::create(inner, loc, ValueRange(element));
  return map.getResult(0);
}

Value moe::number(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(value));
}

//===-- Groups of an input
//------------------------------------------------------------------------------------------===//

Value moe::placementFor(RegionLowering &lowering, Operation *op, StringRef coarse) {
  AxisOp axis = lookupAxis(op, coarse);
  InputOp input = axis && axis.getOf() ? placementOf(op, *axis.getOf(), coarse) : InputOp();
  return input ? lowering.getFull(input.getResult()) : Value();
}

/// Reduces each group by itself, the others' elements being neutral, and puts the results into a row.
LogicalResult moe::lowerPlacedReduce(RegionLowering &lowering, ReduceOp op, kernel::Combine kind) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  Value placement = placementFor(lowering, op, *op.getTo()), row = lowering.getFull(op.getInput());
  kernel::RowType result = rowType(op.getResult());
  constexpr int64_t mostGroups = 4096; // each is written out
  if (result.getSize() > mostGroups)
    return op.emitError("reduces to ") << result.getSize() << " groups that an input places, of which " << mostGroups
                                       << " are the most";
  Type element = result.getElementType();
  bool least = kind == kernel::Combine::Min;
  TypedAttr neutral;
  if (isa<FloatType>(element))
    neutral = b.getFloatAttr(element, kind == kernel::Combine::Sum ? 0.0
                                      : least                      ? std::numeric_limits<double>::infinity()
                                                                   : -std::numeric_limits<double>::infinity());
  else
    neutral = b.getI32IntegerAttr(kind == kernel::Combine::Sum ? 0 : least ? INT32_MAX : INT32_MIN);
  Value whole;
  for (int64_t group = 0; group < result.getSize(); ++group) {
    Value own = makeMap(b, loc, row.getType(), {row, placement}, [&](OpBuilder &inner, ValueRange values) -> Value {
      Value here = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::eq, values[1], number(inner, loc, group));
      return arith::SelectOp::create(inner, loc, here, values[0], arith::ConstantOp::create(inner, loc, neutral));
    });
    Value value = kernel::ReduceOp::create(b, loc, element, kind, own, DenseI32ArrayAttr());
    whole = makeMap(
        b, loc, result, whole ? ValueRange(whole) : ValueRange(), [&](OpBuilder &inner, ValueRange values) -> Value {
          if (values.empty())
            return value;
          Value position = kernel::PositionOp::create(inner, loc, inner.getI32Type());
          Value here = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::eq, position, number(inner, loc, group));
          return arith::SelectOp::create(inner, loc, here, value, values[0]);
        });
  }
  lowering.bind(op.getResult(), whole);
  return success();
}

//===-- Sizes and positions
//-----------------------------------------------------------------------------------------===//

LogicalResult moe::lowerSize(RegionLowering &lowering, SizeOp op) {
  OpBuilder &b = lowering.builder;
  if (!op.getTo()) {
    AxisOp axis = lookupAxis(op, op.getAxis());
    Value size = kernel::SizeOp::create(b, op.getLoc(), b.getI32Type());
    for (; axis.getLength(); axis = lookupAxis(op, *axis.getOf())) // of all accumulated calls, as the number of tokens
      size = arith::DivUIOp::create(b, op.getLoc(), size, number(b, op.getLoc(), *axis.getLength()));
    if (axis.isPieces())
      return op.emitError("the number of '")
             << op.getAxis() << "' is not known from that of the tokens: run moe-apply-mask and moe-fold-layers first";
    lowering.bind(op.getResult(), size);
    return success();
  }
  AxisOp coarse = lookupAxis(op, *op.getTo());
  if (!coarse.isPieces())
    return op.emitError("the sizes of groups of a static axis are not lowered yet");
  lowering.bind(op.getResult(), kernel::IndexOp::create(b, op.getLoc(), b.getI32Type(), kernel::Position::PieceSize));
  return success();
}

LogicalResult moe::lowerIndex(RegionLowering &lowering, IndexOp op) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  auto index = [&](kernel::Position what) -> Value { return kernel::IndexOp::create(b, loc, b.getI32Type(), what); };
  if (auto row = dyn_cast<kernel::RowType>(registerTypeOf(op.getType()))) {
    if (op.getTo())
      return op.emitError("positions in the groups of a static axis are not lowered yet");
    lowering.bind(op.getResult(), makeMap(b, loc, row, {}, [&](OpBuilder &inner, ValueRange) -> Value {
                    return kernel::PositionOp::create(inner, loc, inner.getI32Type());
                  }));
    return success();
  }
  Value position = index(levelOf(op.getResult()) == lowering.level ? kernel::Position::Token : kernel::Position::Piece);
  if (op.getTo())
    position = arith::SubIOp::create(b, loc, position, index(kernel::Position::PieceBegin));
  lowering.bind(op.getResult(), position);
  return success();
}

//===-- Selections
//--------------------------------------------------------------------------------------------------===//

LogicalResult moe::lowerFilter(RegionLowering &lowering, FilterOp op) {
  Value indices = lowering.get(op.getSelection()), condition = lowering.getFull(op.getCondition());
  Location loc = op.getLoc();
  lowering.bind(op.getResult(), makeMap(lowering.builder, loc, indices.getType(), {indices, condition},
                                        [&](OpBuilder &inner, ValueRange values) -> Value {
                                          return arith::SelectOp::create(inner, loc, values[1], values[0],
                                                                         number(inner, loc, -1));
                                        }));
  return success();
}

LogicalResult moe::lowerFilled(RegionLowering &lowering, FilledOp op) {
  Location loc = op.getLoc();
  lowering.bind(op.getResult(),
                makeMap(lowering.builder, loc, registerTypeOf(op.getType()), lowering.get(op.getSelection()),
                        [&](OpBuilder &inner, ValueRange values) -> Value {
                          return arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::sge, values[0],
                                                       number(inner, loc, 0));
                        }));
  return success();
}

LogicalResult moe::lowerAppend(RegionLowering &lowering, AppendOp op) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  Value indices = lowering.get(op.getSelection());
  int64_t size = cast<kernel::RowType>(indices.getType()).getSize();
  for (int32_t element : op.getElements()) {
    Value one = makeMap(b, loc, kernel::RowType::get(op.getContext(), 1, b.getI32Type()), {},
                        [&](OpBuilder &inner, ValueRange) -> Value { return number(inner, loc, element); });
    indices =
        kernel::ConcatOp::create(b, loc, kernel::RowType::get(op.getContext(), ++size, b.getI32Type()), indices, one);
  }
  lowering.bind(op.getResult(), indices);
  return success();
}

/// Adds up ones at the positions; what only counts tokens never comes here (Fusion: countedSelection).
LogicalResult moe::lowerMultiplicity(RegionLowering &lowering, MultiplicityOp op) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  Value indices = lowering.get(op.getSelection());
  Type f32 = b.getF32Type();
  Value ones =
      makeMap(b, loc, kernel::RowType::get(op.getContext(), cast<kernel::RowType>(indices.getType()).getSize(), f32),
              {}, [&](OpBuilder &inner, ValueRange) -> Value {
                return arith::ConstantOp::create(inner, loc, inner.getF32FloatAttr(1));
              });
  kernel::RowType result = rowType(op.getResult());
  Value sums =
      kernel::ScatterOp::create(b, loc, kernel::RowType::get(op.getContext(), result.getSize(), f32), ones, indices);
  lowering.bind(op.getResult(), makeMap(b, loc, result, sums, [&](OpBuilder &inner, ValueRange values) -> Value {
                  return arith::FPToSIOp::create(inner, loc, inner.getI32Type(), values[0]);
                }));
  return success();
}
