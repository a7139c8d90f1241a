// Lowers single moe operations to rows and scalars.
#include "compiler/Conversion/MoeToMoeKernel/Lowering.h"
#include "compiler/Conversion/MoeToMoeKernel/LowerSelections.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

Type moe::registerTypeOf(Type type) {
  MLIRContext *context = type.getContext();
  if (auto selection = dyn_cast<SelectionType>(type))
    return kernel::RowType::get(context, selection.getSize(), IntegerType::get(context, 32));
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (element.isBF16() || element.isF16())
    element = Float32Type::get(context);
  if (!element.isF32() && !element.isF64() && !element.isInteger(32) && !element.isInteger(1))
    return {};
  SmallVector<int64_t> sizes;
  llvm::copy_if(tensor.getShape(), std::back_inserter(sizes),
                [](int64_t size) { return !ShapedType::isDynamic(size); });
  if (sizes.empty())
    return element;
  return sizes.size() == 1 ? kernel::RowType::get(context, sizes[0], element) : Type();
}

bool moe::isStorage(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isBF16() || element.isF16();
}

LogicalResult moe::checkRegister(Operation *op, Type type) {
  if (registerTypeOf(type))
    return success();
  int64_t axes = llvm::count_if(cast<RankedTensorType>(type).getShape(),
                                [](int64_t size) { return !ShapedType::isDynamic(size); });
  if (axes > 1)
    return op->emitError("a value with more than one axis besides the tokens is not lowered yet: ") << type;
  return op->emitError("values of type ")
         << getElementTypeOrSelf(type) << " are not lowered yet; f32, f64, i32 and i1 are: " << type;
}

kernel::RowType moe::rowType(Value moeValue) { return cast<kernel::RowType>(registerTypeOf(moeValue.getType())); }

Value RegionLowering::getFull(Value value) {
  Value lowered = get(value);
  auto row = dyn_cast<kernel::RowType>(registerTypeOf(value.getType()));
  if (!row || isa<kernel::RowType>(lowered.getType()))
    return lowered;
  auto map = kernel::MapOp::create(builder, value.getLoc(), TypeRange(row), ValueRange());
  OpBuilder body = OpBuilder::atBlockEnd(&map.getBody().emplaceBlock());
  kernel::YieldOp::create(body, value.getLoc(), lowered);
  bind(value, map.getResult(0));
  return map.getResult(0);
}

/// A copy of `op` on other operands and one other result type.
static Value cloneWith(OpBuilder &builder, Operation *op, ValueRange operands, Type result) {
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(result);
  state.addAttributes(op->getAttrs());
  return builder.create(state)->getResult(0);
}

LogicalResult RegionLowering::lowerElementwise(Operation *op) {
  Value result = op->getResult(0);
  if (isa<arith::ExtFOp>(op) && registerTypeOf(op->getOperand(0).getType()) == registerTypeOf(result.getType())) {
    bind(result, get(op->getOperand(0))); // loads widen already
    return success();
  }
  if (isStorage(result.getType()))
    return op->emitError("arithmetic in ")
           << getElementTypeOrSelf(result.getType()) << " is not lowered; widen to f32 first (arith.extf)";
  SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value v) { return get(v); });
  SmallVector<Value> rows;
  for (Value operand : operands)
    if (isa<kernel::RowType>(operand.getType()) && !llvm::is_contained(rows, operand))
      rows.push_back(operand);
  Type type = registerTypeOf(result.getType());
  auto row = dyn_cast<kernel::RowType>(type);
  Type element = row ? row.getElementType() : type;
  if (rows.empty()) {
    bind(result, cloneWith(builder, op, operands, element));
    return success();
  }
  auto map = kernel::MapOp::create(builder, op->getLoc(), TypeRange(type), rows);
  Block &block = map.getBody().emplaceBlock();
  IRMapping elements;
  for (Value operand : rows)
    elements.map(operand, block.addArgument(cast<kernel::RowType>(operand.getType()).getElementType(), op->getLoc()));
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  for (Value &operand : operands)
    operand = elements.lookupOrDefault(operand);
  kernel::YieldOp::create(body, op->getLoc(), cloneWith(body, op, operands, element));
  bind(result, map.getResult(0));
  return success();
}

LogicalResult RegionLowering::lowerConstant(arith::ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense || !dense.isSplat())
    return op.emitError("a table of different constants is not lowered yet");
  if (isStorage(op.getType()))
    return op.emitError("a constant of bf16 or f16, which only store values: write it in f32");
  bind(op.getResult(),
       arith::ConstantOp::create(builder, op.getLoc(), cast<TypedAttr>(dense.getSplatValue<Attribute>())));
  return success();
}

DenseI32ArrayAttr RegionLowering::groupsAttr(Operation *op, StringRef fine, StringRef coarse) {
  SmallVector<int32_t> map = *groupMap(op, fine, coarse);
  int64_t count = *lookupAxis(op, coarse).getSize();
  if (kernel::areEqualBlocks(ArrayRef<int32_t>(map), map.size(), count))
    return {};
  return builder.getDenseI32ArrayAttr(map);
}

static std::optional<kernel::Combine> combineOf(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
    return kernel::Combine::Sum;
  case ReduceKind::Max:
    return kernel::Combine::Max;
  case ReduceKind::Min:
    return kernel::Combine::Min;
  case ReduceKind::MaxNum:
    return kernel::Combine::MaxNum;
  default:
    return std::nullopt;
  }
}

LogicalResult RegionLowering::lowerReduce(ReduceOp op) {
  std::optional<kernel::Combine> kind = combineOf(op.getKind());
  if (!kind)
    return op.emitError("reduction '") << stringifyReduceKind(op.getKind())
                                       << "' reaches fusion: run moe-decompose first";
  if (op.getOver().size() != 1)
    return op.emitError("a reduction over several axes reaches fusion: run moe-decompose first");
  if (op.getKind() == ReduceKind::Sum && isStorage(op.getType()))
    return op.emitError("sums bf16 or f16, which only store values: widen with arith.extf first");
  DenseI32ArrayAttr groups;
  if (op.getTo() && lookupAxis(op, *op.getTo()).getPlacement())
    return lowerPlacedReduce(*this, op, *kind);
  if (op.getTo())
    groups = groupsAttr(op, cast<StringAttr>(op.getOver()[0]).getValue(), *op.getTo());
  bind(op.getResult(), kernel::ReduceOp::create(builder, op.getLoc(), registerTypeOf(op.getType()), *kind,
                                                getFull(op.getInput()), groups));
  return success();
}

LogicalResult RegionLowering::lowerExpand(ExpandOp op) {
  bool isOfPiece = lookupAxis(op, op.getFrom()).isPieces();               // the rows region knows its piece
  if (isOfPiece || !isa<kernel::RowType>(get(op.getInput()).getType())) { // or the same for all groups
    bind(op.getResult(), get(op.getInput()));
    return success();
  }
  if (Value placement = placementFor(*this, op, op.getFrom())) {
    bind(op.getResult(),
         kernel::GatherOp::create(builder, op.getLoc(), rowType(op.getResult()), get(op.getInput()), placement));
    return success();
  }
  bind(op.getResult(), kernel::ExpandOp::create(builder, op.getLoc(), rowType(op.getResult()), get(op.getInput()),
                                                groupsAttr(op, op.getTo(), op.getFrom())));
  return success();
}

/// The k greatest elements of a row, best first: their positions or their values.
Value RegionLowering::sortedValues(Location loc, Value row, int64_t k, bool indices) {
  auto type = cast<kernel::RowType>(row.getType());
  auto topk = kernel::TopkOp::create(builder, loc, kernel::RowType::get(type.getContext(), k, builder.getI32Type()),
                                     kernel::RowType::get(type.getContext(), k, type.getElementType()), row, Value());
  return indices ? topk.getIndices() : topk.getValues();
}

LogicalResult RegionLowering::lowerTopk(TopkOp op) {
  Location loc = op.getLoc();
  Value score = getFull(op.getScore()), mask;
  auto type = cast<kernel::RowType>(score.getType());
  if (op.getAmong()) {
    auto groups = cast<SelectionType>(op.getAmong().getType());
    int64_t count = *lookupAxis(op, groups.getAxis().getValue()).getSize();
    Type i1 = builder.getI1Type();
    Value chosen =
        kernel::ChosenOp::create(builder, loc, kernel::RowType::get(op.getContext(), count, i1), get(op.getAmong()));
    Type all = kernel::RowType::get(op.getContext(), type.getSize(), i1);
    if (Value placement = placementFor(*this, op, groups.getAxis().getValue()))
      mask = kernel::GatherOp::create(builder, loc, all, chosen, placement);
    else
      mask = kernel::ExpandOp::create(builder, loc, all, chosen,
                                      groupsAttr(op, op.getAxis(), groups.getAxis().getValue()));
  }
  auto indices = rowType(op.getResult());
  auto topk = kernel::TopkOp::create(builder, loc, indices,
                                     kernel::RowType::get(op.getContext(), indices.getSize(), type.getElementType()),
                                     score, mask);
  bind(op.getResult(), topk.getIndices());
  return success();
}

/// What is no element becomes -1: unsigned, negative positions lie above every size.
LogicalResult RegionLowering::lowerForced(ForcedOp op) {
  Location loc = op.getLoc();
  Value index = getFull(op.getIndex());
  auto map = kernel::MapOp::create(builder, loc, TypeRange(index.getType()), index);
  Block &block = map.getBody().emplaceBlock();
  Value position = block.addArgument(builder.getI32Type(), loc);
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(body, loc, body.getI32IntegerAttr(value));
  };
  Value size = constant(*lookupAxis(op, op.getType().getAxis().getValue()).getSize());
  Value inside = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::ult, position, size);
  kernel::YieldOp::create(body, loc, ValueRange(arith::SelectOp::create(body, loc, inside, position, constant(-1))));
  bind(op.getResult(), map.getResult(0));
  return success();
}

/// Without groups, the whole row is one.
LogicalResult RegionLowering::lowerSumTop(SumTopOp op) {
  Value row = getFull(op.getInput());
  Type result = registerTypeOf(op.getType());
  Type element = cast<kernel::RowType>(row.getType()).getElementType();
  Type sums = op.getTo() ? result : Type(kernel::RowType::get(op.getContext(), 1, element));
  DenseI32ArrayAttr groups = op.getTo() ? groupsAttr(op, op.getAxis(), *op.getTo()) : DenseI32ArrayAttr();
  Value top = kernel::GroupTopSumOp::create(builder, op.getLoc(), sums, row, op.getN(), groups);
  if (!op.getTo())
    top = kernel::ExtractOp::create(builder, op.getLoc(), result, top, 0);
  bind(op.getResult(), top);
  return success();
}

/// Upstream operations element by element; what no region has is reported.
LogicalResult RegionLowering::lowerOther(Operation *op) {
  if (op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 && op->getNumRegions() == 0 &&
      !isa<MoeDialect>(op->getDialect()))
    return lowerElementwise(op);
  if (isa<SoftmaxOp, NormalizeOp, StandardizeOp, SigmoidOp, SoftplusOp, NormalCdfOp, SignOp, DetachOp>(op))
    return op->emitError("'") << op->getName() << "' reaches fusion: run moe-decompose first";
  return op->emitError("'") << op->getName() << "' is not lowered yet";
}

LogicalResult RegionLowering::lower(Operation *op) {
  for (Value result : op->getResults())
    if (failed(checkRegister(op, result.getType())))
      return failure();
  Location loc = op->getLoc();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<arith::ConstantOp>([&](auto constant) { return lowerConstant(constant); })
      .Case<BroadcastOp>([&](auto broadcast) {
        bind(broadcast.getResult(), get(broadcast.getInput()));
        return success();
      })
      .Case<ReduceOp>([&](auto reduce) { return lowerReduce(reduce); })
      .Case<ExpandOp>([&](auto expand) { return lowerExpand(expand); })
      .Case<TopkOp>([&](auto topk) { return lowerTopk(topk); })
      .Case<SizeOp>([&](auto size) { return lowerSize(*this, size); })
      .Case<IndexOp>([&](auto index) { return lowerIndex(*this, index); })
      .Case<RandomOp>([&](auto random) { return lowerRandom(*this, random); })
      .Case<FilterOp>([&](auto filter) { return lowerFilter(*this, filter); })
      .Case<FilledOp>([&](auto filled) { return lowerFilled(*this, filled); })
      .Case<AppendOp>([&](auto append) { return lowerAppend(*this, append); })
      .Case<MultiplicityOp>([&](auto multiplicity) { return lowerMultiplicity(*this, multiplicity); })
      .Case<SumTopOp>([&](auto sum) { return lowerSumTop(sum); })
      .Case<KthOp>([&](auto kth) {
        Value sorted = sortedValues(loc, getFull(kth.getInput()), kth.getK(), /*indices=*/false);
        bind(kth.getResult(),
             kernel::ExtractOp::create(builder, loc, registerTypeOf(kth.getType()), sorted, kth.getK() - 1));
        return success();
      })
      .Case<ArgmaxOp>([&](auto argmax) {
        Value sorted = sortedValues(loc, getFull(argmax.getInput()), 1, /*indices=*/true);
        bind(argmax.getResult(), kernel::ExtractOp::create(builder, loc, registerTypeOf(argmax.getType()), sorted, 0));
        return success();
      })
      .Case<FirstOp>([&](auto first) {
        bind(first.getResult(),
             kernel::SliceOp::create(builder, loc, rowType(first.getResult()), get(first.getSelection())));
        return success();
      })
      .Case<GatherOp>([&](auto gather) {
        bind(gather.getResult(), kernel::GatherOp::create(builder, loc, rowType(gather.getResult()),
                                                          getFull(gather.getInput()), get(gather.getSelection())));
        return success();
      })
      .Case<ScatterOp>([&](auto scatter) {
        bind(scatter.getResult(), kernel::ScatterOp::create(builder, loc, rowType(scatter.getResult()),
                                                            getFull(scatter.getInput()), get(scatter.getSelection())));
        return success();
      })
      .Case<ForcedOp>([&](auto forced) { return lowerForced(forced); })
      .Case<ChosenOp>([&](auto chosen) {
        bind(chosen.getResult(),
             kernel::ChosenOp::create(builder, loc, rowType(chosen.getResult()), get(chosen.getSelection())));
        return success();
      })
      .Default([&](Operation *other) { return lowerOther(other); });
}
