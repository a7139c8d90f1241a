// Calls that make or read selections: topk (with `among`), first, count, limit, … See Sema.h.
#include "compiler/Frontend/Sema.h"

using namespace moe::frontend;
using llvm::StringRef;

/// A selection's own slot axis: `route.slot` for `route = topk(...)`, a fresh name inside an expression.
const Axis *Sema::newSlot(const Expr &call, int64_t size) {
  Axis &axis = axes.emplace_back();
  axis.origin = Axis::Origin::Slot;
  axis.size = size;
  axis.loc = call.loc;
  axis.name = newName(call) + ".slot";
  return &axis;
}

/// The name of the statement where the call is all of its value, else a fresh one.
std::string Sema::newName(const Expr &call) {
  std::string base = rootName.str();
  if (&call != root)
    do
      base = call.text.str() + std::to_string(++freshNames);
    while (llvm::is_contained(gate.words, base));
  return base;
}

static Type selectionType(llvm::ArrayRef<const Axis *> batch, const Axis *selected, const Axis *slot, int64_t indices) {
  Type type;
  type.indices = indices;
  type.kind = Type::Kind::Selection;
  type.axes.assign(batch.begin(), batch.end());
  type.selected = selected;
  type.slot = slot;
  return type;
}

/// Argument number `index`, a selection.
Type Sema::checkSelectionOperand(Expr &call, size_t index) {
  Expr &operand = *call.arguments[index].value;
  Type type = check(operand);
  if (!type || type.isSelection())
    return type;
  diags.error(operand.loc) << "'" << call.text << "' works on a selection, and this is " << type.text() << ": "
                           << call.builtin->usage;
  return {};
}

//===-- topk
//--------------------------------------------------------------------------------------------------------===//

Type Sema::checkTopk(Expr &call) {
  Type score = checkArrayOperand(call);
  auto k = wholeNumber(*call.arguments[1].value, "k", 1);
  Type rest = score ? checkStaticAlong(call, 2, Element::F32) : Type();
  if (!k || !rest) {
    if (Argument *among = named(call, "among"))
      check(*among->value);
    return {};
  }
  const Axis *axis = call.over[0].axis;
  if (axis->origin == Axis::Origin::Slot) {
    diags.error(call.arguments[2].loc)
        << "'topk' picks along a declared axis, not along the slots of a selection; 'first' keeps the best slots";
    return {};
  }
  if (*k > *axis->size) {
    auto diag = diags.error(call.arguments[1].value->loc);
    diag << "'topk' picks " << *k << " of axis '" << axis->name << "', which has " << *axis->size << " elements";
    diag.attachNote(diags.locate(axis->loc)) << "'" << axis->name << "' is declared here";
    return {};
  }
  call.k = *k;
  Type result = selectionType(rest.axes, axis, newSlot(call, *k), *axis->size);
  return checkAmong(call, result) ? result : Type();
}

/// `among = groups`: a selection of a coarser axis whose smallest possible union holds at least k elements.
bool Sema::checkAmong(Expr &call, const Type &result) {
  Argument *among = named(call, "among");
  if (!among)
    return true;
  Type groups = check(*among->value);
  if (!groups)
    return false;
  if (!groups.isSelection() || !groups.selected->coarsens(result.selected)) {
    diags.error(among->value->loc) << "'among' takes a selection of an axis that groups '" << result.selected->name
                                   << "', and this is " << groups.text();
    return false;
  }
  if (groups.axes != result.axes) {
    diags.error(among->value->loc) << "the groups are selected for " << axesText(groups.axes) << ", the elements for "
                                   << axesText(result.axes) << "; both must be the same";
    return false;
  }
  llvm::SmallVector<int64_t> sizes = groupSizes(result.selected, groups.selected);
  int64_t smallest = 0;
  for (int64_t i = 0; i < std::min<int64_t>(*groups.slot->size, sizes.size()); ++i)
    smallest += sizes[i];
  if (sizes.empty() || smallest >= call.k)
    return true;
  auto diag = diags.error(call.arguments[1].value->loc);
  diag << "'topk' picks " << call.k << " of '" << result.selected->name << "' among " << *groups.slot->size << " of '"
       << groups.selected->name << "', which may hold only " << smallest;
  diag.attachNote(diags.locate(among->value->loc)) << "the groups are selected here";
  return false;
}

//===-- Reading a selection
//-----------------------------------------------------------------------------------------===//

/// chosen(route): [batch, selected axis].
Type Sema::checkChosen(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  if (!route)
    return {};
  Type result = Type::array(Element::Bool, route.axes);
  result.axes.push_back(route.selected);
  return result;
}

/// dropped(kept): [batch, slot]. Whether `kept` is what filter or limit made is asked where it is lowered.
Type Sema::checkDropped(Expr &call) {
  Type kept = checkSelectionOperand(call, 0);
  if (!kept)
    return {};
  Type result = Type::array(Element::Bool, kept.axes);
  result.axes.push_back(kept.slot);
  return result;
}

/// count(route, A…) = sum(chosen(route), A…); by default over every axis but the selected one.
Type Sema::checkCount(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  if (!route)
    return {};
  Type chosen = Type::array(Element::Bool, route.axes);
  chosen.axes.push_back(route.selected);
  if (!axisArguments(call, 1, chosen))
    return {};
  if (!checkBuckets(call, chosen))
    return {};
  if (call.over.empty())
    for (const Axis *axis : route.axes)
      call.over.push_back({axis, nullptr});
  return Type::array(Element::I32, remainingAxes(chosen, call.over));
}

Type Sema::checkFirst(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  auto n = wholeNumber(*call.arguments[1].value, "the number of slots", 1);
  if (!route || !n)
    return {};
  if (*n > *route.slot->size) {
    diags.error(call.arguments[1].value->loc) << "'first' keeps " << *n << " slots of " << *route.slot->size;
    return {};
  }
  call.k = *n;
  return selectionType(route.axes, route.selected, newSlot(call, *n), route.indices);
}

/// scatter(w, route): back to [batch, selected axis].
Type Sema::checkScatter(Expr &call) {
  Type w = checkArrayOperand(call), route = checkSelectionOperand(call, 1);
  if (!w || !route)
    return {};
  for (const Axis *axis : w.axes)
    if (axis != route.slot && !route.has(axis)) {
      diags.error(call.arguments[0].loc) << "the value has axis '" << axis->name
                                         << "', which the selection lacks: it is " << route.text();
      return {};
    }
  if (!w.has(route.slot)) {
    diags.error(call.arguments[0].loc) << "the value lacks the slot axis '" << route.slot->name
                                       << "' of the selection: it is " << w.text();
    return {};
  }
  Type result = Type::array(Element::F32, route.axes);
  result.axes.push_back(route.selected);
  return result;
}

//===-- Changing a selection
//----------------------------------------------------------------------------------------===//

/// filter(route, condition): same slots, fewer valid.
Type Sema::checkFilter(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  Expr &condition = *call.arguments[1].value;
  Type c = check(condition);
  if (!route || !c)
    return {};
  bool fits = c.isArray() && c.element == Element::Bool;
  for (const Axis *axis : c.axes)
    fits &= axis == route.slot || route.has(axis);
  if (fits)
    return route;
  llvm::SmallVector<const Axis *, 3> slots(route.axes);
  slots.push_back(route.slot);
  diags.error(condition.loc) << "the condition of 'filter' must be bool " << axesText(slots) << ", and this is "
                             << c.text();
  return {};
}

/// Indices of elements behind those of the selected axis stay below this.
static constexpr int64_t kMaxIndex = int64_t(1) << 30;

/// append(route, 64, 65): always-on elements behind the selected ones.
Type Sema::checkAppend(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  bool ok = static_cast<bool>(route);
  int64_t indices = route.indices;
  for (Argument &argument : llvm::MutableArrayRef(call.arguments).drop_front(1)) {
    auto index = wholeNumber(*argument.value, "an appended index", 0);
    StringRef problem = !index                                      ? ""
                        : *index >= kMaxIndex                       ? "is too big for an index"
                        : llvm::is_contained(call.elements, *index) ? "is appended twice"
                                                                    : "";
    ok &= index && problem.empty();
    if (!problem.empty())
      diags.error(argument.value->loc) << *index << " " << problem;
    else if (index)
      call.elements.push_back(static_cast<int32_t>(*index));
    indices = std::max(indices, index.value_or(0) + 1);
  }
  if (!ok)
    return {};
  return selectionType(route.axes, route.selected,
                       newSlot(call, *route.slot->size + static_cast<int64_t>(call.arguments.size()) - 1), indices);
}

/// forced(index, axis): a selection from an integer array [batch, slots]. The axis may be left out when the gate has
/// just one that it can be: static, grouping nothing, not the one that counts the slots.
Type Sema::checkForced(Expr &call) {
  Type index = checkArrayOperand(call);
  if (!index)
    return {};
  if ((index.element != Element::I32 && index.element != Element::I64) || index.axes.empty() ||
      !index.axes.back()->size) {
    diags.error(call.arguments[0].loc)
        << "'forced' takes integer indices whose last axis, of compile-time size, counts the slots, and this is "
        << index.text();
    return {};
  }
  const Axis *axis = nullptr;
  if (call.arguments.size() == 2) {
    axis = resolveAxis(*call.arguments[1].value, nullptr);
    if (!axis)
      return {};
    if (!axis->size || axis->origin == Axis::Origin::Slot || index.has(axis)) {
      diags.error(call.arguments[1].loc) << "'forced' selects along a declared axis of compile-time size that its "
                                         << "indices lack, and '" << axis->name << "' is none";
      return {};
    }
  } else {
    unsigned n = 0;
    for (const Axis &candidate : axes)
      if (candidate.origin == Axis::Origin::Static && !candidate.isLayer && !candidate.isWord &&
          !index.has(&candidate) && ++n)
        axis = &candidate;
    if (n != 1) {
      diags.error(call.loc) << "which axis do the indices select? " << call.builtin->usage;
      return {};
    }
  }
  return selectionType(llvm::ArrayRef(index.axes).drop_back(), axis, newSlot(call, *index.axes.back()->size),
                       *axis->size);
}

//===-- Capacity and dispatch
//---------------------------------------------------------------------------------------===//

/// What queues up for elements are the slots of tokens, in each layer by themselves. A plan is that of one layer.
bool Sema::checkQueued(const Expr &call, const Type &selection) {
  if (call.builtin->group == Group::Permute && !layerName.empty()) {
    auto diag = diags.error(call.loc);
    diag << "'permute' plans for the tokens of one layer; write one gate for each '" << layerName << "'";
    diag.attachNote(diags.locate(layerLoc)) << "layers stand before the tokens here";
    return false;
  }
  bool hasLayers = selection.axes.size() == 2 && selection.axes[0]->isLayer;
  if (selection.axes.size() == (hasLayers ? 2 : 1) && selection.axes.back()->origin == Axis::Origin::RunTime)
    return true;
  diags.error(call.arguments[0].loc) << "'" << call.text << "' works on a selection for each token, and this is "
                                     << selection.text();
  return false;
}

Type Sema::checkLimit(Expr &call) {
  Type route = checkSelectionOperand(call, 0);
  bool ok = route && checkQueued(call, route);
  for (StringRef required : {"capacity", "over"})
    if (!named(call, required)) {
      diags.error(call.loc) << "'limit' needs the argument '" << required << "': " << call.builtin->usage;
      ok = false;
    }
  if (!route)
    return {};
  for (Argument &argument : call.arguments)
    if (!argument.name.empty())
      ok &= checkLimitArgument(call, argument, route);
  if (named(call, "rounds") && !(named(call, "overflow") && named(call, "overflow")->next)) {
    diags.error(named(call, "rounds")->loc) << "'rounds' belongs to 'overflow = next SCORE'";
    ok = false;
  }
  if (!ok)
    return {};
  if (call.k == 0)
    call.k = *route.slot->size;          // rounds
  for (StringRef axis : {"over", "per"}) // in this order
    if (Argument *argument = named(call, axis))
      call.over.push_back({resolveAxis(*argument->value, nullptr), nullptr});
  return route;
}

bool Sema::checkLimitArgument(Expr &call, Argument &argument, const Type &route) {
  Expr &value = *argument.value;
  auto isWord = [&](StringRef word) { return value.kind == Expr::Kind::Name && value.text == word; };
  if (argument.name == "order") {
    if (isWord("token") || isWord("slot"))
      return true;
    diags.error(value.loc) << "'order' is 'token' or 'slot'";
    return false;
  }
  if (argument.name == "overflow" && !argument.next) {
    if (isWord("drop"))
      return true;
    diags.error(value.loc) << "'overflow' is 'drop' or 'next SCORE'";
    return false;
  }
  if (argument.name == "rounds") {
    auto rounds = wholeNumber(value, "the number of rounds", 1);
    if (rounds && *rounds > *route.selected->size) {
      diags.error(value.loc) << *rounds << " rounds are too many: '" << route.selected->name << "' has "
                             << *route.selected->size << " elements to refuse a slot";
      return false;
    }
    call.k = rounds.value_or(0);
    return rounds.has_value();
  }
  if (argument.name == "over" || argument.name == "per") {
    const Axis *axis = resolveAxis(value, nullptr);
    if (!axis)
      return false;
    bool fits =
        argument.name == "over"
            ? axis == route.selected || axis->coarsens(route.selected)
            : axis->isPieces() && llvm::any_of(route.axes, [&](const Axis *batch) { return axis->coarsens(batch); });
    if (!fits)
      diags.error(value.loc) << "'" << argument.name << "' is "
                             << (argument.name == "over" ? "the selected axis or one that groups it"
                                                         : "an axis that groups the tokens")
                             << ", and '" << axis->name << "' is not";
    return fits;
  }
  Type type = check(value);
  if (!type || !isArray(value, ("'" + argument.name + "'").str()))
    return false;
  // capacity: a scalar; priority: [batch, slot]; exempt: bool over batch axes; next: scores [batch, selected].
  auto runTime = llvm::count_if(type.axes, [](const Axis *axis) { return !axis->size; });
  bool fits = argument.name != "exempt" || (type.element == Element::Bool && runTime <= 1);
  for (const Axis *axis : type.axes)
    fits &= argument.name != "capacity" &&
            (route.has(axis) || (argument.name == "priority" && axis == route.slot) ||
             (argument.name == "overflow" && axis == route.selected) ||
             (argument.name == "exempt" && axis->isPieces() &&
              llvm::any_of(route.axes, [&](const Axis *batch) { return axis->coarsens(batch); })));
  if (!fits)
    diags.error(value.loc) << "'" << argument.name << "' of 'limit' cannot be " << type.text() << ": "
                           << (argument.name == "capacity"   ? "it is a scalar"
                               : argument.name == "priority" ? "it is a number for each token and slot"
                               : argument.name == "exempt"   ? "it is bool for each token or sequence"
                                                             : "it is a score for each element");
  return fits;
}

/// Segments of a plan are padded to multiples of at most this many rows.
static constexpr int64_t kMaxPad = 1 << 16;

Type Sema::checkPermute(Expr &call) {
  Type plan = checkSelectionOperand(call, 0);
  Argument *pad = named(call, "pad");
  std::optional<int64_t> rows = pad ? wholeNumber(*pad->value, "'pad'", 1) : 1;
  if (!plan || !rows || !checkQueued(call, plan))
    return {};
  if (*rows > kMaxPad) {
    diags.error(pad->value->loc) << "'pad' is at most " << kMaxPad << ", and this is " << *rows;
    return {};
  }
  call.k = *rows;
  plan.kind = Type::Kind::Plan;
  std::string name = newName(call);
  auto axis = [&](StringRef part, std::optional<int64_t> size) {
    Axis &made = axes.emplace_back();
    made.name = name + "." + part.str();
    made.origin = Axis::Origin::Row;
    made.size = size;
    made.loc = call.loc;
    return &made;
  };
  plan.row = axis("row", std::nullopt);
  plan.bound = axis("bound", *plan.selected->size + 1);
  return plan;
}
