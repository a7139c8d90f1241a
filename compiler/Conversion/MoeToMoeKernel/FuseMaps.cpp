// moe-kernel-fuse-maps: chains of maps become one map each, so that a target writes one loop where the gate has a chain
// of pointwise operations. What follows from the position alone is made again in each map that needs it: a long row of
// it would take registers from its place to its last use.
#include "compiler/Conversion/MoeToMoeKernel/Maps.h"
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/SetVector.h"

namespace moe {
#define GEN_PASS_DEF_MOEKERNELFUSEMAPS
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe::kernel;

/// True when `producer` can move down to `consumer`: every other user of its results comes later in the block.
static bool canMerge(MapOp producer, MapOp consumer) {
  if (producer->getBlock() != consumer->getBlock() || producer.getRowSize() != consumer.getRowSize())
    return false;
  return llvm::all_of(producer->getUsers(), [&](Operation *user) {
    Operation *ancestor = consumer->getBlock()->findAncestorOpInBlock(*user);
    return ancestor && (ancestor == consumer || consumer->isBeforeInBlock(ancestor)) &&
           (user == consumer || ancestor != consumer);
  });
}

/// Appends the body of `map` to `body`; `elements` maps its inputs' elements. Returns what it yields.
static SmallVector<Value> inlineBody(OpBuilder &body, MapOp map, llvm::DenseMap<Value, Value> &elements) {
  IRMapping mapping;
  for (auto [argument, input] : llvm::zip_equal(map.getBlock()->getArguments(), map.getInputs()))
    mapping.map(argument, elements.lookup(input));
  for (Operation &op : map.getBlock()->without_terminator())
    body.clone(op, mapping);
  SmallVector<Value> yielded;
  for (Value value : cast<YieldOp>(map.getBlock()->getTerminator()).getValues())
    yielded.push_back(mapping.lookupOrDefault(value));
  return yielded;
}

/// One map, at the place of `maps.back()`, that does what all of them do; results that nobody else uses are dropped.
static void merge(ArrayRef<MapOp> maps, RewriterBase &rewriter) {
  MapOp last = maps.back();
  SetVector<Value> inputs;
  SmallVector<Value> results;
  for (MapOp map : maps) {
    for (Value input : map.getInputs())
      if (!llvm::is_contained(maps, input.getDefiningOp<MapOp>()))
        inputs.insert(input);
    for (Value result : map.getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !llvm::is_contained(maps, dyn_cast<MapOp>(user)); }))
        results.push_back(result);
  }
  rewriter.setInsertionPoint(last);
  auto merged = MapOp::create(rewriter, last.getLoc(), ValueRange(results).getTypes(), inputs.getArrayRef());
  Block &block = merged.getBody().emplaceBlock();
  llvm::DenseMap<Value, Value> elements;
  for (Value input : inputs)
    elements[input] = block.addArgument(cast<RowType>(input.getType()).getElementType(), input.getLoc());
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  for (MapOp map : maps)
    for (auto [result, element] : llvm::zip_equal(map.getResults(), inlineBody(body, map, elements)))
      elements[result] = element;
  SmallVector<Value> yielded;
  for (Value result : results)
    yielded.push_back(elements[result]);
  YieldOp::create(body, last.getLoc(), yielded);
  for (auto [result, replacement] : llvm::zip_equal(results, merged.getResults()))
    rewriter.replaceAllUsesWith(result, replacement);
  for (MapOp map : llvm::reverse(maps))
    rewriter.eraseOp(map);
}

/// A few operations on positions, cheaper to repeat than to keep a row of.
static bool isPositional(MapOp map) {
  constexpr int64_t few = 4;
  auto body = map.getBlock()->without_terminator();
  return map.getInputs().empty() && map.getNumResults() == 1 && llvm::range_size(body) <= few &&
         llvm::all_of(body, [](Operation &op) {
           return isa<PositionOp, arith::ConstantOp, arith::AndIOp, arith::OrIOp, arith::AddIOp, arith::SubIOp,
                      arith::ShRUIOp, arith::CmpIOp>(op);
         });
}

/// Gives every map that uses a positional one a copy of its own to merge with. True when something changed.
static bool repeatPositions(Block &block, RewriterBase &rewriter) {
  bool changed = false;
  for (MapOp map : llvm::make_early_inc_range(block.getOps<MapOp>())) {
    llvm::SetVector<Operation *> users(map->user_begin(), map->user_end());
    if (users.size() < 2 || !isPositional(map))
      continue;
    for (Operation *user : users.getArrayRef().drop_front())
      if (isa<MapOp>(user) && user->getBlock() == &block) {
        rewriter.setInsertionPoint(user);
        Operation *copy = rewriter.clone(*map);
        rewriter.modifyOpInPlace(user, [&] { user->replaceUsesOfWith(map.getResult(0), copy->getResult(0)); });
        changed = true;
      }
  }
  return changed;
}

/// Merges until nothing fits any more. True when something changed.
static bool fuseOnce(Block &block, RewriterBase &rewriter) {
  for (MapOp map : block.getOps<MapOp>())
    for (Value input : map.getInputs())
      if (auto producer = input.getDefiningOp<MapOp>(); producer && canMerge(producer, map)) {
        merge({producer, map}, rewriter);
        return true;
      }
  return false;
}

/// Rewrites a map without the results that nobody uses and the inputs that its body does not read.
static void prune(MapOp map, RewriterBase &rewriter) {
  if (map->use_empty())
    return rewriter.eraseOp(map);
  bool idle = llvm::any_of(map.getResults(), [](Value result) { return result.use_empty(); }) ||
              llvm::any_of(map.getBlock()->getArguments(), [](Value argument) { return argument.use_empty(); });
  if (!idle)
    return;
  SmallVector<Value> results;
  llvm::copy_if(map.getResults(), std::back_inserter(results), [](Value result) { return !result.use_empty(); });
  auto yield = cast<YieldOp>(map.getBlock()->getTerminator());
  BitVector unusedArguments(map.getInputs().size());
  SmallVector<Value> yielded, inputs;
  for (auto [result, value] : llvm::zip_equal(map.getResults(), yield.getValues()))
    if (!result.use_empty())
      yielded.push_back(value);
  rewriter.modifyOpInPlace(yield, [&] { yield.getValuesMutable().assign(yielded); });
  SmallVector<Operation *> body =
      llvm::map_to_vector(map.getBlock()->without_terminator(), [](Operation &op) { return &op; });
  for (Operation *op : llvm::reverse(body))
    if (isOpTriviallyDead(op))
      rewriter.eraseOp(op);
  for (auto [i, argument] : llvm::enumerate(map.getBlock()->getArguments()))
    if (argument.use_empty())
      unusedArguments.set(i);
    else
      inputs.push_back(map.getInputs()[i]);
  map.getBlock()->eraseArguments(unusedArguments);
  rewriter.setInsertionPoint(map);
  auto pruned = MapOp::create(rewriter, map.getLoc(), ValueRange(results).getTypes(), inputs);
  pruned.getBody().takeBody(map.getBody());
  for (auto [result, replacement] : llvm::zip_equal(results, pruned.getResults()))
    rewriter.replaceAllUsesWith(result, replacement);
  rewriter.eraseOp(map);
}

void moe::pruneMaps(Block &block, RewriterBase &rewriter) {
  SmallVector<MapOp> maps(block.getOps<MapOp>());
  for (MapOp map : llvm::reverse(maps))
    prune(map, rewriter);
}

namespace {
struct MoeKernelFuseMaps : moe::impl::MoeKernelFuseMapsBase<MoeKernelFuseMaps> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](PassOp pass) {
      for (Region *region : pass.getBodies())
        for (Block &block : *region) {
          moe::pruneMaps(block, rewriter);
          while (repeatPositions(block, rewriter) || fuseOnce(block, rewriter))
            continue;
          moe::pruneMaps(block, rewriter);
        }
    });
  }
};
} // namespace
