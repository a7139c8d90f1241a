// Calls that make, change or read selections: see Lower.h.
#include "compiler/Frontend/LookThrough.h"
#include "compiler/Frontend/Lower.h"

using namespace mlir;
using namespace moe;
using namespace moe::frontend;

SelectionType Lower::selectionType(const moe::frontend::Type &type) {
  SmallVector<StringAttr> batch;
  for (const Axis *axis : type.axes)
    batch.push_back(nameOf(axis));
  return SelectionType::get(builder.getContext(), batch, nameOf(type.selected), nameOf(type.slot), *type.slot->size);
}

/// The axes of a value for each slot, or with `elements` for each element, of a selection.
static SmallVector<const Axis *, 3> axesFor(const moe::frontend::Type &selection, bool elements = false) {
  SmallVector<const Axis *, 3> of(selection.axes);
  of.push_back(elements ? selection.selected : selection.slot);
  return of;
}

static const Argument *find(const Expr &call, StringRef name) {
  for (const Argument &argument : call.arguments)
    if (argument.name == name)
      return &argument;
  return nullptr;
}

/// The axis of pieces that divides the tokens, or null.
const Axis *Lower::finestPieces() const {
  auto found = llvm::find_if(axes, [](const Axis *axis) { return axis->isPieces() && !axis->of->isPieces(); });
  return found == axes.end() ? nullptr : *found;
}

/// Whether groups and what they group are one map apart, as operations take them.
static bool isOneStep(const Axis *fine, const Axis *coarse) { return groupSteps(fine, coarse).size() <= 1; }

//===-- Making selections

/// The score is looked through to what it keeps the order of: LookThrough.h.
Value Lower::lowerTopk(const Expr &call) {
  Value score = lowerAs(*call.arguments[0].value, Element::F32), among;
  if (const Argument *groups = find(call, "among")) {
    among = lower(*groups->value);
    if (!among)
      return nullptr;
    if (const Axis *coarse = groups->value->type.selected; !isOneStep(call.over[0].axis, coarse)) {
      notLowered(groups->value->loc, "'among' groups of '" + coarse->name + "', which more than one map leads to,",
                 "declare it 'of " + call.over[0].axis->name + "'");
      return nullptr;
    }
  }
  if (!score)
    return score;
  StringAttr axis = nameOf(call.over[0].axis);
  score = lookThrough(builder, score, axis.getValue());
  return TopkOp::create(builder, loc, selectionType(call.type), score, among, axis);
}

Value Lower::lowerFirst(const Expr &call) {
  Value route = lower(*call.arguments[0].value);
  return route ? FirstOp::create(builder, loc, selectionType(call.type), route).getResult() : route;
}

Value Lower::lowerAppend(const Expr &call) {
  Value route = lower(*call.arguments[0].value);
  if (!route)
    return route;
  return AppendOp::create(builder, loc, selectionType(call.type), route, builder.getDenseI32ArrayAttr(call.elements));
}

/// i64 indices stay in or out of range when they become i32.
Value Lower::lowerForced(const Expr &call) {
  const Expr &operand = *call.arguments[0].value;
  Value index = lower(operand);
  if (!index || !areLowered({call.type.selected}))
    return nullptr;
  if (elementOf(index) == Element::I64) {
    auto bound = [&](int64_t value) {
      auto type = tensorType(Element::I64, {});
      return broadcast(arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, value)),
                       operand.type.axes);
    };
    Value high = bound(*call.type.selected->size), low = bound(-2);
    Value isAbove = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, index, high);
    index = arith::SelectOp::create(builder, loc, isAbove, high, index);
    Value isBelow = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, index, low);
    index = convert(arith::SelectOp::create(builder, loc, isBelow, low, index), Element::I32);
  }
  return ForcedOp::create(builder, loc, selectionType(call.type), index);
}

//===-- Emptying slots

Value Lower::lowerFilter(const Expr &call) {
  Value route = lower(*call.arguments[0].value);
  Value condition = lowerAs(*call.arguments[1].value, Element::Bool, axesFor(call.type));
  if (!route || !condition)
    return nullptr;
  return FilterOp::create(builder, loc, route.getType(), route, condition);
}

/// Filled before filter and limit, and not any more.
Value Lower::lowerDropped(const Expr &call) {
  Value kept = lower(*call.arguments[0].value), before = kept;
  if (!kept)
    return kept;
  while (isa<FilterOp, LimitOp>(before.getDefiningOp()))
    before = before.getDefiningOp()->getOperand(0);
  if (before == kept) {
    diags.error(call.arguments[0].loc) << "nothing was dropped from this selection: 'dropped' takes what 'limit' or "
                                          "'filter' made";
    return nullptr;
  }
  auto type = tensorType(Element::Bool, {});
  Value yes = arith::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, true));
  Value isFilled = filled(kept, mlir::Type());
  Value isEmpty =
      arith::XOrIOp::create(builder, loc, isFilled, BroadcastOp::create(builder, loc, isFilled.getType(), yes));
  return arith::AndIOp::create(builder, loc, filled(before, mlir::Type()), isEmpty);
}

Value Lower::lowerLimit(const Expr &call) {
  const moe::frontend::Type &type = call.type;
  const Argument *order = find(call, "order"), *priority = find(call, "priority"), *overflow = find(call, "overflow"),
                 *exempt = find(call, "exempt"), *per = find(call, "per");
  auto optional = [&](const Argument *argument, Element element, Axes of, Value &value) {
    value = argument ? lowerAs(*argument->value, element) : Value();
    if (value && argument == exempt)
      for (const Axis *axis : argument->value->type.axes)
        if (axis->isPieces() && axis->coarsens(type.axes.back())) // for each sequence
          value = expand(value, axis, type.axes.back());
    value = value ? broadcast(value, of) : value;
    return !argument || value;
  };
  Value route = lower(*call.arguments[0].value), capacity = lowerWide(*find(call, "capacity")->value);
  Value first, next, free;
  const Argument *score = overflow && overflow->next ? overflow : nullptr;
  if (!route || !capacity || !optional(priority, Element::F32, axesFor(type), first) ||
      !optional(score, Element::F32, axesFor(type, /*elements=*/true), next) ||
      !optional(exempt, Element::Bool, type.axes, free))
    return nullptr;
  if (!areLowered({call.over[0].axis}) || (per && !areLowered({call.over[1].axis})))
    return nullptr;
  if (const Axis *over = call.over[0].axis; over != type.selected && !isOneStep(type.selected, over)) {
    notLowered(find(call, "over")->value->loc, "capacity over '" + over->name + "', which more than one map leads to,",
               "declare it 'of " + type.selected->name + "'");
    return nullptr;
  }
  const Axis *pieces = finestPieces();
  bool ofLayers = type.axes.size() == 2 && !per && pieces;
  if (ofLayers || (per && call.over[1].axis != pieces)) {
    notLowered(per ? per->value->loc : call.loc,
               ofLayers ? "capacity for whole layers in a gate with pieces ('" + pieces->name + "')"
                        : "capacity per '" + call.over[1].axis->name + "', which divides pieces and not the tokens,",
               "'per = " + pieces->name + "' is");
    return nullptr;
  }
  bool bySlot = order && order->value->text == "slot";
  return LimitOp::create(builder, loc, route.getType(), route, capacity, nameOf(call.over[0].axis),
                         bySlot ? builder.getUnitAttr() : UnitAttr(), first, next,
                         next ? builder.getI64IntegerAttr(call.k) : IntegerAttr(), free,
                         per ? nameOf(call.over[1].axis) : StringAttr());
}

//===-- Reading selections

/// chosen(route) as bool or converted.
Value Lower::lowerChosen(const Expr &call, Element element) {
  Value route = lower(*call.arguments[0].value);
  if (!route)
    return route;
  auto of = axesFor(call.arguments[0].value->type, /*elements=*/true);
  return convert(ChosenOp::create(builder, loc, tensorType(Element::Bool, of), route), element);
}

Value Lower::lowerScatter(const Expr &call) {
  const moe::frontend::Type &type = call.arguments[1].value->type;
  Value w = lowerAs(*call.arguments[0].value, Element::F32, axesFor(type)), route = lower(*call.arguments[1].value);
  if (!w || !route)
    return nullptr;
  return ScatterOp::create(builder, loc, tensorType(Element::F32, axesFor(type, /*elements=*/true)), w, route);
}

/// The value of a plan is its `position`: lowerMember.
Value Lower::lowerPermute(const Expr &call) {
  Value route = lower(*call.arguments[0].value);
  if (!route)
    return route;
  auto plan = PermuteOp::create(builder, loc, tensorType(Element::I32, {call.type.row}),
                                tensorType(Element::I32, {call.type.bound}),
                                tensorType(Element::I32, axesFor(call.type)), route, static_cast<uint64_t>(call.k));
  return plan.getPosition();
}
