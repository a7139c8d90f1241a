// Calls on arrays: argument counts and kinds, result types. See Sema.h.
#include "compiler/Frontend/Sema.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace moe::frontend;
using llvm::StringRef;

//===-- Arguments
//---------------------------------------------------------------------------------------------------===//

static std::string plural(size_t n, StringRef what) {
  return std::to_string(n) + " " + what.str() + (n == 1 ? "" : "s");
}

/// Number of positional arguments, names of the others, arrows only where an axis may stand.
bool Sema::checkArgumentCounts(Expr &call, const Builtin &builtin) {
  size_t positional = 0;
  bool ok = true;
  llvm::SmallVector<StringRef> allowed;
  builtin.named.split(allowed, ' ', -1, /*KeepEmpty=*/false);
  llvm::StringSet<> seen;
  for (Argument &argument : call.arguments) {
    if (argument.name.empty()) {
      ++positional;
      continue;
    }
    if (!llvm::is_contained(allowed, argument.name)) {
      NearMiss near(argument.name);
      for (StringRef name : allowed)
        near.consider(name);
      diags.error(argument.loc) << "'" << call.text << "' has no argument '" << argument.name << "': " << builtin.usage
                                << near.text();
      ok = false;
    } else if (!seen.insert(argument.name).second) {
      diags.error(argument.loc) << "argument '" << argument.name << "' is given twice";
      ok = false;
    }
  }
  if (positional >= builtin.minimum && positional <= builtin.maximum)
    return ok;
  bool few = positional < builtin.minimum;
  diags.error(call.loc) << "'" << call.text << "' takes "
                        << (builtin.minimum == builtin.maximum ? ""
                            : few                              ? "at least "
                                                               : "at most ")
                        << plural(few ? builtin.minimum : builtin.maximum, "argument") << ", " << positional
                        << " given: " << builtin.usage;
  return false;
}

Argument *Sema::named(Expr &call, StringRef name) {
  for (Argument &argument : call.arguments)
    if (argument.name == name)
      return &argument;
  return nullptr;
}

/// Whether an argument position of a function may hold an axis.
static bool takesAxis(Group group, size_t position) {
  switch (group) {
  case Group::Reduce:
  case Group::MinMax:
  case Group::Argmax:
  case Group::Along:
  case Group::Standardize:
  case Group::Shift:
  case Group::Expand:
  case Group::Count:
  case Group::Forced:
    return position >= 1;
  case Group::Quantile:
  case Group::Topk:
  case Group::SumTop:
  case Group::Kth:
    return position == 2;
  case Group::Random:
  case Group::Index:
  case Group::Size:
    return true;
  default:
    return false;
  }
}

/// What is written here for a function that other array languages have; empty for other names.
static StringRef adviceForForeign(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Case("log_softmax", "; write x - logsumexp(x, axis)")
      .Case("one_hot", "; chosen(route) is the 0/1 mask of a selection")
      .Case("bincount", "; count(route) counts the slots of each element")
      .Cases({"sort", "argsort"}, "; topk(x, k, axis) selects in order, permute(route) sorts slots by element")
      .Default("");
}

Type Sema::checkCall(Expr &call) {
  call.builtin = findBuiltin(call.text);
  if (!call.builtin) {
    if (auto entry = scope.find(call.text); entry != scope.end()) {
      auto diag = diags.error(call.loc);
      diag << "'" << call.text << "' is not a function";
      if (entry->second->loc.isValid())
        diag.attachNote(diags.locate(entry->second->loc)) << "it is defined here";
    } else if (reported.insert((call.text + "()").str()).second) {
      NearMiss near(call.text);
      for (const Builtin &builtin : allBuiltins())
        near.consider(builtin.name);
      StringRef advice = adviceForForeign(call.text);
      diags.error(call.loc) << "there is no function '" << call.text << "'"
                            << (advice.empty() ? near.text() : advice.str());
    }
    for (Argument &argument : call.arguments)
      if (!isAxisArgument(argument) && argument.name.empty())
        check(*argument.value);
    return {};
  }
  if (!checkArgumentCounts(call, *call.builtin))
    return {};
  for (auto [i, argument] : llvm::enumerate(call.arguments))
    if (argument.coarse && !takesAxis(call.builtin->group, i)) {
      diags.error(argument.coarse->loc) << "no axis is expected here: " << call.builtin->usage;
      return {};
    }
  return dispatch(call);
}

Type Sema::dispatch(Expr &call) {
  using Check = Type (Sema::*)(Expr &);
  static constexpr std::pair<Group, Check> table[] = {{Group::Pointwise, &Sema::checkPointwise},
                                                      {Group::Clamp, &Sema::checkPointwise},
                                                      {Group::Mod, &Sema::checkPointwise},
                                                      {Group::Where, &Sema::checkWhere},
                                                      {Group::MinMax, &Sema::checkMinMax},
                                                      {Group::Reduce, &Sema::checkReduction},
                                                      {Group::Along, &Sema::checkAlong},
                                                      {Group::Standardize, &Sema::checkAlong},
                                                      {Group::Shift, &Sema::checkShift},
                                                      {Group::Index, &Sema::checkIndex},
                                                      {Group::Random, &Sema::checkRandom},
                                                      {Group::SumTop, &Sema::checkSumTop},
                                                      {Group::Kth, &Sema::checkKth},
                                                      {Group::Quantile, &Sema::checkQuantile},
                                                      {Group::Topk, &Sema::checkTopk},
                                                      {Group::Chosen, &Sema::checkChosen},
                                                      {Group::Dropped, &Sema::checkDropped},
                                                      {Group::Count, &Sema::checkCount},
                                                      {Group::First, &Sema::checkFirst},
                                                      {Group::Scatter, &Sema::checkScatter},
                                                      {Group::Filter, &Sema::checkFilter},
                                                      {Group::Append, &Sema::checkAppend},
                                                      {Group::Forced, &Sema::checkForced},
                                                      {Group::Limit, &Sema::checkLimit},
                                                      {Group::Permute, &Sema::checkPermute},
                                                      {Group::Size, &Sema::checkSize},
                                                      {Group::Expand, &Sema::checkExpand},
                                                      {Group::Detach, &Sema::checkPointwise}};
  for (auto [group, check] : table)
    if (group == call.builtin->group)
      return (this->*check)(call);
  if (call.builtin->group == Group::Argmax) {
    Type x = checkArrayOperand(call);
    return x ? checkStaticAlong(call, 1, Element::I32) : Type();
  }
  diags.error(call.loc) << "'bucket' makes an axis: sum(x, token -> bucket(index(token), 16))";
  return {};
}

/// The first argument, an array.
Type Sema::checkArrayOperand(Expr &call) {
  Expr &x = *call.arguments[0].value;
  Type type = check(x);
  return type && isArray(x, ("the first argument of '" + call.text + "'").str()) ? type : Type();
}

//===-- Pointwise
//---------------------------------------------------------------------------------------------------===//

Type Sema::checkPointwise(Expr &call) {
  llvm::SmallVector<Expr *> operands;
  llvm::SmallVector<Constant> constants;
  bool ok = true;
  for (Argument &argument : call.arguments) {
    operands.push_back(argument.value.get());
    ok &= static_cast<bool>(check(*argument.value));
    if (argument.value->constant)
      constants.push_back(*argument.value->constant);
  }
  if (!ok)
    return {};
  if (constants.size() == operands.size())
    call.constant = foldCall(call.text, constants);
  if (call.constant)
    return Type::array(call.constant->isInteger ? Element::I32 : Element::F32);
  return arithmetic(call, operands, Element::F32, call.text);
}

Type Sema::checkWhere(Expr &call) {
  Expr &condition = *call.arguments[0].value, &x = *call.arguments[1].value, &y = *call.arguments[2].value;
  Type c = check(condition), a = check(x), b = check(y);
  if (!c || !a || !b)
    return {};
  if (!c.isArray() || c.element != Element::Bool) {
    diags.error(condition.loc) << "the condition of 'where' must be bool, and this is " << c.text();
    return {};
  }
  bool same = a.element == b.element && a.element != Element::F32;
  return arithmetic(call, {&condition, &x, &y}, same ? a.element : Element::F32, "where");
}

/// max(x), max(x, axis…): a reduction. max(x, y…): pointwise.
Type Sema::checkMinMax(Expr &call) {
  if (call.arguments.size() == 1 || isAxisArgument(call.arguments[1]))
    return checkReduction(call);
  for (Argument &argument : call.arguments)
    if (argument.coarse || isAxisArgument(argument)) {
      diags.error(argument.loc) << "'" << call.text << "' mixes values and axes: " << call.builtin->usage;
      return {};
    }
  return checkPointwise(call);
}

//===-- Reductions
//--------------------------------------------------------------------------------------------------===//

Type Sema::checkReduction(Expr &call) {
  Type x = checkArrayOperand(call);
  if (!x || !axisArguments(call, 1, x))
    return {};
  if (call.over.empty())
    for (const Axis *axis : x.axes)
      call.over.push_back({axis, nullptr});
  if (call.over.empty()) {
    diags.error(call.loc) << "'" << call.text << "' has nothing to reduce: its operand is a scalar";
    return {};
  }
  bool coarse = llvm::any_of(call.over, [](const AxisRange &r) { return r.coarse; });
  bool inSteps =
      call.text == "sum" || call.text == "mean" || call.text == "max" || call.text == "min" || call.text == "logsumexp";
  if (coarse && call.over.size() > 1 && !inSteps) {
    diags.error(call.loc) << "'" << call.text << "' coarsens one axis at a time; it cannot be taken in steps";
    return {};
  }
  if (!checkBuckets(call, x))
    return {};
  bool exact = call.text == "sum" || call.text == "max" || call.text == "min";
  Element element = !exact ? Element::F32 : x.element == Element::Bool ? Element::I32 : x.element;
  return Type::array(element, remainingAxes(x, call.over));
}

/// Pieces of run-time positions hold sums and the like of one value for each token.
bool Sema::checkBuckets(const Expr &call, const Type &operand) {
  const auto *range =
      llvm::find_if(call.over, [](const AxisRange &r) { return r.coarse && r.coarse->origin == Axis::Origin::Bucket; });
  if (range == call.over.end())
    return true;
  if (operand.axes.size() != 1) {
    diags.error(call.loc) << "'" << call.text << "' to a bucket works on values that have the axis '"
                          << range->axis->name << "' alone, and this is " << operand.text()
                          << "; reduce its other axes first";
    return false;
  }
  if (call.text != "var" && call.text != "std" && call.text != "cv2")
    return true;
  diags.error(call.loc) << "'" << call.text << "' does not work on buckets; sum, mean, max, min and logsumexp do";
  return false;
}

llvm::SmallVector<const Axis *, 3> Sema::remainingAxes(const Type &operand, llvm::ArrayRef<AxisRange> over) {
  llvm::SmallVector<const Axis *, 3> axes;
  for (const Axis *axis : operand.axes) {
    const auto *range = llvm::find_if(over, [&](const AxisRange &r) { return r.axis == axis; });
    if (range == over.end())
      axes.push_back(axis);
    else if (range->coarse)
      axes.push_back(range->coarse);
  }
  return axes;
}

/// An axis argument without `->`, resolved into `call.over`; null after an error.
static const Axis *plainAxis(Expr &call, const Argument &argument, Diagnostics &diags) {
  if (call.over.size() == 1 && !call.over[0].coarse)
    return call.over[0].axis;
  diags.error(argument.loc) << "'" << call.text << "' works along one axis: " << call.builtin->usage;
  return nullptr;
}

/// softmax, normalize, standardize: same axes as the operand.
Type Sema::checkAlong(Expr &call) {
  Type x = checkArrayOperand(call);
  AxisRange range;
  if (!x || !axisRange(call, call.arguments[1], x, range))
    return {};
  call.over.push_back(range);
  if (!plainAxis(call, call.arguments[1], diags))
    return {};
  if (call.builtin->group == Group::Standardize) {
    auto eps = number(*call.arguments[2].value, "eps of 'standardize'");
    if (!eps)
      return {};
    if (!(*eps >= 0)) {
      diags.error(call.arguments[2].value->loc) << "eps of 'standardize' must not be negative";
      return {};
    }
    call.real = *eps;
  }
  return Type::array(Element::F32, x.axes);
}

/// A function that removes an axis of compile-time size; the first argument is checked already.
Type Sema::checkStaticAlong(Expr &call, size_t axisArgument, Element element) {
  const Type &x = call.arguments[0].value->type;
  Argument &argument = call.arguments[axisArgument];
  AxisRange range;
  if (!axisRange(call, argument, x, range))
    return {};
  call.over.push_back(range);
  bool coarsens = range.coarse && call.builtin->group == Group::SumTop;
  if (!coarsens && !plainAxis(call, argument, diags))
    return {};
  if (!range.axis->size || (coarsens && groupSizes(range.axis, range.coarse).empty())) {
    diags.error(argument.loc) << "'" << call.text << "' needs an axis whose size and groups are known at compile time";
    return {};
  }
  Type result = Type::array(element);
  for (const Axis *axis : x.axes)
    if (axis != range.axis)
      result.axes.push_back(axis);
    else if (coarsens)
      result.axes.push_back(range.coarse);
  return result;
}

Type Sema::checkSumTop(Expr &call) {
  Type x = checkArrayOperand(call);
  auto n = wholeNumber(*call.arguments[1].value, "the number of values that 'sum_top' adds", 1);
  Type result = x ? checkStaticAlong(call, 2, Element::F32) : Type();
  if (!n || !result)
    return {};
  const AxisRange &range = call.over[0];
  int64_t size = range.coarse ? groupSizes(range.axis, range.coarse).front() : *range.axis->size;
  if (*n > size) {
    diags.error(call.arguments[1].value->loc)
        << "'sum_top' adds " << *n << " values, but "
        << (range.coarse ? "the smallest group of '" + range.coarse->name + "' has "
                         : "axis '" + range.axis->name + "' has ")
        << size;
    return {};
  }
  call.k = *n;
  return result;
}

Type Sema::checkKth(Expr &call) {
  Type x = checkArrayOperand(call);
  auto k = wholeNumber(*call.arguments[1].value, "k", 1);
  Type result = x ? checkStaticAlong(call, 2, Element::F32) : Type();
  if (!k || !result)
    return {};
  if (*k > *call.over[0].axis->size) {
    diags.error(call.arguments[1].value->loc) << "'kth' takes value number " << *k << ", but axis '"
                                              << call.over[0].axis->name << "' has " << *call.over[0].axis->size;
    return {};
  }
  call.k = *k;
  return result;
}

Type Sema::checkQuantile(Expr &call) {
  Type x = checkArrayOperand(call);
  auto q = number(*call.arguments[1].value, "the quantile");
  if (q && !(*q >= 0 && *q <= 1)) {
    diags.error(call.arguments[1].value->loc)
        << "a quantile lies between 0 and 1, and this is " << call.arguments[1].value->constant->text();
    return {};
  }
  Type result = x ? checkStaticAlong(call, 2, Element::F32) : Type();
  call.real = q.value_or(0);
  return q ? result : Type();
}

//===-- Shape
//-------------------------------------------------------------------------------------------------------===//

Type Sema::checkShift(Expr &call) {
  Type x = checkArrayOperand(call);
  auto distance = wholeNumber(*call.arguments[2].value, "the distance of 'shift'", 1);
  AxisRange range;
  if (!x || !axisRange(call, call.arguments[1], x, range))
    return {};
  call.over.push_back(range);
  if (!plainAxis(call, call.arguments[1], diags) || !distance)
    return {};
  if (range.axis->origin != Axis::Origin::RunTime) {
    diags.error(call.arguments[1].loc) << "'shift' moves along the axis of the tokens, not along '" << range.axis->name
                                       << "'";
    return {};
  }
  call.k = *distance;
  return x;
}

Type Sema::checkIndex(Expr &call) {
  Argument &argument = call.arguments[0];
  AxisRange range;
  range.axis = resolveAxis(*argument.value, nullptr);
  if (!range.axis)
    return {};
  Type result = Type::array(Element::I32, {range.axis});
  if (argument.coarse && !axisRange(call, argument, result, range))
    return {};
  if (range.coarse && !range.coarse->isPieces()) {
    diags.error(argument.coarse->loc) << "positions count from the start of the pieces of a run-time axis, and '"
                                      << range.coarse->name << "' is none: " << call.builtin->usage;
    return {};
  }
  call.over.push_back(range);
  return result;
}

/// size(axis): an integer; size(token -> sequence): one for each sequence.
Type Sema::checkSize(Expr &call) {
  Argument &argument = call.arguments[0];
  const Axis *axis = resolveAxis(*argument.value, nullptr);
  if (!axis)
    return {};
  if (argument.coarse) {
    AxisRange range;
    Type self = Type::array(Element::I32, {axis});
    if (!axisRange(call, argument, self, range))
      return {};
    call.over.push_back(range);
    return Type::array(Element::I32, {range.coarse});
  }
  call.over.push_back({axis, nullptr});
  if (axis->size)
    call.constant = Constant::of(*axis->size);
  return Type::array(Element::I32);
}

/// expand(x, device -> expert)
Type Sema::checkExpand(Expr &call) {
  Type x = checkArrayOperand(call);
  Argument &argument = call.arguments[1];
  if (!argument.coarse) {
    diags.error(argument.loc) << "expected 'coarse -> fine': " << call.builtin->usage;
    return {};
  }
  const Axis *from = x ? resolveAxis(*argument.value, &x) : nullptr;
  const Axis *to = x ? resolveAxis(*argument.coarse, nullptr) : nullptr;
  if (!from || !to || !hasAxis(call, argument, from, x))
    return {};
  if (!from->coarsens(to)) {
    diags.error(argument.coarse->loc) << "'" << from->name << "' does not group '" << to->name << "'";
    return {};
  }
  if (x.has(to)) {
    diags.error(argument.coarse->loc) << "the operand has axis '" << to->name << "' already: it is " << x.text();
    return {};
  }
  if (from->origin == Axis::Origin::Bucket) {
    diags.error(argument.loc) << "'expand' does not work from buckets";
    return {};
  }
  call.over.push_back({from, to});
  Type result = Type::array(x.element);
  for (const Axis *axis : x.axes)
    result.axes.push_back(axis == from ? to : axis);
  return result;
}

/// Each call numbers a stream of its own, in the order of the spec.
static constexpr unsigned kMaxStreams = 4096;

/// Numbers are drawn for tokens, which all layers share.
bool Sema::checkRandomLayers(const Expr &call, const Type &result) {
  const auto *layer = llvm::find_if(result.axes, [](const Axis *axis) { return axis->isLayer; });
  if (layer == result.axes.end())
    return true;
  diags.error(call.loc) << "'" << call.text << "' does not draw for each of '" << (*layer)->name
                        << "', an axis of layers; give the numbers as an input, or make a gate for each layer";
  return false;
}

Type Sema::checkRandom(Expr &call) {
  Type result = Type::array(Element::F32);
  for (Argument &argument : call.arguments) {
    const Axis *axis = resolveAxis(*argument.value, nullptr);
    if (!axis)
      return {};
    if (result.has(axis) || argument.coarse) {
      diags.error(argument.loc) << "'" << call.text << "' takes different axes: " << call.builtin->usage;
      return {};
    }
    result.axes.push_back(axis);
  }
  if (!checkRandomLayers(call, result))
    return {};
  bool fits = llvm::count_if(result.axes, [](const Axis *axis) { return axis->size.has_value(); }) <= 1 &&
              llvm::none_of(result.axes, [](const Axis *axis) { return axis->isPieces(); });
  if (!fits) {
    diags.error(call.loc)
        << "random numbers are made for the tokens and at most one axis of compile-time size, not for "
        << axesText(result.axes);
    return {};
  }
  if (streams == kMaxStreams) {
    diags.error(call.loc) << "a gate has at most " << kMaxStreams << " calls of 'uniform' and 'normal'";
    return {};
  }
  call.k = streams++;
  return result;
}
