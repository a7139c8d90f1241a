// Which region needs which value: see Fusion.h.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOETOMOEKERNEL
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

std::string moe::waitReason(Operation *op, Value value) {
  StringRef waits = specName(op->getLoc()), name = value ? specName(value.getLoc()) : StringRef();
  std::string subject = waits.empty() ? op->getName().getStringRef().str() : ("'" + waits + "'").str();
  if (isa<RankOp, PermuteOp>(op))
    return subject + " needs the place of each slot among those of all tokens";
  if (!value)
    return subject + " is made from pieces of pieces";
  std::string each = levelOf(op->getResult(0)) == Level::Token ? " for each token" : " for each piece";
  if (name.empty() || name == waits)
    return subject + " needs a reduction over the tokens" + each;
  return subject + (" needs '" + name + "'").str() + each;
}

static std::string plural(size_t count, StringRef noun, StringRef ending = "s") {
  return (Twine(count) + " " + noun + (count == 1 ? "" : ending)).str();
}

/// Whether no slot of a selection names what another slot of the same token names.
static bool isDistinct(Value selection) {
  Operation *op = selection.getDefiningOp();
  if (isa<FirstOp, FilterOp, LimitOp>(op))
    return isDistinct(op->getOperand(0));
  if (auto append = dyn_cast<AppendOp>(op)) { // what lies beyond the axis is counted nowhere
    AxisOp axis = lookupAxis(op, append.getType().getAxis().getValue());
    return isDistinct(append.getSelection()) && llvm::all_of(append.getElements(), [&](int32_t element) {
             return axis && axis.getSize() && element >= static_cast<int64_t>(*axis.getSize());
           });
  }
  return isa<TopkOp>(op);
}

Value moe::countedSelection(ReduceOp op) {
  if (op.getKind() != ReduceKind::Sum)
    return {};
  if (auto multiplicity = op.getInput().getDefiningOp<MultiplicityOp>())
    return multiplicity.getSelection();
  auto mask = op.getInput().getDefiningOp<arith::ExtUIOp>();
  auto chosen = mask ? mask.getIn().getDefiningOp<ChosenOp>() : ChosenOp();
  return chosen && isDistinct(chosen.getSelection()) ? chosen.getSelection() : Value();
}

PermuteOp moe::orderedBy(Operation *op) {
  auto plan = isa<OutputOp>(op) ? op->getOperand(0).getDefiningOp<PermuteOp>() : PermuteOp();
  return plan && plan.getOrder() == op->getOperand(0) ? plan : PermuteOp();
}

SmallVector<InputOp> moe::placementsOf(Operation *op) {
  SmallVector<StringRef> groups;
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && reduce.getTo())
    groups.push_back(*reduce.getTo());
  if (auto expand = dyn_cast<ExpandOp>(op))
    groups.push_back(expand.getFrom());
  if (auto topk = dyn_cast<TopkOp>(op); topk && topk.getAmong())
    groups.push_back(cast<SelectionType>(topk.getAmong().getType()).getAxis().getValue());
  SmallVector<InputOp> inputs;
  for (StringRef name : groups)
    if (AxisOp axis = lookupAxis(op, name); axis && axis.getPlacement())
      inputs.push_back(placementOf(op, *axis.getOf(), name));
  return inputs;
}

/// The tokens are the one axis of run-time size that makes no pieces.
LogicalResult Fusion::checkAxes() {
  AxisOp tokens;
  for (auto axis : body().getOps<AxisOp>()) {
    if (axis.getSize() || axis.isPieces())
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
  if (MaskOp mask = maskOf(gate); mask && !mask.getApplied())
    return mask.emitError("a mask reaches fusion: run moe-apply-mask first");
  if (Operation *op = stages.getUnscheduled())
    return op->emitError("'") << specName(op->getLoc()) << "' (" << op->getName()
                              << ") is nothing that a pass over tokens or pieces makes from what is known";
  return success();
}

/// An output that each call writes, accumulated or not: where the segments of its dispatch plan begin.
bool Fusion::isAboutCall(Operation *op) const {
  auto plan = isa<OutputOp>(op) ? op->getOperand(0).getDefiningOp<PermuteOp>() : PermuteOp();
  return plan && plan.getOffset() == op->getOperand(0);
}

/// What is reported once is about all accumulated calls, which the finish of the last pass knows.
FusedRegion &Fusion::regionOfSink(Operation *op) {
  Value value = op->getOperand(0);
  if (orderedBy(op))
    return rows(stages.stageOf(value));
  if (levelOf(value) == Level::Call)
    return lastFinish();
  int pass = std::max(stages.stageOf(value), 0);
  while (!regions.count({pass, -static_cast<int>(levelOf(value))})) // the caller's array of pieces of pieces
    ++pass;
  return region(pass, levelOf(value));
}

/// A value of each token that is worth keeping for a later pass: few numbers, made from more than that.
bool Fusion::isCarried(Value value) const {
  Operation *op = value.getDefiningOp();
  auto isLarge = [&](Value v) {
    return levelOf(v) == Level::Token && llvm::any_of(axesOf(v.getType()), [&](StringAttr name) {
             AxisOp axis = lookupAxis(op, name.getValue());
             return axis && axis.getSize();
           });
  };
  return !isa<InputOp, RandomOp>(op) && !isLarge(value) &&
         (isa<RankOp, PermuteOp, ShiftOp>(op) || llvm::any_of(op->getOperands(), isLarge));
}

/// Whether `region` takes `value` from memory, where another region has put it.
bool Fusion::isHandedOver(const FusedRegion &region, Value value) const {
  int stage = stages.stageOf(value);
  Level level = levelOf(value);
  if (level == Level::Token) {
    bool once =
        isa<RankOp, PermuteOp, ShiftOp>(value.getDefiningOp()); // the other tokens' part is there in its pass only
    return stage < region.pass && (once || (carries[region.pass] && isCarried(value)));
  }
  if (region.level == Level::Call && (stage < 0 || region.pass + 1 == stages.getPassCount()))
    return false; // the last finish reads what all passes have collected, in all calls
  if (isa<SizeOp>(value.getDefiningOp()) && level == Level::Call) // which a pass over pieces does not know
    return region.pass > 0 && stages.levelOfPass(region.pass) != Level::Token;
  return stage >= 0 && (stage < region.pass || level < region.level);
}

/// The rows or pieces of the pass that makes it collect what the pieces or finish region, or a later finish, reads.
void Fusion::requireReduction(ReduceOp op) {
  accumulators.insert({op, StringAttr()});
  FusedRegion &collector = region(stages.stageOf(op.getResult()), *stages.collectedFrom(op));
  collector.needed.insert(op);
  Value counted = stages.isTokenReduction(op) ? countedSelection(op) : Value();
  require(collector, counted ? counted : op.getInput());
}

/// What a rank or a plan counts, in the pass that counts for it.
void Fusion::requireQueue(Operation *op) {
  if (queues.insert({op, Queue()}).second)
    require(rows(stages.countingPassOf(op)), op->getOperand(0));
}

/// Marks what `region` must compute to know `value`, and what other regions must hand over.
void Fusion::require(FusedRegion &wanting, Value value) {
  Operation *op = value.getDefiningOp();
  if (isHandedOver(wanting, value)) {
    if (coefficients.insert({value, StringAttr()}).second)
      require(region(std::max(stages.stageOf(value), 0), levelOf(value)), value);
    return;
  }
  if (!wanting.needed.insert(op).second)
    return;
  if (stages.isCollected(op))
    return requireReduction(cast<ReduceOp>(op));
  if (isa<RankOp, PermuteOp>(op))
    requireQueue(op);
  if (isa<PermuteOp>(op) && wanting.level == Level::Call) // loads what the pass before has left
    return;
  if (auto shift = dyn_cast<ShiftOp>(op); shift && !shift.getInput().getDefiningOp<InputOp>()) {
    if (coefficients.insert({shift.getInput(), StringAttr()}).second)
      require(rows(stages.stageOf(shift.getInput())), shift.getInput());
    return;
  }
  for (Value operand : op->getOperands())
    require(wanting, operand);
  for (InputOp placement : placementsOf(op))
    require(wanting, placement.getResult());
}

/// Whether something reported depends on whether there is any (valid) token: a gradient of a token does not.
bool Fusion::asksForTokens() {
  return !gate.getBackwardOf() || llvm::any_of(body().getOps<OutputOp>(), [](OutputOp output) {
    return levelOf(output.getValue()) == Level::Call;
  });
}

void Fusion::requireSinks() {
  for (Operation &op : body())
    if (isAboutCall(&op)) {
      requireQueue(op.getOperand(0).getDefiningOp());
    } else if (isa<LossOp, MetricOp, OutputOp>(op)) {
      FusedRegion &region = regionOfSink(&op);
      region.needed.insert(&op);
      PermuteOp plan = orderedBy(&op);
      require(region, plan ? plan.getPosition() : op.getOperand(0));
    }
  if (maskOf(gate) && asksForTokens())
    require(rows(0), maskOf(gate).getValid());
  if (gate.getBackwardOf())
    return;
  for (InputOp input : tokenInputs()) // read for the non-finite check, used or not
    require(rows(0), input.getResult());
  for (ForcedOp forced : checkedSelections())
    require(rows(0), forced.getIndex());
  collectForStep();
}

/// What the updates read from accumulators, forward collects, whether it needs it itself or not.
void Fusion::collectForStep() {
  llvm::SetVector<Value> wanted;
  for (auto update : body().getOps<UpdateOp>())
    wanted.insert(update.getValue());
  for (size_t i = 0; i < wanted.size(); ++i) {
    Operation *op = wanted[i].getDefiningOp();
    if (!stages.isCollected(op))
      wanted.insert(op->operand_begin(), op->operand_end());
    else if (!accumulators.contains(op))
      requireReduction(cast<ReduceOp>(op));
  }
}

/// The float inputs that have tokens.
SmallVector<InputOp> Fusion::tokenInputs() {
  return llvm::filter_to_vector(body().getOps<InputOp>(), [&](InputOp input) {
    return isPerToken(input.getResult()) && isa<FloatType>(input.getType().getElementType());
  });
}

/// Selections of the caller, whose indices may be out of range.
SmallVector<ForcedOp> Fusion::checkedSelections() {
  return llvm::filter_to_vector(body().getOps<ForcedOp>(), [&](ForcedOp forced) {
    return forced.getIndex().getDefiningOp<InputOp>() && isPerToken(forced.getResult());
  });
}

/// A pass that no region needs anything of, or -1. The first one counts the tokens.
int Fusion::emptyPass() {
  for (int pass = asksForTokens() ? 1 : 0; pass < stages.getPassCount() && stages.getPassCount() > 1; ++pass)
    if (llvm::all_of(regions, [&](auto &entry) { return entry.second.pass != pass || entry.second.needed.empty(); }))
      return pass;
  return -1;
}

void Fusion::schedule() {
  assign();
  for (int pass; (pass = emptyPass()) >= 0; assign())
    stages.drop(pass);
}

/// Finds what each region needs. A pass carries small arrays over from earlier ones if that spares it all large inputs.
void Fusion::assign() {
  carries.assign(stages.getPassCount(), true);
  for (bool final : {false, true}) {
    regions.clear();
    accumulators.clear();
    queues.clear();
    coefficients.clear();
    for (int pass = 0; pass < stages.getPassCount(); ++pass)
      for (Level level : {stages.levelOfPass(pass), coarser(stages.levelOfPass(pass)), Level::Call})
        regions.emplace(std::pair(pass, -static_cast<int>(level)), FusedRegion{pass, level, {}, std::nullopt});
    requireSinks();
    for (int pass = 1; pass < stages.getPassCount() && !final; ++pass)
      carries[pass] = llvm::none_of(region(pass, stages.levelOfPass(pass)).needed, [&](Operation *op) {
        return isa<InputOp>(op) && levelOf(op->getResult(0)) == Level::Token &&
               cast<InputOp>(op).getType().getRank() > 1;
      });
  }
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
                       plural(count(program.getBody().getOps<kernel::AccumulatorOp>()), "accumulator"))
             .str();
  for (int pass = 1; pass < stages.getPassCount(); ++pass)
    if (auto [op, value] = stages.reasonFor(pass); op)
      remark::missed(op->getLoc(), opts("pass"))
          << llvm::formatv(
                 stages.levelOfPass(pass) == Level::Token
                     ? "gate '{0}': pass {1} over the tokens, since {2} and that is known only after all tokens"
                     : "gate '{0}': pass {1} over pieces, since {2}",
                 gate.getSymName(), pass + 1, waitReason(op, value))
                 .str();
}

/// The program with all levels of its pieces.
void Fusion::createProgram() {
  program =
      kernel::ProgramOp::create(builder, gate.getLoc(), gate.getSymNameAttr(), gate.getBackwardOfAttr(),
                                FlatSymbolRefAttr(), IntegerAttr(), FlatSymbolRefAttr(), IntegerAttr(), IntegerAttr());
  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
  for (auto axis : body().getOps<AxisOp>())
    if (axis.getLayers())
      program.setLayersAttr(axis.getLayersAttr());
  for (auto [i, axis] : llvm::enumerate(pieceAxes(gate))) {
    auto offsets = axis.getOffsets() ? FlatSymbolRefAttr::get(axis.getOffsetsAttr()) : FlatSymbolRefAttr();
    if (i > 0) {
      kernel::PiecesOp::create(builder, axis.getLoc(), axis.getLengthAttr(), offsets, axis.getCountAttr());
      continue;
    }
    program.setLengthAttr(axis.getLengthAttr());
    program.setOffsetsAttr(offsets);
    program.setCountAttr(axis.getCountAttr());
  }
}

LogicalResult Fusion::run() {
  if (failed(checkAxes()))
    return failure();
  schedule();
  builder.setInsertionPoint(gate);
  createProgram();
  if (failed(declareInterface()) || failed(declareCoefficients()) || failed(declareAccumulators()))
    return failure();
  createPasses();
  for (auto &[key, region] : regions)
    if (region.lowering && failed(write(region)))
      return failure();
  writeStatus();
  attachAxes();
  remarks();
  if (!body().getOps<UpdateOp>().empty() && !gate.getBackwardOf() && failed(writeStep(program)))
    return failure();
  gate.erase();
  return success();
}

namespace {
struct ConvertMoeToMoeKernel : moe::impl::ConvertMoeToMoeKernelBase<ConvertMoeToMoeKernel> {
  void runOnOperation() override {
    for (GateOp gate : llvm::make_early_inc_range(getOperation().getOps<GateOp>())) {
      hoistGathers(gate);
      if (failed(Fusion(gate, OpBuilder(gate)).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
