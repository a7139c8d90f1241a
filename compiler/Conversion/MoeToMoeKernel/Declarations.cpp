// What a program declares: the arrays of the caller, what one region hands to another, what passes collect. See
// Fusion.h.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace moe;

StringAttr Fusion::uniqueName(StringRef wanted) {
  std::string name = wanted.empty() ? "sum" : wanted.str();
  for (int i = 2; !names.insert(name).second; ++i)
    name = (wanted + "_" + Twine(i)).str();
  return builder.getStringAttr(name);
}

/// The size of axis `name` in a buffer: run-time sizes as moe_kernel.buffer writes them.
static int64_t bufferSize(GateOp gate, StringRef name, int64_t size) {
  if (!ShapedType::isDynamic(size))
    return size;
  auto depth = [&](AxisOp axis) { // 0: the tokens
    int64_t depth = 0;
    for (; axis.isPieces(); axis = lookupAxis(gate, *axis.getOf()))
      ++depth;
    return depth;
  };
  auto pieces = [](int64_t depth) { return depth < 2 ? -1 - depth : -2 * depth - 1; };
  if (AxisOp axis = lookupAxis(gate, name))
    return pieces(depth(axis));
  StringRef bounded = name;
  if (bounded.consume_back(".bound"))
    return pieces(depth(lookupAxis(gate, bounded))) - 1;
  return -4; // the rows of a dispatch plan
}

kernel::BufferOp Fusion::declareBuffer(StringRef name, kernel::Role role, Type type, Type shapeOf, FloatAttr init,
                                       Location loc) {
  SmallVector<Attribute> axes;
  SmallVector<int64_t> sizes;
  if (auto selection = dyn_cast<SelectionType>(shapeOf)) {
    for (StringAttr axis : selection.getBatch()) {
      axes.push_back(axis);
      AxisOp declared = lookupAxis(gate, axis.getValue());
      int64_t size = declared.getSize() ? static_cast<int64_t>(*declared.getSize()) : ShapedType::kDynamic;
      sizes.push_back(bufferSize(gate, axis.getValue(), size));
    }
    axes.push_back(selection.getSlot());
    sizes.push_back(selection.getSize());
  } else if (auto tensor = dyn_cast<RankedTensorType>(shapeOf)) {
    llvm::append_range(axes, axesOf(tensor));
    for (auto [axis, size] : llvm::zip_equal(axesOf(tensor), tensor.getShape()))
      sizes.push_back(bufferSize(gate, axis.getValue(), size));
  }
  return kernel::BufferOp::create(builder, loc, uniqueName(name), role, type, builder.getArrayAttr(axes), sizes, init,
                                  /*adds=*/false, IntegerAttr(), IntegerAttr(), StringAttr());
}

static constexpr StringLiteral statusWords[] = {"empty", "nonfinite_tokens", "out_of_range", "bad_offsets"};

/// An array of the caller: at most tokens or pieces, then one axis.
static LogicalResult checkInterface(Operation *op, StringRef name, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  for (int64_t i = 1; tensor && i < tensor.getRank(); ++i)
    if (tensor.isDynamicDim(i))
      return op->emitError("array '")
             << name << "' has its run-time axis inside: only the outermost axis may have a run-time size so far";
  if (llvm::is_contained(statusWords, name))
    return op->emitError("array '") << name << "' has the name of a status word; choose another one";
  return checkRegister(op, type);
}

/// The role of an array of the caller.
static kernel::Role roleOf(Operation *op) {
  if (auto input = dyn_cast<InputOp>(op))
    return input.getSaved() ? kernel::Role::Saved : kernel::Role::Input;
  if (auto output = dyn_cast<OutputOp>(op))
    return output.getSaved() ? kernel::Role::Saved : kernel::Role::Output;
  if (isa<ParamOp>(op))
    return kernel::Role::Param;
  if (isa<StateOp>(op))
    return kernel::Role::State;
  return isa<LossOp>(op) ? kernel::Role::Loss : kernel::Role::Metric;
}

LogicalResult Fusion::declareArray(Operation *op) {
  StringRef name = op->getAttrOfType<StringAttr>("name").getValue();
  Type type = op->getNumResults() ? op->getResult(0).getType() : op->getOperand(0).getType();
  if (failed(checkInterface(op, name, type)))
    return failure();
  Type element = isa<SelectionType>(type) ? builder.getI32Type() : cast<RankedTensorType>(type).getElementType();
  auto output = dyn_cast<OutputOp>(op);
  if (output && output.getStore())
    element = *output.getStore();
  kernel::BufferOp buffer =
      declareBuffer(name, roleOf(op), element, type, op->getAttrOfType<FloatAttr>("init"), op->getLoc());
  buffer.setAdds(output && output.getAdds());
  auto layered = op->getAttrOfType<StringAttr>("layered"); // what is saved is rows of all layers
  if (layered && roleOf(op) != kernel::Role::Saved)
    buffer.setLayeredAttr(layered);
  if (PermuteOp plan = orderedBy(op)) {
    SelectionType selection = plan.getSelection().getType();
    buffer.setPerToken(selection.getSize());
    buffer.setExtra(*lookupAxis(op, selection.getAxis().getValue()).getSize() * (plan.getPad() - 1));
  }
  buffers[op] = buffer.getSymNameAttr();
  return success();
}

StringAttr Fusion::declareStatusWord(StringRef name) {
  Type word = RankedTensorType::get({}, builder.getI32Type());
  return declareBuffer(name, kernel::Role::Status, builder.getI32Type(), word, {}, gate.getLoc()).getSymNameAttr();
}

void Fusion::declareStatus() {
  if (gate.getBackwardOf())
    return;
  emptyWord = declareStatusWord("empty");
  nonfiniteWord = declareStatusWord("nonfinite_tokens");
  if (!checkedSelections().empty())
    outOfRangeWord = declareStatusWord("out_of_range");
  if (llvm::any_of(pieceAxes(gate), [](AxisOp axis) { return axis.getOffsets().has_value(); }))
    badOffsetsWord = declareStatusWord("bad_offsets");
}

LogicalResult Fusion::declareInterface() {
  for (Operation &op : body())
    if (isa<InputOp, ParamOp, StateOp, LossOp, MetricOp, OutputOp>(op) && failed(declareArray(&op)))
      return failure();
  declareStatus();
  return success();
}

LogicalResult Fusion::declareAccumulator(ReduceOp reduce, StringAttr &name) {
  std::optional<kernel::Combine> combine = kernel::symbolizeCombine(stringifyReduceKind(reduce.getKind()));
  Type type = registerTypeOf(reduce.getType());
  if (!combine || reduce.getOver().size() != 1)
    return reduce.emitError("reduction '")
           << stringifyReduceKind(reduce.getKind()) << "' over tokens reaches fusion: run moe-decompose first";
  if (failed(checkRegister(reduce, reduce.getType())))
    return failure();
  if (*combine == kernel::Combine::Sum && isStorage(reduce.getType()))
    return reduce.emitError("sums bf16 or f16, which only store values: widen with arith.extf first");
  auto row = dyn_cast<kernel::RowType>(type);
  StringRef spec = specName(reduce.getLoc());
  name = uniqueName(spec.empty() ? "sum" : (spec + "_" + stringifyReduceKind(reduce.getKind())).str());
  kernel::AccumulatorOp::create(builder, reduce.getLoc(), name, *combine, row ? row.getElementType() : type,
                                row ? ArrayRef<int64_t>(row.getSize()) : ArrayRef<int64_t>(),
                                levelOf(reduce.getResult()) != Level::Call, /*ranked=*/false);
  return success();
}

StringAttr Fusion::declareCount(StringRef wanted) {
  StringAttr name = uniqueName(wanted);
  kernel::AccumulatorOp::create(builder, gate.getLoc(), name, kernel::Combine::Sum, builder.getI32Type(),
                                ArrayRef<int64_t>(), false, false);
  return name;
}

/// The counts that ranks go by, and where they go by slot, the totals that the ranking pass needs.
LogicalResult Fusion::declareQueues() {
  for (auto &[op, queue] : queues) {
    auto rank = dyn_cast<RankOp>(op);
    if (rank && rank.getPer() && *rank.getPer() != piecesOf(op).getSymName())
      return op->emitError("queues in each '")
             << *rank.getPer() << "' are not lowered yet; '" << piecesOf(op).getSymName()
             << "', which divides the tokens, may have them";
    auto selection = cast<SelectionType>(op->getOperand(0).getType());
    int64_t size = *lookupAxis(op, selection.getAxis().getValue()).getSize();
    if (rank && rank.getBySlot())
      size *= selection.getSize();
    StringRef spec = specName(op->getLoc());
    queue.accumulator = uniqueName(spec.empty() ? "queue" : (spec + "_queue").str());
    kernel::AccumulatorOp::create(builder, op->getLoc(), queue.accumulator, kernel::Combine::Sum, builder.getI32Type(),
                                  ArrayRef<int64_t>(size), rank && rank.getPer(), /*ranked=*/true);
  }
  return success();
}

LogicalResult Fusion::declareAccumulators() {
  for (auto &[op, name] : accumulators)
    if (failed(declareAccumulator(cast<ReduceOp>(op), name)))
      return failure();
  if (failed(declareQueues()))
    return failure();
  if (maskOf(gate) && asksForTokens())
    validTokens = declareCount("valid_tokens");
  if (gate.getBackwardOf())
    return success();
  if (!tokenInputs().empty())
    nonfinite = declareCount("nonfinite");
  if (outOfRangeWord)
    outOfRange = declareCount("indices_out_of_range");
  if (badOffsetsWord) // the runtime's and the kernels' to add to, which alone see the offsets as such
    badOffsets = declareCount("bad_offsets_seen");
  return success();
}

LogicalResult Fusion::declareCoefficients() {
  for (auto &[value, name] : coefficients) {
    if (failed(checkRegister(value.getDefiningOp(), value.getType())))
      return failure();
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    Type type = tensor ? tensor.getElementType() : builder.getI32Type();
    StringRef spec = specName(value.getLoc());
    name = declareBuffer(spec.empty() ? "coefficient" : (spec + "_known").str(), kernel::Role::Coefficient, type,
                         value.getType(), {}, value.getLoc())
               .getSymNameAttr();
  }
  for (auto &[op, queue] : queues) {
    auto rank = dyn_cast<RankOp>(op);
    if (rank && !rank.getBySlot())
      continue;
    auto selection = cast<SelectionType>(op->getOperand(0).getType());
    int64_t elements = *lookupAxis(op, selection.getAxis().getValue()).getSize();
    SmallVector<StringAttr> axes{builder.getStringAttr("queue")};
    SmallVector<int64_t> sizes{rank ? elements * selection.getSize() : elements + 1};
    if (rank && rank.getPer()) {
      axes.insert(axes.begin(), rank.getPerAttr());
      sizes.insert(sizes.begin(), ShapedType::kDynamic);
    }
    queue.totals = declareBuffer(rank ? "queue_totals" : "segments", kernel::Role::Coefficient, builder.getI32Type(),
                                 tensorOf(builder.getI32Type(), axes, sizes), {}, op->getLoc())
                       .getSymNameAttr();
  }
  return success();
}

/// Leaves the declared axes on the program, for the descriptor.
void Fusion::attachAxes() {
  SmallVector<Attribute> axes;
  for (auto axis : body().getOps<AxisOp>()) {
    SmallVector<NamedAttribute> fields{
        builder.getNamedAttr("name", axis.getSymNameAttr()),
        builder.getNamedAttr("size",
                             builder.getI64IntegerAttr(axis.getSize() ? static_cast<int64_t>(*axis.getSize()) : -1))};
    if (axis.getOf() && !axis.getPlacement()) // groups that an input places are nobody's to know before the call
      fields.push_back(builder.getNamedAttr("of", builder.getStringAttr(*axis.getOf())));
    if (axis.getMap())
      fields.push_back(builder.getNamedAttr("map", axis.getMapAttr()));
    if (axis.getLength())
      fields.push_back(builder.getNamedAttr("length", axis.getLengthAttr()));
    if (axis.getOffsets())
      fields.push_back(builder.getNamedAttr("offsets", axis.getOffsetsAttr()));
    if (axis.getCount())
      fields.push_back(builder.getNamedAttr("count", axis.getCountAttr()));
    axes.push_back(builder.getDictionaryAttr(fields));
  }
  program->setAttr("moe.axes", builder.getArrayAttr(axes));
  if (gate.getWholeBatch())
    program->setAttr("moe.whole_batch", gate.getWholeBatchAttr());
}
