// The functions around the regions of a pass: arguments, the loop over tiles, and what is kept from tile to tile.
//
// An accumulator is a row of 16 partial results per element in scratch, one per lane; at the end of the call's range
// the lanes are merged as a tree, in an order that does not depend on the target. Counts are one histogram.
#include "compiler/Conversion/MoeKernelToLLVM/MoeKernelToLLVM.h"
#include "compiler/Conversion/MoeKernelToLLVM/RowEmitter.h"
#include "compiler/Transforms/ExpandMath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "moe/runtime.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

PassFunctionNames moe::functionNames(StringRef program, unsigned pass) {
  return {(program + "_rows" + Twine(pass)).str(), (program + "_pieces" + Twine(pass)).str(),
          (program + "_finish" + Twine(pass)).str()};
}

namespace {

/// Builds the functions of one pass.
class PassEmitter {
public:
  PassEmitter(kernel::ProgramOp program, kernel::PassOp pass, unsigned index)
      : b(pass.getLoc(), pass.getContext()), program(program), pass(pass), index(index),
        module(program->getParentOfType<ModuleOp>()), pointer(LLVM::LLVMPointerType::get(pass.getContext())) {}

  void emitRows();
  void emitPieces();
  void emitFinish();

private:
  func::FuncOp makeFunction(StringRef name, ArrayRef<Type> arguments, ArrayRef<unsigned> noAlias, int64_t scratchBytes);
  void loadArrays(RegionContext &context, Value call);
  void findLayers(RegionContext &context);
  void emitOnce(func::FuncOp function, RegionContext &context, const Schedule &schedule);
  int64_t planFixed(RegionContext &context);
  void initialise(RowEmitter &emitter, const RegionContext &context);
  void merge(RowEmitter &emitter, const RegionContext &context, Value partial);
  Value mergeLanes(RowEmitter &emitter, kernel::Combine kind, Value lanes);

  ImplicitLocOpBuilder b;
  kernel::ProgramOp program;
  kernel::PassOp pass;
  unsigned index;
  ModuleOp module;
  Type pointer;
};

} // namespace

func::FuncOp PassEmitter::makeFunction(StringRef name, ArrayRef<Type> arguments, ArrayRef<unsigned> noAlias,
                                       int64_t scratchBytes) {
  b.setInsertionPoint(program);
  auto function = func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  for (unsigned argument : noAlias)
    function.setArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  function->setAttr(scratchBytesAttr, b.getI64IntegerAttr(scratchBytes));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

/// moe_cpu_call: the array of pointers, the number of tokens, the piece, and what the call does.
void PassEmitter::loadArrays(RegionContext &context, Value call) {
  context.call = call;
  Value arrays = LLVM::LoadOp::create(b, pointer, call, 8);
  auto at = [&](Value base, int32_t bytes) {
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, LLVM::GEPArg(bytes));
  };
  context.tokenCount = LLVM::LoadOp::create(b, b.getI64Type(), at(call, offsetof(moe_cpu_call, token_count)), 8);
  if (program.hasPieces())
    context.piece = LLVM::LoadOp::create(b, b.getI64Type(), at(call, offsetof(moe_cpu_call, piece)), 8);
  int32_t position = 0;
  for (auto buffer : program.getOps<kernel::BufferOp>())
    context.arrays[buffer.getSymName()] = LLVM::LoadOp::create(b, pointer, at(arrays, sizeof(void *) * position++), 8);
  if (llvm::none_of(program.getOps<kernel::BufferOp>(), [](kernel::BufferOp buffer) { return buffer.getAdds(); }))
    return;
  Type word = b.getI32Type();
  Value phase = LLVM::LoadOp::create(b, word, at(call, offsetof(moe_cpu_call, phase)), 4);
  Value bit = arith::AndIOp::create(b, phase, arith::ConstantIntOp::create(b, MOE_ADD, 32));
  context.adds = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bit, arith::ConstantIntOp::create(b, 0, 32));
}

/// Rows of several layers: an input or output with tokens is a table of pointers to layers, and the call says which
/// layer the rows are in.
void PassEmitter::findLayers(RegionContext &context) {
  if (!program.getLayers() || pass.getLevel() != 0)
    return;
  Type i64 = b.getI64Type();
  auto field = [&](int32_t offset) -> Value {
    Value at = LLVM::GEPOp::create(b, pointer, b.getI8Type(), context.call, LLVM::GEPArg(offset));
    return LLVM::LoadOp::create(b, i64, at, 8);
  };
  Value layer = field(offsetof(moe_cpu_call, layer)), begin = field(offsetof(moe_cpu_call, layer_begin));
  Value zero = arith::ConstantIntOp::create(b, 0, 64), back = arith::SubIOp::create(b, zero, begin);
  Value layers = arith::ConstantIntOp::create(b, static_cast<int64_t>(*program.getLayers()), 64);
  context.layerTokens = arith::DivUIOp::create(b, context.tokenCount, layers);
  for (auto buffer : program.getOps<kernel::BufferOp>()) {
    bool isCallers = buffer.getRole() == kernel::Role::Input || buffer.getRole() == kernel::Role::Output;
    if (!isCallers || !buffer.isPerToken())
      continue;
    Value &array = context.arrays[buffer.getSymName()];
    context.layerTables[buffer.getSymName()] = array;
    Value entry = LLVM::GEPOp::create(b, pointer, pointer, array, LLVM::GEPArg(layer));
    Value first = LLVM::LoadOp::create(b, pointer, entry, sizeof(void *));
    Type row = LLVM::LLVMArrayType::get(b.getI8Type(), buffer.getRowSize() * elementBytes(buffer.getType()));
    array = LLVM::GEPOp::create(b, pointer, row, first, LLVM::GEPArg(back));
  }
}

/// Scratch that lives as long as the call: accumulators, histograms, the staging area. Returns its size.
int64_t PassEmitter::planFixed(RegionContext &context) {
  int64_t bytes = 0;
  auto take = [&](int64_t size) {
    int64_t offset = bytes;
    bytes = llvm::alignTo(bytes + size, 64);
    return offset;
  };
  for (Operation &op : pass.getRows().front()) {
    if (auto accumulate = dyn_cast<kernel::AccumulateOp>(op)) {
      auto accumulator = kernel::lookupAccumulator(&op, accumulate.getAccumulator());
      if (!context.laneOffsets.contains(accumulate.getAccumulator()))
        context.laneOffsets[accumulate.getAccumulator()] =
            take(accumulator.getCount() * tileTokens * scratchBytes(accumulator.getType()));
    } else if (auto count = dyn_cast<kernel::CountOp>(op)) {
      if (!context.histogramOffsets.contains(count.getAccumulator()))
        context.histogramOffsets[count.getAccumulator()] =
            take((kernel::lookupAccumulator(&op, count.getAccumulator()).getCount() + 1) * 4);
    }
  }
  int64_t staging = 0;
  for (auto buffer : program.getOps<kernel::BufferOp>())
    if (kernel::isPerRow(buffer, pass))
      staging = std::max<int64_t>(staging, tileTokens * buffer.getRowSize() * elementBytes(buffer.getType()));
  context.stagingOffset = take(staging);
  return bytes;
}

void PassEmitter::initialise(RowEmitter &emitter, const RegionContext &context) {
  for (auto accumulator : program.getOps<kernel::AccumulatorOp>()) {
    if (auto lanes = context.laneOffsets.find(accumulator.getSymName()); lanes != context.laneOffsets.end()) {
      Value neutral = emitter.splat(emitter.neutral(accumulator.getCombine(), accumulator.getType()));
      emitter.loop(accumulator.getCount(), 1, {},
                   [&](Value e, unsigned, RowEmitter::State &) { emitter.storeLanes(neutral, lanes->second, e); });
    }
    if (auto histogram = context.histogramOffsets.find(accumulator.getSymName());
        histogram != context.histogramOffsets.end()) {
      Value start = emitter.advance(context.scratch, histogram->second);
      emitter.loop(accumulator.getCount() + 1, 1, {}, [&](Value e, unsigned, RowEmitter::State &) {
        LLVM::StoreOp::create(b, emitter.i32(0), emitter.elementPointer(start, 4, e), 4);
      });
    }
  }
}

/// Halves against halves, down to one.
Value PassEmitter::mergeLanes(RowEmitter &emitter, kernel::Combine kind, Value lanes) {
  for (int64_t half = tileTokens / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, half)),
                         high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    lanes = emitter.combine(kind, vector::ShuffleOp::create(b, lanes, lanes, low),
                            vector::ShuffleOp::create(b, lanes, lanes, high));
  }
  return vector::ExtractOp::create(b, lanes, ArrayRef<int64_t>{0});
}

void PassEmitter::merge(RowEmitter &emitter, const RegionContext &context, Value partial) {
  AccumulatorLayout layout(program);
  for (auto accumulator : program.getOps<kernel::AccumulatorOp>()) {
    auto lanes = context.laneOffsets.find(accumulator.getSymName());
    auto histogram = context.histogramOffsets.find(accumulator.getSymName());
    if (lanes == context.laneOffsets.end() && histogram == context.histogramOffsets.end())
      continue;
    Value target = emitter.advance(partial, layout.offsetOf(accumulator.getSymName()));
    int64_t bytes = elementBytes(accumulator.getType());
    emitter.loop(accumulator.getCount(), 1, {}, [&](Value e, unsigned, RowEmitter::State &) {
      Value value;
      if (lanes != context.laneOffsets.end())
        value =
            mergeLanes(emitter, accumulator.getCombine(), emitter.loadLanes(lanes->second, accumulator.getType(), e));
      if (histogram != context.histogramOffsets.end()) {
        Value from = emitter.elementPointer(emitter.advance(context.scratch, histogram->second), 4, e);
        Value count = LLVM::LoadOp::create(b, b.getI32Type(), from, 4);
        value = value ? Value(arith::AddIOp::create(b, value, count)) : count;
      }
      LLVM::StoreOp::create(b, value, emitter.elementPointer(target, bytes, e), bytes);
    });
  }
}

void PassEmitter::emitRows() {
  RegionContext context;
  context.module = module;
  int64_t fixedBytes = planFixed(context);
  llvm::SetVector<Operation *> uniform = kernel::uniformOperations(pass.getRows().front());
  SmallVector<Operation *> varying;
  for (Operation &op : pass.getRows().front())
    if (!uniform.contains(&op))
      varying.push_back(&op);
  Schedule uniformSchedule(uniform.getArrayRef(), /*lanes=*/1, fixedBytes);
  Schedule schedule(varying, tileTokens, uniformSchedule.getBytes());
  Type i64 = b.getI64Type();
  auto function = makeFunction(functionNames(program.getSymName(), index).rows, {pointer, i64, i64, pointer, pointer},
                               {3, 4}, schedule.getBytes());
  Value begin = function.getArgument(1), end = function.getArgument(2);
  context.scratch = function.getArgument(4);
  context.partial = function.getArgument(3);
  loadArrays(context, function.getArgument(0));
  findLayers(context);
  RowEmitter uniformEmitter(b, uniformSchedule, context, /*lanes=*/1), emitter(b, schedule, context, tileTokens);
  uniformEmitter.emitPreamble();
  uniformEmitter.emitSteps(Tile());
  emitter.adopt(uniformEmitter, uniform);
  b.setLoc(pass.getLoc());
  initialise(emitter, context);

  auto tiles = scf::ForOp::create(b, begin, end, emitter.i64(tileTokens));
  b.setInsertionPointToStart(tiles.getBody());
  Tile tile;
  tile.begin = tiles.getInductionVar();
  tile.valid = arith::MinSIOp::create(b, arith::SubIOp::create(b, end, tile.begin), emitter.i64(tileTokens));
  tile.full = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, tile.valid, emitter.i64(tileTokens));
  SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, tileTokens));
  auto lane = arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get({tileTokens}, b.getI32Type()), ArrayRef<int32_t>(numbers)));
  Value valid = emitter.broadcast(arith::TruncIOp::create(b, b.getI32Type(), tile.valid));
  tile.mask = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lane, valid);
  emitter.emitSteps(tile);

  b.setLoc(pass.getLoc());
  b.setInsertionPointAfter(tiles);
  merge(emitter, context, function.getArgument(3));
  func::ReturnOp::create(b);
}

/// A region that runs once, with scalars.
void PassEmitter::emitOnce(func::FuncOp function, RegionContext &context, const Schedule &schedule) {
  context.module = module;
  loadArrays(context, function.getArgument(0));
  RowEmitter emitter(b, schedule, context, /*lanes=*/1);
  emitter.emitPreamble();
  emitter.emitSteps(Tile());
  b.setLoc(pass.getLoc());
  func::ReturnOp::create(b);
}

static SmallVector<Operation *> operationsOf(Region &region) {
  return llvm::map_to_vector(region.front(), [](Operation &op) { return &op; });
}

void PassEmitter::emitPieces() {
  if (pass.getPieces().empty())
    return;
  Schedule schedule(operationsOf(pass.getPieces()), /*lanes=*/1, /*fixedBytes=*/0);
  auto function = makeFunction(functionNames(program.getSymName(), index).pieces, {pointer, pointer, pointer, pointer},
                               {2, 3}, schedule.getBytes());
  RegionContext context;
  context.accumulators = function.getArgument(1);
  context.partial = function.getArgument(2);
  context.scratch = function.getArgument(3);
  emitOnce(function, context, schedule);
}

void PassEmitter::emitFinish() {
  Schedule schedule(operationsOf(pass.getFinish()), /*lanes=*/1, /*fixedBytes=*/0);
  auto function = makeFunction(functionNames(program.getSymName(), index).finish, {pointer, pointer, pointer}, {2},
                               schedule.getBytes());
  RegionContext context;
  context.accumulators = function.getArgument(1);
  context.scratch = function.getArgument(2);
  emitOnce(function, context, schedule);
}

/// Counters go on from token to token, so that one operation alone can use them.
static LogicalResult checkRanks(kernel::ProgramOp program) {
  llvm::StringSet<> ranked;
  WalkResult result = program.walk([&](kernel::RankOp rank) {
    if (ranked.insert(rank.getAccumulator()).second)
      return WalkResult::advance();
    rank.emitOpError("is the second one that counts on from '") << rank.getAccumulator() << "'; each needs its own";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

namespace {

struct MoeKernelToVectorPass : PassWrapper<MoeKernelToVectorPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MoeKernelToVectorPass)
  StringRef getArgument() const override { return "convert-moe-kernel-to-vector"; }
  StringRef getDescription() const override { return "CPU code: functions with a token in each vector lane"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<func::FuncDialect, scf::SCFDialect, vector::VectorDialect, arith::ArithDialect, math::MathDialect,
                    LLVM::LLVMDialect>();
  }

  void runOnOperation() override {
    for (auto program : llvm::make_early_inc_range(getOperation().getOps<kernel::ProgramOp>())) {
      if (failed(checkRanks(program)))
        return signalPassFailure();
      for (auto [index, pass] : llvm::enumerate(program.getOps<kernel::PassOp>())) {
        PassEmitter emitter(program, pass, index);
        emitter.emitRows();
        emitter.emitPieces();
        emitter.emitFinish();
      }
      program.erase();
    }
    RewritePatternSet patterns(&getContext());
    populateExpandMathPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> moe::createMoeKernelToVectorPass() { return std::make_unique<MoeKernelToVectorPass>(); }
