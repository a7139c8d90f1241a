// The choice of lanes per row.
//
// The model counts the instructions that a warp spends on one row. Work on elements costs V instructions per operation
// in each of the L lanes that hold the row; a reduction costs a shuffle and an operation for each of its log2 L steps,
// in the same L lanes. A sum of floats begins with leaves of four neighbours: where vectors are narrower than that,
// each vector costs a shuffle or two of its own. Fewer lanes therefore always need fewer instructions, but more
// registers: V values of each row that is alive. Up to 12 values per lane leave room for two blocks of 256 threads on a
// multiprocessor; more are accepted only where all 32 lanes are in use already.
#include "compiler/Conversion/MoeKernelToCUDA/CostModel.h"
#include "compiler/Conversion/MoeKernelToCUDA/Uniform.h"
#include "compiler/Target/Layout.h"
#include "dialects/Moe/IR/SumOrder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

namespace {

constexpr int64_t maxComfortableValues = 12;
/// Registers of a lane that all accumulators of a pass may take together.
constexpr int64_t maxAccumulatorValues = 64;
/// Instructions for one shuffle and what is done with its result.
constexpr int64_t shuffleCost = 3;
/// The same within a leaf, whose neighbours are independent of each other.
constexpr int64_t leafShuffleCost = 2;
/// Instructions of a topk round for each value: maximum, search, removal.
constexpr int64_t topkRoundCost = 5;
/// Instructions around one access to memory (address, bound, the access).
constexpr int64_t accessCost = 4;
/// The bound of one where the row is padded.
constexpr int64_t boundCost = 2;

/// What the cost of a pass depends on, for the rows of its greatest size.
struct PassFacts {
  int64_t size = 1;
  int64_t elementOps = 0;          ///< instructions per element
  int64_t shuffles = 0;            ///< reductions over a row
  int64_t reductions = 0;          ///< of rows of that size, which skip padding
  int64_t floatSums = 0;           ///< of these, sums of floats
  int64_t accesses = 0;            ///< rows of that size that are loaded or stored
  llvm::SmallVector<int64_t> sums; ///< accumulated rows of that size or longer (counts of more than a row's elements)
  int64_t maxWidth = 1;            ///< elements in 16 bytes of the narrowest of them, dividing the size
};

int64_t rowSize(Type type) { return isa<RowType>(type) ? cast<RowType>(type).getSize() : 1; }

void visitRowTypes(PassOp pass, llvm::function_ref<void(Operation *, int64_t)> visit) {
  for (Operation &op : pass.getRows().front())
    for (Type type : llvm::concat<const Type>(op.getOperandTypes(), op.getResultTypes()))
      visit(&op, rowSize(type));
}

/// Greatest power of two of elements that 16 bytes hold and that divides a row of `size`.
int64_t vectorWidth(BufferOp buffer, int64_t size) {
  int64_t width = hasVectors(buffer.getType()) ? 16 / static_cast<int64_t>(elementBytes(buffer.getType())) : 1;
  while (size % width != 0)
    width /= 2;
  return width;
}

BufferOp accessedBuffer(Operation &op) {
  if (auto load = dyn_cast<LoadOp>(op))
    return lookupBuffer(load, load.getBuffer());
  if (auto store = dyn_cast<StoreOp>(op))
    return lookupBuffer(store, store.getBuffer());
  return {};
}

PassFacts collectFacts(PassOp pass) {
  PassFacts facts;
  visitRowTypes(pass, [&](Operation *, int64_t size) { facts.size = std::max(facts.size, size); });
  llvm::DenseSet<AccumulatorOp> sums;
  for (Operation &op : pass.getRows().front()) {
    AccumulatorOp sum;
    if (auto accumulate = dyn_cast<AccumulateOp>(op))
      sum = lookupAccumulator(&op, accumulate.getAccumulator());
    else if (auto count = dyn_cast<CountOp>(op))
      sum = lookupAccumulator(&op, count.getAccumulator());
    if (sum && sum.getCount() >= facts.size && sums.insert(sum).second)
      facts.sums.push_back(sum.getCount());
  }
  llvm::DenseMap<Operation *, Rate> uniform = hoistedOperations(pass.getRows().front());
  for (Operation &op : pass.getRows().front()) {
    if (uniform.contains(&op)) // once per call, not per row
      continue;
    if (auto map = dyn_cast<MapOp>(op); map && map.getRowSize() == facts.size)
      facts.elementOps += map.getBlock()->getOperations().size() - 1;
    if (auto topk = dyn_cast<TopkOp>(op)) {
      int64_t rounds = rowSize(topk.getIndices().getType());
      facts.elementOps += rowSize(topk.getInput().getType()) == facts.size ? topkRoundCost * rounds : 0;
      facts.shuffles += 2 * rounds;
    }
    if (isa<kernel::ReduceOp, GroupTopSumOp>(op)) {
      facts.elementOps += 1;
      facts.shuffles += 1;
      auto input = cast<RowType>(op.getOperand(0).getType());
      auto reduce = dyn_cast<kernel::ReduceOp>(op);
      bool isFloatSum = reduce && reduce.getKind() == Combine::Sum && isa<FloatType>(input.getElementType());
      facts.reductions += input.getSize() == facts.size;
      facts.floatSums += input.getSize() == facts.size && isFloatSum;
    }
    BufferOp buffer = accessedBuffer(op);
    if (!buffer || !isPerRow(buffer, &op) || buffer.getRowSize() != facts.size)
      continue;
    ++facts.accesses;
    facts.maxWidth = std::max(facts.maxWidth, vectorWidth(buffer, facts.size));
  }
  return facts;
}

int64_t valuesPerLane(int64_t size, int64_t lanes, int64_t width) {
  return static_cast<int64_t>(llvm::divideCeil(size, lanes * width)) * width;
}

int64_t cost(const PassFacts &facts, int64_t lanes, int64_t width) {
  int64_t vectors = llvm::divideCeil(facts.size, lanes * width), values = vectors * width;
  int64_t steps = llvm::Log2_64(lanes),
          leafSteps = llvm::Log2_64(std::min(lanes, std::max<int64_t>(1, sumLeaf / width)));
  bool padded = values * lanes > facts.size;
  return lanes * (values * (facts.elementOps + (padded ? facts.reductions : 0)) + steps * shuffleCost * facts.shuffles +
                  (vectors - 1) * leafSteps * leafShuffleCost * facts.floatSums +
                  (width > sumLeaf && lanes > 1 ? 2 * shuffleCost * facts.floatSums : 0) +
                  facts.accesses * vectors * (accessCost + (padded ? boundCost : 0)));
}

/// Cheapest vector width for `lanes`; the wider one of two that cost the same. Vectors of two leaves over all 32 lanes
/// are added up by moe_sum_eights where there is one in each lane.
int64_t chooseWidth(const PassFacts &facts, int64_t lanes) {
  int64_t widest = facts.maxWidth;
  if (lanes == 32 && widest > sumLeaf && valuesPerLane(facts.size, lanes, widest) > widest)
    widest = sumLeaf;
  int64_t best = widest;
  for (int64_t width = widest / 2; width >= 1; width /= 2)
    if (cost(facts, lanes, width) < cost(facts, lanes, best))
      best = width;
  return best;
}

/// Registers of a lane that the accumulators take.
int64_t accumulatorValues(const PassFacts &facts, int64_t lanes, int64_t width) {
  int64_t values = 0;
  for (int64_t count : facts.sums)
    values += valuesPerLane(count, lanes, count == facts.size ? width : 1);
  return values;
}

int64_t chooseLanes(const PassFacts &facts) {
  int64_t best = 32;
  for (int64_t lanes = 16; lanes >= 1; lanes /= 2) {
    int64_t width = chooseWidth(facts, lanes);
    int64_t values = valuesPerLane(facts.size, lanes, width);
    if (values <= maxComfortableValues && accumulatorValues(facts, lanes, width) <= maxAccumulatorValues &&
        cost(facts, lanes, width) <= cost(facts, best, chooseWidth(facts, best)))
      best = lanes;
  }
  return best;
}

} // namespace

LayoutPlan LayoutPlan::forRows(PassOp pass) {
  PassFacts facts = collectFacts(pass);
  LayoutPlan plan;
  auto forced = pass->getParentOp()->getAttrOfType<IntegerAttr>("moe_kernel.cuda_lanes");
  plan.lanes = forced ? std::clamp<int64_t>(llvm::PowerOf2Ceil(std::max<int64_t>(1, forced.getInt())), 1, 32)
                      : chooseLanes(facts);
  plan.widths[facts.size] = chooseWidth(facts, plan.lanes);
  return plan;
}

LayoutPlan LayoutPlan::forFinish() { return LayoutPlan(); }

RowLayout LayoutPlan::of(int64_t size) const {
  auto it = widths.find(size);
  int64_t width = it == widths.end() ? 1 : it->second;
  return RowLayout{size, lanes, width, valuesPerLane(size, lanes, width)};
}

bool moe::hasVectors(Type element) { return !element.isInteger(1) && !element.isInteger(16) && !element.isInteger(64); }

int64_t moe::chooseThreads(int64_t wordsPerWarp, bool looped) {
  int64_t threads = looped ? 32 : 256;
  while (threads > 32 && threads / 32 * wordsPerWarp > sharedWords)
    threads /= 2;
  return threads;
}
