// List scheduling of a region into loops, and first-fit placement of rows in scratch memory.
#include "compiler/Conversion/MoeKernelToLLVM/Schedule.h"
#include "compiler/Target/Layout.h"
#include "dialects/Moe/IR/SumOrder.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static int64_t rowSize(Value row) { return cast<kernel::RowType>(row.getType()).getSize(); }

int64_t moe::cpu::scratchBytes(Type element) { return static_cast<int64_t>(elementBytes(element)); }

int64_t moe::cpu::loopSize(Operation *op) {
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case<kernel::MapOp>([](auto map) { return map.getRowSize(); })
      .Case<kernel::ReduceOp, kernel::GroupTopSumOp, kernel::TopkOp, kernel::ScatterOp>(
          [](auto o) { return rowSize(o.getInput()); })
      .Case<kernel::ExpandOp, kernel::ChosenOp, kernel::GatherOp>([](auto o) { return rowSize(o.getResult()); })
      .Case([](kernel::AccumulateOp o) {
        return isa<kernel::RowType>(o.getValue().getType()) ? rowSize(o.getValue()) : 0;
      })
      .Default([](Operation *) { return 0; });
}

bool moe::cpu::isUniformLoad(Operation *op) {
  auto load = dyn_cast<kernel::LoadOp>(op);
  return load && !kernel::isPerRow(kernel::lookupBuffer(load, load.getBuffer()), op);
}

kernel::TopkOp moe::cpu::thresholdOf(kernel::ChosenOp op) {
  auto topk = op.getIndices().getDefiningOp<kernel::TopkOp>();
  if (!topk || rowSize(topk.getIndices()) <= chosenByCompare || rowSize(topk.getInput()) != rowSize(op.getResult()))
    return {};
  return topk;
}

bool moe::cpu::isBlockReduce(kernel::ReduceOp op) {
  auto result = dyn_cast<kernel::RowType>(op.getResult().getType());
  return !result || kernel::areEqualBlocks(op.getGroups(), rowSize(op.getInput()), result.getSize());
}

bool moe::cpu::isOrderedSum(Operation *op) {
  auto reduce = dyn_cast<kernel::ReduceOp>(op);
  return reduce && reduce.getKind() == kernel::Combine::Sum &&
         isa<FloatType>(cast<kernel::RowType>(reduce.getInput().getType()).getElementType());
}

/// Groups that `op` needs of its loop: 0 when it does not care.
static int64_t blockCount(Operation *op) {
  auto reduce = dyn_cast<kernel::ReduceOp>(op);
  return reduce && isa<kernel::RowType>(reduce.getResult().getType()) ? rowSize(reduce.getResult()) : 0;
}

/// Operations with a loop nest of their own.
static bool isAlone(Operation *op) {
  auto reduce = dyn_cast<kernel::ReduceOp>(op);
  return isa<kernel::TopkOp, kernel::GroupTopSumOp, kernel::ScatterOp>(op) || (reduce && !isBlockReduce(reduce));
}

/// The rows that `op` reads at the element its loop stands on.
static SmallVector<Value> elementOperands(Operation *op) {
  return llvm::TypeSwitch<Operation *, SmallVector<Value>>(op)
      .Case([](kernel::MapOp map) { return llvm::to_vector(map.getInputs()); })
      .Case([](kernel::ReduceOp o) { return SmallVector<Value>{o.getInput()}; })
      .Case([](kernel::GatherOp o) { return SmallVector<Value>{o.getIndices()}; })
      .Case([](kernel::AccumulateOp o) { return SmallVector<Value>{o.getValue()}; })
      .Case([](kernel::ChosenOp o) {
        SmallVector<Value> rows;
        if (auto topk = thresholdOf(o)) {
          rows.push_back(topk.getInput());
          if (topk.getMask())
            rows.push_back(topk.getMask());
        }
        return rows;
      })
      .Default([](Operation *) { return SmallVector<Value>(); });
}

/// What must be complete, and in memory when it is a row, before the loop of `op` starts.
static SmallVector<Value> wholeOperands(Operation *op) {
  SmallVector<Value> elements = elementOperands(op), whole;
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  whole.append(captured.begin(), captured.end());
  if (auto chosen = dyn_cast<kernel::ChosenOp>(op))
    if (auto topk = thresholdOf(chosen))
      whole.push_back(topk.getValues());
  for (Value operand : op->getOperands())
    if (!llvm::is_contained(elements, operand) || isa<kernel::TopkOp>(op))
      whole.push_back(operand);
  if (auto gather = dyn_cast<kernel::GatherOp>(op))
    whole.push_back(gather.getInput());
  return whole;
}

Schedule::Schedule(ArrayRef<Operation *> ops, int64_t lanes, int64_t fixedBytes)
    : own(ops.begin(), ops.end()), lanes(lanes), fixedBytes(fixedBytes), bytes(fixedBytes) {
  makeSteps();
  place();
}

bool Schedule::isReady(Operation *op, const Step *step) const {
  auto isDone = [&](Value value) {
    Operation *def = value.getDefiningOp();
    return !def || !isOwn(def) || stepOf.contains(def);
  };
  if (!llvm::all_of(wholeOperands(op), isDone))
    return false;
  // A member hands on its elements as it makes them; the results of a grouped reduction are complete after its group
  // only.
  return llvm::all_of(elementOperands(op), [&](Value row) {
    Operation *def = row.getDefiningOp();
    return isDone(row) || (step && llvm::is_contained(step->ops, def) && !isa<kernel::ReduceOp>(def));
  });
}

bool Schedule::canJoin(Operation *op, const Step &step) const {
  if (isAlone(op) || isAlone(step.ops.front()) || loopSize(op) != step.size)
    return false;
  int64_t blocks = blockCount(op), groups = std::max(step.groups, blocks);
  // The leaves of a sum over the whole row lie in one block each.
  auto addsRow = [](Operation *member) { return isOrderedSum(member) && !blockCount(member); };
  if (groups && step.size / groups % sumLeaf != 0 && (addsRow(op) || llvm::any_of(step.ops, addsRow)))
    return false;
  return (!blocks || !step.groups || blocks == step.groups) && isReady(op, &step);
}

void Schedule::makeSteps() {
  SmallVector<Operation *> waiting(own.begin(), own.end());
  auto finishStep = [&](Step step) {
    for (Operation *op : step.ops)
      stepOf[op] = steps.size();
    llvm::erase_if(waiting, [&](Operation *op) { return stepOf.contains(op); });
    steps.push_back(std::move(step));
  };
  while (!waiting.empty()) {
    // Whatever is not a loop runs as soon as it can.
    auto single = llvm::find_if(waiting, [&](Operation *op) { return loopSize(op) == 0 && isReady(op, nullptr); });
    if (single != waiting.end()) {
      finishStep(Step{{*single}, 0, 0});
      continue;
    }
    auto first = llvm::find_if(waiting, [&](Operation *op) { return isReady(op, nullptr); });
    assert(first != waiting.end() && "operations of a block are in an order of dominance");
    Step step{{*first}, loopSize(*first), isAlone(*first) ? 0 : blockCount(*first)};
    for (Operation *op : ArrayRef<Operation *>(waiting).drop_front(first - waiting.begin() + 1))
      if (canJoin(op, step)) {
        step.ops.push_back(op);
        step.groups = std::max(step.groups, blockCount(op));
      }
    finishStep(std::move(step));
  }
}

//===-- Memory of rows
//----------------------------------------------------------------------------------------------===//

Value moe::cpu::rootOf(Value row) {
  while (auto slice = row.getDefiningOp<kernel::SliceOp>())
    row = slice.getInput();
  return row;
}

/// True when an array of `type` does not hold elements as registers do.
static bool isNarrow(Type type) { return type.isBF16() || type.isF16(); }

bool Schedule::needsMemory(Value row) const {
  Operation *def = row.getDefiningOp();
  if (isa<kernel::ReadOp>(def))
    return false;
  if (isUniformLoad(def)) { // read where it stands; 16-bit floats are widened once, and a step overwrites its states
    kernel::BufferOp buffer = kernel::lookupBuffer(def, cast<kernel::LoadOp>(def).getBuffer());
    return (isNarrow(buffer.getType()) || buffer.getRole() == kernel::Role::State) && !row.use_empty();
  }
  if (auto topk = dyn_cast<kernel::TopkOp>(def)) {
    // A long sorted list is kept where its results will stand; `chosen` reads the values of a selection as well.
    auto readsValues = [](Operation *user) {
      return isa<kernel::ChosenOp>(user) && thresholdOf(cast<kernel::ChosenOp>(user));
    };
    return rowSize(row) > registerList || !row.use_empty() || llvm::any_of(topk->getUsers(), readsValues);
  }
  return llvm::any_of(row.getUsers(), [&](Operation *user) {
    return !isOwn(user) || stepOf.lookup(user) != stepOf.lookup(def) || loopSize(user) == 0 ||
           llvm::is_contained(wholeOperands(user), row);
  });
}

int64_t Schedule::allocate(int64_t size, int64_t first, int64_t last) {
  size = llvm::alignTo(size, 64);
  int64_t offset = fixedBytes;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Interval &other : intervals)
      if (other.first <= last && first <= other.last && other.offset < offset + size &&
          offset < other.offset + other.size) {
        offset = other.offset + other.size;
        moved = true;
      }
  }
  intervals.push_back({offset, size, first, last});
  bytes = std::max(bytes, offset + size);
  return offset;
}

/// Partial sums that a sum of floats has in memory. A loop over up to seven elements is straight-line code.
static int64_t partialSums(kernel::ReduceOp op) {
  int64_t size = rowSize(op.getInput());
  if (!isBlockReduce(op)) {
    SmallVector<int64_t> members(rowSize(op.getResult()), 0);
    std::optional<ArrayRef<int32_t>> groups = op.getGroups();
    for (int32_t group : *groups)
      ++members[group];
    return std::min(sumPartials, sumLeaves(*llvm::max_element(members)));
  }
  if (int64_t blocks = blockCount(op))
    size /= blocks;
  return size < 2 * sumLeaf ? 0 : std::min(sumPartials, sumLeaves(size));
}

/// Bytes of working memory that `op` itself needs.
static int64_t temporaryBytes(Operation *op, int64_t lanes) {
  if (isOrderedSum(op)) {
    auto reduce = cast<kernel::ReduceOp>(op);
    return partialSums(reduce) * lanes *
           scratchBytes(cast<kernel::RowType>(reduce.getInput().getType()).getElementType());
  }
  if (auto scatter = dyn_cast<kernel::ScatterOp>(op))
    return rowSize(scatter.getIndices()) * lanes * 4;
  if (auto count = dyn_cast<kernel::CountOp>(op))
    return rowSize(count.getIndices()) * lanes * 4;
  if (auto rank = dyn_cast<kernel::RankOp>(op))
    return rowSize(rank.getIndices()) * lanes * 4;
  if (auto store = dyn_cast<kernel::StoreAtOp>(op))
    return 2 * rowSize(store.getPositions()) * lanes * 4;
  if (isa<kernel::LoadAtOp>(op)) // the tokens, then the result where it is a scalar
    return lanes * (4 + 8);
  if (auto topSum = dyn_cast<kernel::GroupTopSumOp>(op); topSum && static_cast<int64_t>(topSum.getN()) > registerList)
    return topSum.getN() * lanes * scratchBytes(cast<kernel::RowType>(topSum.getInput().getType()).getElementType());
  return 0;
}

bool Schedule::isReadElsewhere(Value row) const {
  return llvm::any_of(row.getUsers(), [&](Operation *user) {
    auto slice = dyn_cast<kernel::SliceOp>(user);
    return !isOwn(user) || (slice && isReadElsewhere(slice.getResult()));
  });
}

void Schedule::place() {
  // The last step that reads each row, through slices.
  DenseMap<Value, int64_t> lastUse;
  for (auto [index, step] : llvm::enumerate(steps))
    for (Operation *op : step.ops) {
      SmallVector<Value> reads = wholeOperands(op);
      reads.append(elementOperands(op));
      for (Value value : reads)
        if (isa<kernel::RowType>(value.getType())) {
          int64_t &last = lastUse[rootOf(value)];
          last = std::max<int64_t>(last, index);
        }
    }
  for (auto [index, step] : llvm::enumerate(steps))
    for (Operation *op : step.ops) {
      int64_t first = index;
      if (int64_t size = temporaryBytes(op, lanes))
        temporaries[op] = allocate(size, first, first);
      for (Value row : op->getResults()) {
        auto type = dyn_cast<kernel::RowType>(row.getType());
        if (!type || isa<kernel::SliceOp>(op) || !needsMemory(row))
          continue;
        // What is the same for all tokens is written once, before the first.
        bool uniform = isUniformLoad(op) || isa<kernel::ReadOp>(op);
        bool staysOn = uniform || isReadElsewhere(row);
        int64_t last = staysOn ? static_cast<int64_t>(steps.size()) : std::max(first, lastUse.lookup(row));
        int64_t size = type.getSize() + isa<kernel::ScatterOp>(op); // with the spare element
        offsets[row] = allocate(size * lanes * scratchBytes(type.getElementType()), uniform ? 0 : first, last);
      }
    }
}

std::optional<int64_t> Schedule::offsetOf(Value row) const {
  auto found = offsets.find(rootOf(row));
  return found == offsets.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t> Schedule::temporaryOf(Operation *op) const {
  auto found = temporaries.find(op);
  return found == temporaries.end() ? std::nullopt : std::optional(found->second);
}
