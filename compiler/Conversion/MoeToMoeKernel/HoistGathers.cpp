// Gathers before filters. A selection that loses slots only in a later pass (capacity) still gathers in the pass that
// made it: x[filter(r, c)] is x[r] where c holds and 0 elsewhere. So a later pass takes the few gathered values from
// memory, and what they were gathered from, often made of the logits, is not computed a second time.
#include "compiler/Conversion/MoeToMoeKernel/Fusion.h"
#include "dialects/Moe/IR/TensorBuilder.h"

using namespace mlir;
using namespace moe;

/// The gather from the selection that `filter` empties slots of, and zeros where it does.
static Value gatherBefore(GatherOp op, FilterOp filter) {
  OpBuilder builder(op);
  TensorBuilder b{builder, op.getLoc()};
  RankedTensorType type = op.getType();
  Value all = GatherOp::create(builder, op.getLoc(), type, op.getInput(), filter.getSelection());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = arith::ConstantOp::create(
      builder, op.getLoc(),
      DenseElementsAttr::get(scalar, cast<Attribute>(builder.getZeroAttr(type.getElementType()))));
  return arith::SelectOp::create(builder, op.getLoc(), filter.getCondition(), all, b.broadcast(zero, type));
}

void moe::hoistGathers(GateOp gate) {
  SmallVector<GatherOp> work(gate.getBody().front().getOps<GatherOp>());
  while (!work.empty()) {
    GatherOp op = work.pop_back_val();
    auto filter = op.getSelection().getDefiningOp<FilterOp>();
    if (!filter)
      continue;
    Value first = filter.getSelection(); // before all filters
    while (auto inner = first.getDefiningOp<FilterOp>())
      first = inner.getSelection();
    Stages stages(gate);
    int before = stages.stageOf(first);
    if (before >= stages.stageOf(filter.getResult()) || stages.stageOf(op.getInput()) > before)
      continue;
    Value value = gatherBefore(op, filter);
    work.push_back(value.getDefiningOp<arith::SelectOp>().getTrueValue().getDefiningOp<GatherOp>());
    op.replaceAllUsesWith(value);
    op.erase();
  }
}
