// Which slots of a selection take part: a value that was gathered by a selection with empty slots carries that
// selection through arithmetic, and what works over its slot axis skips the empty ones. See Lower.h.
#include "compiler/Frontend/Lower.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

/// Whether slots may be empty by what the selection is made of, whatever a mask says.
static bool mayHaveEmpty(Value selection) {
  for (Operation *op = selection.getDefiningOp(); isa<FirstOp, AppendOp>(op); op = op->getOperand(0).getDefiningOp())
    selection = op->getOperand(0);
  return !selection.getDefiningOp<TopkOp>();
}

/// The selection that `selection` was made of by emptying slots, or null.
static Value parentOf(Value selection) {
  Operation *op = selection.getDefiningOp();
  return isa<FilterOp, LimitOp>(op) ? op->getOperand(0) : Value();
}

/// The selections that put something into the slots `slot` of `value`. Whether a slot is filled (moe.filled) is known
/// of all of them, and what stands somewhere else (moe.shift) is not about this slot.
static llvm::SetVector<Value> selectionsOf(Value value, StringRef slot) {
  llvm::SetVector<Value> work, found;
  work.insert(value);
  auto root = cast<RankedTensorType>(value.getType());
  auto isAbout = [&](Value operand) { // one for each slot of the same tokens
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || axisIndex(type, slot) < 0)
      return false;
    for (auto [name, size] : llvm::zip_equal(axesOf(root), root.getShape()))
      if (ShapedType::isDynamic(size) && axisIndex(type, name.getValue()) < 0)
        return false;
    return true;
  };
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (auto gather = dyn_cast<GatherOp>(op)) {
      if (gather.getSelection().getType().getSlot().getValue() == slot)
        found.insert(gather.getSelection());
    } else if (auto plan = dyn_cast<PermuteOp>(op)) {
      if (plan.getSelection().getType().getSlot().getValue() == slot)
        found.insert(plan.getSelection());
    } else if (!isa<FilledOp, ShiftOp>(op)) {
      for (Value operand : op->getOperands())
        if (isAbout(operand))
          work.insert(operand);
    }
  }
  return found;
}

Value Lower::validFor(Value value, ArrayRef<Attribute> over, bool underMask) {
  llvm::SetVector<Value> valid;
  for (Attribute name : over)
    for (Value selection : selectionsOf(value, cast<StringAttr>(name).getValue())) {
      auto type = cast<SelectionType>(selection.getType());
      bool hasBatch = llvm::all_of(type.getBatch(),
                                   [&](StringAttr axis) { return axisIndex(value.getType(), axis.getValue()) >= 0; });
      if (hasBatch && ((underMask && hasMask) || mayHaveEmpty(selection)))
        valid.insert(selection);
    }
  // What was made of another by emptying slots says more than that.
  SmallVector<Value> all(valid.begin(), valid.end());
  for (Value selection : all)
    for (Value parent = parentOf(selection); parent; parent = parentOf(parent))
      valid.remove(parent);
  Value both;
  for (Value selection : valid)
    both = !both ? selection
                 : FilterOp::create(builder, loc, both.getType(), both, filled(selection, mlir::Type())).getResult();
  return both;
}

/// Which slots of a selection hold something, on the axes of `like` where it is given.
Value Lower::filled(Value selection, mlir::Type like) {
  auto type = cast<SelectionType>(selection.getType());
  SmallVector<StringAttr> names(type.getBatch());
  names.push_back(type.getSlot());
  SmallVector<int64_t> sizes;
  for (StringAttr name : type.getBatch()) {
    AxisOp axis = lookupAxis(selection.getDefiningOp(), name.getValue());
    sizes.push_back(axis && axis.getSize() ? static_cast<int64_t>(*axis.getSize()) : ShapedType::kDynamic);
  }
  sizes.push_back(type.getSize());
  Value mask = FilledOp::create(builder, loc, tensorOf(builder.getI1Type(), names, sizes), selection);
  if (!like)
    return mask;
  auto wanted = cast<RankedTensorType>(like).clone(builder.getI1Type());
  return wanted == mask.getType() ? mask : BroadcastOp::create(builder, loc, wanted, mask).getResult();
}

/// Whether the operation that made `value` leaves 0 in the slots that `valid` says are empty.
static bool isZeroWhereEmpty(Value value, Value valid) {
  Operation *op = value.getDefiningOp();
  if (auto gather = dyn_cast<GatherOp>(op))
    return gather.getSelection() == valid;
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return softmax.getValid() == valid;
  if (auto normalize = dyn_cast<NormalizeOp>(op))
    return normalize.getValid() == valid;
  return isa<PermuteOp>(op); // -1 there
}

Value Lower::withoutEmpty(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<Attribute> names;
  for (StringAttr name : axesOf(type))
    names.push_back(name);
  Value valid = validFor(value, names, /*underMask=*/false);
  if (!valid || isZeroWhereEmpty(value, valid))
    return value;
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = arith::ConstantOp::create(builder, loc, scalar, cast<TypedAttr>(builder.getZeroAttr(scalar)));
  zero = BroadcastOp::create(builder, loc, type, zero);
  return arith::SelectOp::create(builder, loc, filled(valid, type), value, zero);
}
