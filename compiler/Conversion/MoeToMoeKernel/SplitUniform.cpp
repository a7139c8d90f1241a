// moe-kernel-split-uniform: what the rows region computes from arrays without tokens, params and constants alone is the
// same for all tokens. Both targets compute such operations once per call, before the first token; this pass separates
// them from the maps they were fused into. A map is split element-wise: operations on uniform elements move to a map in
// front of it, whose results become inputs; operations on uniform scalars alone move out of the body. Constants and
// positions stay where they are, since making them costs no more than loading them.
#include "compiler/Conversion/MoeToMoeKernel/Maps.h"
#include "compiler/Conversion/MoeToMoeKernel/MoeToMoeKernel.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace moe {
#define GEN_PASS_DEF_MOEKERNELSPLITUNIFORM
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {

/// Splits one map that is not uniform as a whole.
class MapSplitter {
public:
  MapSplitter(kernel::MapOp map, const llvm::SetVector<Operation *> &uniform) : map(map), uniform(uniform) {}
  /// Operations that it puts in front of the map are added to `made`.
  void run(llvm::SetVector<Operation *> &made);

private:
  enum class Kind { Varying, Scalar, Element };
  Kind kindOf(Value value) const;
  Kind kindOf(Operation &op) const;
  void classify();
  SmallVector<Value> frontier() const;
  kernel::MapOp makeUniformMap(ArrayRef<Value> results);
  void replaceMap(kernel::MapOp front, ArrayRef<Value> results);

  mutable kernel::MapOp map; // operations are handles
  const llvm::SetVector<Operation *> &uniform;
  llvm::DenseMap<Operation *, Kind> kinds; ///< of the body's operations, without constants
};

} // namespace

MapSplitter::Kind MapSplitter::kindOf(Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return uniform.contains(map.getInputs()[argument.getArgNumber()].getDefiningOp()) ? Kind::Element : Kind::Varying;
  Operation *def = value.getDefiningOp();
  if (def->getBlock() != map.getBlock())
    return uniform.contains(def) ? Kind::Scalar : Kind::Varying;
  return isa<arith::ConstantOp>(def) ? Kind::Scalar : kinds.lookup(def);
}

/// An operation is as uniform as its operands. Positions alone make nothing worth a row.
MapSplitter::Kind MapSplitter::kindOf(Operation &op) const {
  Kind kind = Kind::Scalar;
  bool onlyPositions = true;
  for (Value operand : op.getOperands()) {
    if (operand.getDefiningOp<kernel::PositionOp>()) {
      kind = Kind::Element;
      continue;
    }
    Kind other = kindOf(operand);
    if (other == Kind::Varying)
      return Kind::Varying;
    onlyPositions &= isa_and_nonnull<arith::ConstantOp>(operand.getDefiningOp());
    kind = std::max(kind, other);
  }
  return kind == Kind::Element && onlyPositions ? Kind::Varying : kind;
}

void MapSplitter::classify() {
  for (Operation &op : map.getBlock()->without_terminator())
    if (!isa<arith::ConstantOp, kernel::PositionOp>(op))
      kinds[&op] = kindOf(op);
}

/// Elements that the rest of the body takes from the uniform part.
SmallVector<Value> MapSplitter::frontier() const {
  SmallVector<Value> results;
  for (Operation &op : map.getBlock()->without_terminator())
    if (kinds.lookup(&op) == Kind::Element &&
        llvm::any_of(op.getUsers(), [&](Operation *user) { return kinds.lookup(user) != Kind::Element; }))
      results.append(op.result_begin(), op.result_end());
  return results;
}

/// A map in front of this one that makes `results`.
kernel::MapOp MapSplitter::makeUniformMap(ArrayRef<Value> results) {
  OpBuilder builder(map);
  SmallVector<Value> inputs;
  SmallVector<BlockArgument> arguments;
  for (BlockArgument argument : map.getBlock()->getArguments())
    if (kindOf(argument) == Kind::Element) {
      inputs.push_back(map.getInputs()[argument.getArgNumber()]);
      arguments.push_back(argument);
    }
  SmallVector<Type> types = llvm::map_to_vector(results, [&](Value result) {
    return Type(kernel::RowType::get(map.getContext(), map.getRowSize(), result.getType()));
  });
  auto front = kernel::MapOp::create(builder, map.getLoc(), types, inputs);
  Block &block = front.getBody().emplaceBlock();
  IRMapping mapping;
  for (BlockArgument argument : arguments)
    mapping.map(argument, block.addArgument(argument.getType(), argument.getLoc()));
  OpBuilder body = OpBuilder::atBlockEnd(&block);
  for (Operation &op : map.getBlock()->without_terminator())
    if (isa<arith::ConstantOp, kernel::PositionOp>(op) || kinds.lookup(&op) == Kind::Element)
      body.clone(op, mapping);
  SmallVector<Value> yielded = llvm::map_to_vector(results, [&](Value result) { return mapping.lookup(result); });
  kernel::YieldOp::create(body, map.getLoc(), yielded);
  return front;
}

/// The map again, with the rows of `front` as inputs in place of `results`.
void MapSplitter::replaceMap(kernel::MapOp front, ArrayRef<Value> results) {
  OpBuilder builder(map);
  SmallVector<Value> inputs(map.getInputs());
  inputs.append(front.getResults().begin(), front.getResults().end());
  auto rest = kernel::MapOp::create(builder, map.getLoc(), map.getResultTypes(), inputs);
  rest.getBody().takeBody(map.getBody());
  Block &block = *rest.getBlock();
  for (Value result : results)
    result.replaceUsesWithIf(block.addArgument(result.getType(), result.getLoc()),
                             [&](OpOperand &use) { return kinds.lookup(use.getOwner()) != Kind::Element; });
  SmallVector<Operation *> body = llvm::map_to_vector(block.without_terminator(), [](Operation &op) { return &op; });
  for (Operation *op : llvm::reverse(body))
    if (isOpTriviallyDead(op))
      op->erase();
  // A result that is the same for all tokens is the row itself.
  auto yield = cast<kernel::YieldOp>(block.getTerminator());
  for (auto [old, result, value] : llvm::zip_equal(map.getResults(), rest.getResults(), yield.getValues())) {
    auto argument = dyn_cast<BlockArgument>(value);
    bool isRow = argument && argument.getArgNumber() >= map.getInputs().size();
    old.replaceAllUsesWith(isRow ? inputs[argument.getArgNumber()] : Value(result));
  }
  map.erase();
  map = rest;
}

void MapSplitter::run(llvm::SetVector<Operation *> &made) {
  classify();
  for (Operation &op : llvm::make_early_inc_range(map.getBlock()->without_terminator()))
    if (kinds.lookup(&op) == Kind::Scalar) {
      for (Value operand : op.getOperands())
        if (auto constant = operand.getDefiningOp<arith::ConstantOp>();
            constant && constant->getBlock() == op.getBlock()) {
          constant->moveBefore(map);
          made.insert(constant);
        }
      op.moveBefore(map);
      made.insert(&op);
    }
  SmallVector<Value> results = frontier();
  if (results.empty())
    return;
  kernel::MapOp front = makeUniformMap(results);
  made.insert(front);
  replaceMap(front, results);
}

/// Splits the maps of a rows region.
static void splitMaps(Block &rows) {
  llvm::SetVector<Operation *> uniform;
  for (Operation &op : llvm::make_early_inc_range(rows)) {
    if (kernel::isUniform(&op, uniform))
      uniform.insert(&op);
    else if (auto map = dyn_cast<kernel::MapOp>(op))
      MapSplitter(map, uniform).run(uniform);
  }
}

namespace {
struct MoeKernelSplitUniform : moe::impl::MoeKernelSplitUniformBase<MoeKernelSplitUniform> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](kernel::PassOp pass) {
      splitMaps(pass.getRows().front());
      pruneMaps(pass.getRows().front(), rewriter);
    });
  }
};
} // namespace
