// convert-moe-to-moe-kernel: fusion by structure. The schedule comes from Stages; this file finds out which region
// needs which value, writes the regions, and declares what connects them to the caller and to each other.
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "compiler/Conversion/MoeToMoeKernel/Lowering.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOETOMOEKERNEL
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

/// Why the operation `op` has to wait for another pass: it uses `value` for each token.
std::string waitReason(Operation *op, Value value) {
  StringRef waits = specName(op->getLoc()), name = specName(value.getLoc());
  std::string subject = waits.empty() ? op->getName().getStringRef().str() : ("'" + waits + "'").str();
  if (name.empty() || name == waits)
    return subject + " needs a reduction over the tokens for each token";
  return subject + (" needs '" + name + "' for each token").str();
}

std::string plural(size_t count, StringRef noun, StringRef ending = "s") {
  return (Twine(count) + " " + noun + (count == 1 ? "" : ending)).str();
}

/// One region: rows or finish of one pass.
struct Region {
  int pass;
  bool finish;
  llvm::DenseSet<Operation *> needed;
  std::optional<RegionLowering> lowering;
};

class Fusion {
public:
  Fusion(GateOp gate, OpBuilder builder) : gate(gate), builder(builder), stages(gate) {}
  LogicalResult run();

private:
  Region &rows(int pass) { return regions[2 * pass]; }
  Region &finish(int pass) { return regions[2 * pass + 1]; }
  Block &body() { return gate.getBody().front(); }
  LogicalResult checkTokenAxis();
  Region &regionOfSink(Operation *op);
  void require(Region &region, Value value);
  void requireSinks();
  LogicalResult declareInterface();
  kernel::BufferOp declareBuffer(StringRef name, kernel::Role role, Type type, Type shapeOf, FloatAttr init,
                                 Location loc);
  LogicalResult declareAccumulators();
  LogicalResult declareCoefficients();
  void createPasses();
  LogicalResult write(Region &region);
  LogicalResult writeOp(Region &region, Operation *op);
  void writeResult(Region &region, Operation *op);
  void writeAccumulate(Region &region, ReduceOp op);
  void bindOperands(Region &region, Operation *op);
  Value isEmpty(Region &region);
  SmallVector<InputOp> tokenInputs();
  Value isNonfinite(Value x);
  void writeStatus();
  void attachAxes();
  /// The status words stand in no spec: a statement of their own for the reader of the generated code.
  Location nonfiniteLoc() {
    return NameLoc::get(
        StringAttr::get(gate.getContext(), "status nonfinite_tokens = tokens with a NaN or an infinity"),
        gate.getLoc());
  }
  void remarks();
  StringAttr uniqueName(StringRef wanted);

  /// The selection that a reduction counts (sum over tokens of the 0/1 mask), or null.
  static Value countedSelection(ReduceOp op) {
    auto mask = op.getInput().getDefiningOp<arith::ExtUIOp>();
    auto chosen = mask ? mask.getIn().getDefiningOp<ChosenOp>() : ChosenOp();
    return op.getKind() == ReduceKind::Sum && chosen ? chosen.getSelection() : Value();
  }

  GateOp gate;
  OpBuilder builder;
  Stages stages;
  kernel::ProgramOp program;
  SmallVector<Region> regions;
  llvm::StringSet<> names;
  llvm::MapVector<Operation *, StringAttr> accumulators; // token reductions
  llvm::MapVector<Value, StringAttr> coefficients;       // finished values that a later pass reads
  llvm::DenseMap<Operation *, StringAttr> buffers;       // inputs, params, losses, metrics, outputs
  StringAttr nonfinite, emptyWord, nonfiniteWord;
  bool hasTokens = false; // the gate has a run-time axis
};

StringAttr Fusion::uniqueName(StringRef wanted) {
  std::string name = wanted.empty() ? "sum" : wanted.str();
  for (int i = 2; !names.insert(name).second; ++i)
    name = (wanted + "_" + Twine(i)).str();
  return builder.getStringAttr(name);
}

/// The tokens are the one axis of run-time size.
LogicalResult Fusion::checkTokenAxis() {
  AxisOp tokens;
  for (auto axis : body().getOps<AxisOp>()) {
    if (axis.getSize())
      continue;
    if (tokens) {
      InFlightDiagnostic diag = axis.emitError("axis '")
                                << axis.getSymName()
                                << "' is the second one of run-time size, which is not lowered yet";
      diag.attachNote(tokens.getLoc()) << "the tokens are axis '" << tokens.getSymName() << "'";
      return diag;
    }
    tokens = axis;
  }
  hasTokens = static_cast<bool>(tokens);
  return success();
}

Region &Fusion::regionOfSink(Operation *op) {
  Value value = op->getOperand(0);
  int stage = stages.stageOf(value);
  return isPerToken(value) ? rows(stage) : finish(std::max(stage, 0));
}

/// Marks what `region` must compute to know `value`, and what other regions must hand over.
void Fusion::require(Region &region, Value value) {
  Operation *op = value.getDefiningOp();
  int stage = stages.stageOf(value);
  if (!isPerToken(value) && stage >= 0 && (!region.finish || stage < region.pass)) {
    if (coefficients.insert({value, StringAttr()}).second)
      require(finish(stage), value);
    return;
  }
  if (!region.needed.insert(op).second)
    return;
  if (stages.isTokenReduction(op)) { // the finish region reads it, the rows of the same pass collect it
    accumulators.insert({op, StringAttr()});
    rows(region.pass).needed.insert(op);
    Value counted = countedSelection(cast<ReduceOp>(op));
    require(rows(region.pass), counted ? counted : cast<ReduceOp>(op).getInput());
    return;
  }
  for (Value operand : op->getOperands())
    require(region, operand);
}

void Fusion::requireSinks() {
  for (Operation &op : body()) {
    if (isa<LossOp, MetricOp, OutputOp>(op)) {
      Region &region = regionOfSink(&op);
      region.needed.insert(&op);
      require(region, op.getOperand(0));
    }
  }
  if (!gate.getBackwardOf())
    for (InputOp input : tokenInputs()) // read for the non-finite check, used or not
      require(rows(0), input.getResult());
}

kernel::BufferOp Fusion::declareBuffer(StringRef name, kernel::Role role, Type type, Type shapeOf, FloatAttr init,
                                       Location loc) {
  SmallVector<Attribute> axes;
  SmallVector<int64_t> sizes;
  if (auto selection = dyn_cast<SelectionType>(shapeOf)) {
    for (StringAttr axis : selection.getBatch()) {
      axes.push_back(axis);
      AxisOp declared = lookupAxis(gate, axis.getValue());
      sizes.push_back(declared.getSize() ? static_cast<int64_t>(*declared.getSize()) : -1);
    }
    axes.push_back(selection.getSlot());
    sizes.push_back(selection.getSize());
  } else if (auto tensor = dyn_cast<RankedTensorType>(shapeOf)) {
    llvm::append_range(axes, axesOf(tensor));
    for (int64_t size : tensor.getShape())
      sizes.push_back(ShapedType::isDynamic(size) ? -1 : size);
  }
  return kernel::BufferOp::create(builder, loc, uniqueName(name), role, type, builder.getArrayAttr(axes), sizes, init);
}

/// An array of the caller: at most tokens, then one axis.
static LogicalResult checkInterface(Operation *op, StringRef name, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  for (int64_t i = 1; tensor && i < tensor.getRank(); ++i)
    if (tensor.isDynamicDim(i))
      return op->emitError("array '")
             << name << "' has its run-time axis inside: only the outermost axis may have a run-time size so far";
  if (name == "empty" || name == "nonfinite_tokens")
    return op->emitError("array '") << name << "' has the name of a status word; choose another one";
  return checkRegister(op, type);
}

LogicalResult Fusion::declareInterface() {
  for (Operation &op : body()) {
    if (auto input = dyn_cast<InputOp>(op)) {
      if (failed(checkInterface(&op, input.getName(), input.getType())))
        return failure();
      buffers[&op] = declareBuffer(input.getName(), input.getSaved() ? kernel::Role::Saved : kernel::Role::Input,
                                   input.getType().getElementType(), input.getType(), {}, op.getLoc())
                         .getSymNameAttr();
    } else if (auto param = dyn_cast<ParamOp>(op)) {
      if (failed(checkInterface(&op, param.getName(), param.getType())))
        return failure();
      buffers[&op] = declareBuffer(param.getName(), kernel::Role::Param, param.getType().getElementType(),
                                   param.getType(), param.getInitAttr(), op.getLoc())
                         .getSymNameAttr();
    } else if (isa<LossOp, MetricOp, OutputOp>(op)) {
      StringRef name = op.getAttrOfType<StringAttr>("name").getValue();
      Type type = op.getOperand(0).getType();
      if (failed(checkInterface(&op, name, type)))
        return failure();
      Type element = isa<SelectionType>(type) ? builder.getI32Type() : cast<RankedTensorType>(type).getElementType();
      auto output = dyn_cast<OutputOp>(op);
      kernel::Role role = output && output.getSaved() ? kernel::Role::Saved
                          : output                    ? kernel::Role::Output
                          : isa<LossOp>(op)           ? kernel::Role::Loss
                                                      : kernel::Role::Metric;
      if (output && output.getStore())
        element = *output.getStore();
      kernel::BufferOp buffer = declareBuffer(name, role, element, type, {}, op.getLoc());
      buffer.setAdds(output && output.getAdds());
      buffers[&op] = buffer.getSymNameAttr();
    }
  }
  if (gate.getBackwardOf())
    return success();
  Type word = RankedTensorType::get({}, builder.getI32Type());
  emptyWord =
      declareBuffer("empty", kernel::Role::Status, builder.getI32Type(), word, {}, gate.getLoc()).getSymNameAttr();
  nonfiniteWord = declareBuffer("nonfinite_tokens", kernel::Role::Status, builder.getI32Type(), word, {}, gate.getLoc())
                      .getSymNameAttr();
  return success();
}

LogicalResult Fusion::declareAccumulators() {
  for (auto &[op, name] : accumulators) {
    auto reduce = cast<ReduceOp>(op);
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
    StringRef spec = specName(op->getLoc());
    name = uniqueName(spec.empty() ? "sum" : (spec + "_" + stringifyReduceKind(reduce.getKind())).str());
    kernel::AccumulatorOp::create(builder, op->getLoc(), name, *combine, row ? row.getElementType() : type,
                                  row ? ArrayRef<int64_t>(row.getSize()) : ArrayRef<int64_t>());
  }
  if (gate.getBackwardOf() || tokenInputs().empty())
    return success();
  nonfinite = uniqueName("nonfinite");
  kernel::AccumulatorOp::create(builder, gate.getLoc(), nonfinite, kernel::Combine::Sum, builder.getI32Type(),
                                ArrayRef<int64_t>());
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
  return success();
}

void Fusion::createPasses() {
  for (int pass = 0; pass < stages.getPassCount(); ++pass) {
    StringAttr reason;
    if (auto [op, value] = stages.reasonFor(pass); op)
      reason = builder.getStringAttr(waitReason(op, value));
    auto op = kernel::PassOp::create(builder, gate.getLoc(), reason);
    rows(pass).lowering.emplace(&op.getRows().emplaceBlock());
    finish(pass).lowering.emplace(&op.getFinish().emplaceBlock());
  }
}

/// Values that another region computed and handed over as coefficients are loaded where they are first used.
void Fusion::bindOperands(Region &region, Operation *op) {
  for (Value operand : op->getOperands())
    if (auto it = coefficients.find(operand); it != coefficients.end() && !region.lowering->has(operand))
      region.lowering->bind(operand, kernel::LoadOp::create(region.lowering->builder, op->getLoc(),
                                                            registerTypeOf(operand.getType()), it->second.getValue()));
}

Value Fusion::isEmpty(Region &region) {
  OpBuilder &b = region.lowering->builder;
  if (!hasTokens)
    return arith::ConstantOp::create(b, gate.getLoc(), b.getBoolAttr(false));
  Value size = kernel::SizeOp::create(b, gate.getLoc(), b.getI32Type());
  Value zero = arith::ConstantOp::create(b, gate.getLoc(), b.getI32IntegerAttr(0));
  return arith::CmpIOp::create(b, gate.getLoc(), arith::CmpIPredicate::eq, size, zero);
}

/// Stores a loss, a metric or a gradient, with its value for a call without tokens: 0, but NaN for a metric of floats.
void Fusion::writeResult(Region &region, Operation *op) {
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
  auto map = kernel::MapOp::create(b, loc, TypeRange(row), lowered);
  Block &block = map.getBody().emplaceBlock();
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  Value chosen = arith::SelectOp::create(body, loc, empty, nothing, block.addArgument(element, loc));
  kernel::YieldOp::create(body, loc, chosen);
  kernel::StoreOp::create(b, loc, map.getResult(0), name);
}

void Fusion::writeAccumulate(Region &region, ReduceOp op) {
  OpBuilder &b = region.lowering->builder;
  StringAttr name = accumulators.find(op)->second;
  if (Value counted = countedSelection(op))
    kernel::CountOp::create(b, op.getLoc(), region.lowering->get(counted), name.getValue());
  else
    kernel::AccumulateOp::create(b, op.getLoc(), region.lowering->getFull(op.getInput()), name.getValue());
}

LogicalResult Fusion::writeOp(Region &region, Operation *op) {
  RegionLowering &lowering = *region.lowering;
  OpBuilder &b = lowering.builder;
  bindOperands(region, op);
  if (isa<InputOp, ParamOp>(op)) {
    Type type = registerTypeOf(op->getResult(0).getType());
    lowering.bind(op->getResult(0), kernel::LoadOp::create(b, op->getLoc(), type, buffers[op].getValue()));
    return success();
  }
  if (auto output = dyn_cast<OutputOp>(op); output && !(region.finish && gate.getBackwardOf())) {
    kernel::StoreOp::create(b, op->getLoc(), lowering.getFull(output.getValue()), buffers[op].getValue());
    return success();
  }
  if (isa<LossOp, MetricOp, OutputOp>(op)) {
    writeResult(region, op);
    return success();
  }
  if (stages.isTokenReduction(op)) {
    auto reduce = cast<ReduceOp>(op);
    if (!region.finish)
      writeAccumulate(region, reduce);
    else
      lowering.bind(reduce.getResult(), kernel::ReadOp::create(b, op->getLoc(), registerTypeOf(reduce.getType()),
                                                               accumulators.find(op)->second.getValue()));
    return success();
  }
  return lowering.lower(op);
}

LogicalResult Fusion::write(Region &region) {
  for (Operation &op : body())
    if (region.needed.contains(&op) && failed(writeOp(region, &op)))
      return failure();
  if (region.finish)
    for (auto &[value, name] : coefficients)
      if (stages.stageOf(value) == region.pass)
        kernel::StoreOp::create(region.lowering->builder, value.getLoc(), region.lowering->getFull(value),
                                name.getValue());
  return success();
}

/// Whether a row or scalar of the first pass holds a NaN or an infinity: x * 0 is 0 for finite x only.
Value Fusion::isNonfinite(Value x) {
  OpBuilder &b = rows(0).lowering->builder;
  Location loc = nonfiniteLoc();
  auto row = dyn_cast<kernel::RowType>(x.getType());
  Type element = row ? row.getElementType() : x.getType();
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0)), product;
  if (row) {
    auto map = kernel::MapOp::create(b, loc, TypeRange(row), x);
    Block &block = map.getBody().emplaceBlock();
    OpBuilder body = OpBuilder::atBlockEnd(&block);
    kernel::YieldOp::create(body, loc,
                            ValueRange(arith::MulFOp::create(body, loc, block.addArgument(element, loc), zero)));
    product = kernel::ReduceOp::create(b, loc, element, kernel::Combine::Sum, map.getResult(0), DenseI32ArrayAttr());
  } else {
    product = arith::MulFOp::create(b, loc, x, zero);
  }
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, product, zero);
}

/// The float inputs that have tokens.
SmallVector<InputOp> Fusion::tokenInputs() {
  return llvm::filter_to_vector(body().getOps<InputOp>(), [&](InputOp input) {
    return isPerToken(input.getResult()) && isa<FloatType>(input.getType().getElementType());
  });
}

/// Counts the tokens that have a NaN or an infinity in any float input, and says whether there was a token at all.
void Fusion::writeStatus() {
  OpBuilder &b = rows(0).lowering->builder;
  Location loc = nonfiniteLoc();
  Value bad;
  for (InputOp input : tokenInputs()) {
    Value here = isNonfinite(rows(0).lowering->get(input.getResult()));
    bad = bad ? arith::OrIOp::create(b, loc, bad, here) : here;
  }
  if (bad)
    kernel::AccumulateOp::create(b, loc, arith::ExtUIOp::create(b, loc, b.getI32Type(), bad), nonfinite.getValue());
  OpBuilder &f = finish(0).lowering->builder;
  Location emptyLoc = NameLoc::get(b.getStringAttr("status empty = no tokens"), gate.getLoc());
  kernel::StoreOp::create(f, emptyLoc, arith::ExtUIOp::create(f, emptyLoc, f.getI32Type(), isEmpty(finish(0))),
                          emptyWord.getValue());
  Value count = bad ? kernel::ReadOp::create(f, loc, f.getI32Type(), nonfinite.getValue()).getResult()
                    : arith::ConstantOp::create(f, loc, f.getI32IntegerAttr(0)).getResult();
  kernel::StoreOp::create(f, loc, count, nonfiniteWord.getValue());
}

/// Leaves the declared axes on the program, for the descriptor.
void Fusion::attachAxes() {
  SmallVector<Attribute> axes;
  for (auto axis : body().getOps<AxisOp>()) {
    SmallVector<NamedAttribute> fields{
        builder.getNamedAttr("name", axis.getSymNameAttr()),
        builder.getNamedAttr("size",
                             builder.getI64IntegerAttr(axis.getSize() ? static_cast<int64_t>(*axis.getSize()) : -1))};
    if (axis.getOf())
      fields.push_back(builder.getNamedAttr("of", builder.getStringAttr(*axis.getOf())));
    if (axis.getMap())
      fields.push_back(builder.getNamedAttr("map", axis.getMapAttr()));
    axes.push_back(builder.getDictionaryAttr(fields));
  }
  program->setAttr("moe.axes", builder.getArrayAttr(axes));
}

void Fusion::remarks() {
  auto opts = [](StringRef name) { return remark::RemarkOpts::name(name).category("moe-fusion"); };
  auto count = [&](auto range) { return static_cast<size_t>(std::distance(range.begin(), range.end())); };
  auto outputs = llvm::make_filter_range(body().getOps<OutputOp>(), [](OutputOp output) { return !output.getSaved(); });
  remark::passed(gate.getLoc(), opts("passes"))
      << llvm::formatv("gate '{0}': {1}, {2} and {3} in {4} over the tokens with {5}", gate.getSymName(),
                       plural(count(body().getOps<LossOp>()), "loss", "es"),
                       plural(count(body().getOps<MetricOp>()), "metric"), plural(count(outputs), "output"),
                       plural(stages.getPassCount(), "pass", "es"),
                       plural(accumulators.size() + !gate.getBackwardOf(), "accumulator"))
             .str();
  for (int pass = 1; pass < stages.getPassCount(); ++pass)
    if (auto [op, value] = stages.reasonFor(pass); op)
      remark::missed(op->getLoc(), opts("pass"))
          << llvm::formatv("gate '{0}': pass {1} over the tokens, since {2} and that is known only after all tokens",
                           gate.getSymName(), pass + 1, waitReason(op, value))
                 .str();
}

LogicalResult Fusion::run() {
  if (failed(checkTokenAxis()))
    return failure();
  for (int pass = 0; pass < stages.getPassCount(); ++pass)
    for (bool finish : {false, true}) {
      Region &region = regions.emplace_back();
      region.pass = pass;
      region.finish = finish;
    }
  requireSinks();
  builder.setInsertionPoint(gate);
  program = kernel::ProgramOp::create(builder, gate.getLoc(), gate.getSymNameAttr(), gate.getBackwardOfAttr());
  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
  if (failed(declareInterface()) || failed(declareCoefficients()) || failed(declareAccumulators()))
    return failure();
  createPasses();
  for (Region &region : regions)
    if (failed(write(region)))
      return failure();
  if (!gate.getBackwardOf())
    writeStatus();
  attachAxes();
  remarks();
  gate.erase();
  return success();
}

struct ConvertMoeToMoeKernel : moe::impl::ConvertMoeToMoeKernelBase<ConvertMoeToMoeKernel> {
  void runOnOperation() override {
    for (GateOp gate : llvm::make_early_inc_range(getOperation().getOps<GateOp>()))
      if (failed(Fusion(gate, OpBuilder(gate)).run()))
        return signalPassFailure();
  }
};

} // namespace
