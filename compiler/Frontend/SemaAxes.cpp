// Axis declarations (R2, R3), types, and axis arguments of calls: see Sema.h.
#include "compiler/Frontend/Sema.h"

using namespace moe::frontend;
using llvm::StringRef;

/// Beyond this an axis is a mistake, and tables over it would not fit in memory.
static constexpr int64_t kMaxAxisSize = 1 << 20;

//===-- Declarations
//------------------------------------------------------------------------------------------------===//

bool Sema::checkAxis(Statement &statement, Symbol &symbol) {
  Axis &axis = axes.emplace_back();
  axis.name = statement.name.str();
  axis.loc = statement.nameLoc;
  axis.isLayer = !layerName.empty() && statement.name == layerName;
  symbol.axis = statement.axis = &axis;
  bool ok = true;
  if (statement.size) {
    axis.origin = Axis::Origin::Static;
    axis.size = wholeNumber(*statement.size, "the size of an axis", 1);
    ok = axis.size.has_value();
    if (ok && *axis.size > kMaxAxisSize) {
      diags.error(statement.size->loc) << "axis '" << statement.name << "' has " << *axis.size << " elements; at most "
                                       << kMaxAxisSize << " are supported";
      ok = false;
    }
  }
  if (statement.of.empty())
    return ok;
  const Symbol *finer = lookup(statement.of, statement.ofLoc, "an axis");
  if (!finer) {
    if (statement.by && statement.by->kind != Expr::Kind::Name)
      check(*statement.by);
    return false;
  }
  if (finer->kind != Symbol::Kind::Axis) {
    auto diag = diags.error(statement.ofLoc);
    diag << "'" << statement.of << "' is not an axis";
    diag.attachNote(diags.locate(finer->loc)) << "it is defined here";
    return false;
  }
  axis.of = finer->axis;
  if (!ok)
    return false;
  if (statement.hasMap)
    return checkMap(statement, axis);
  return statement.by ? checkBy(statement, axis) : checkGroups(statement, axis);
}

/// `axis device[D] of expert`: equal contiguous blocks. R2: D divides the size.
bool Sema::checkGroups(Statement &statement, Axis &axis) {
  axis.origin = Axis::Origin::Blocks;
  if (!axis.size) {
    diags.error(statement.nameLoc) << "axis '" << statement.name << "' needs a size, as in 'axis " << statement.name
                                   << "[8] of " << statement.of << "', or 'by' and what divides it";
    return false;
  }
  if (!axis.of->size) {
    diags.error(statement.ofLoc) << "'" << statement.of << "' has a run-time size; divide it into pieces with 'axis "
                                 << statement.name << " of " << statement.of << " by LENGTH'";
    return false;
  }
  if (*axis.of->size % *axis.size == 0)
    return true;
  auto diag = diags.error(statement.size->loc);
  diag << "axis '" << statement.name << "' makes " << *axis.size << " equal groups of '" << statement.of << "', but "
       << *axis.size << " does not divide its size " << *axis.of->size
       << " (R2); uneven groups are written '= [0, 0, 1, ...]'";
  diag.attachNote(diags.locate(axis.of->loc)) << "'" << statement.of << "' is declared here";
  return false;
}

/// `axis device[3] of expert = [0,0,1,2,2,2]`: one group per element. R3: every group is non-empty.
bool Sema::checkMap(Statement &statement, Axis &axis) {
  axis.origin = Axis::Origin::Map;
  if (!axis.size || !axis.of->size) {
    diags.error(axis.size ? statement.ofLoc : statement.nameLoc)
        << "a map needs sizes known at compile time, and '" << (axis.size ? statement.of : statement.name)
        << "' has none";
    return false;
  }
  bool ok = true;
  llvm::SmallVector<bool> seen(*axis.size, false);
  for (const ExprPtr &entry : statement.map) {
    auto group = wholeNumber(*entry, "a group number", 0);
    if (group && *group >= *axis.size)
      diags.error(entry->loc) << "group " << *group << " is outside 0.." << *axis.size - 1;
    if (!group || *group >= *axis.size) {
      ok = false;
      continue;
    }
    seen[*group] = true;
    axis.map.push_back(static_cast<int32_t>(*group));
  }
  if (!ok)
    return false;
  if (static_cast<int64_t>(axis.map.size()) != *axis.of->size) {
    auto diag = diags.error(statement.nameLoc);
    diag << "the map of axis '" << statement.name << "' has " << axis.map.size() << " entries, but '" << statement.of
         << "' has " << *axis.of->size << " elements";
    diag.attachNote(diags.locate(axis.of->loc)) << "'" << statement.of << "' is declared here";
    return false;
  }
  for (auto [group, full] : llvm::enumerate(seen))
    if (!full) {
      diags.error(statement.nameLoc) << "the map of axis '" << statement.name << "' leaves group " << group
                                     << " empty; every group has an element (R3)";
      return false;
    }
  return true;
}

/// `by 4096` (pieces of a run-time axis), `by offsets` (packed sequences), `by placement` (a map given at run time).
bool Sema::checkBy(Statement &statement, Axis &axis) {
  const Expr &by = *statement.by;
  auto entry = by.kind == Expr::Kind::Name ? scope.find(by.text) : scope.end();
  bool isNumber = by.kind != Expr::Kind::Name ||
                  (entry != scope.end() && entry->second->constant && entry->second->kind != Symbol::Kind::Poisoned);
  bool isStatic = axis.of->size.has_value();
  if (!isNumber) {
    // The input may be declared below, since its own type may name this axis: checkByInputs looks at it.
    if (axis.size.has_value() != isStatic) {
      diags.error(statement.nameLoc) << "axis '" << statement.name
                                     << "': a run-time map is written 'axis NAME[SIZE] of STATIC by MAP', "
                                     << "packed sequences 'axis NAME of RUNTIME by OFFSETS'; '" << statement.of
                                     << "' has a " << (isStatic ? "compile-time" : "run-time") << " size";
      return false;
    }
    axis.input = by.text.str();
    if (!isStatic && !joinPieces(statement, axis))
      return false;
    axis.origin = isStatic ? Axis::Origin::Placement : Axis::Origin::Offsets;
    byInputs.push_back(&statement);
    return true;
  }
  auto length = wholeNumber(*statement.by, "the length of a piece", 1);
  if (!length)
    return false;
  if (axis.size || isStatic) {
    diags.error(statement.nameLoc)
        << "pieces of fixed length divide an axis of run-time size and have no size of their own: 'axis "
        << statement.name << " of RUNTIME by " << *length << "'";
    return false;
  }
  axis.length = *length;
  if (!joinPieces(statement, axis))
    return false;
  axis.origin = Axis::Origin::Pieces;
  return true;
}

/// The axis of pieces that divides `axis`, or null.
Axis *Sema::piecesOf(const Axis *axis) {
  auto found = llvm::find_if(axes, [&](const Axis &other) { return other.isPieces() && other.of == axis; });
  return found == axes.end() ? nullptr : &*found;
}

/// Axes of pieces and of layers in a gate.
static constexpr int64_t kMaxDepth = 6;

/// All axes of pieces are one chain, each `of` the one before. Where several are `of` the same axis by lengths, the
/// shorter pieces come first, and the longer ones are counted in them.
bool Sema::joinPieces(const Statement &statement, Axis &axis) {
  auto depth = llvm::count_if(axes, [](const Axis &other) { return other.isPieces() || other.isLayer; });
  if (depth >= kMaxDepth) {
    diags.error(statement.nameLoc) << "at most " << kMaxDepth << " axes divide the tokens, that of the layers included";
    return false;
  }
  while (Axis *next = piecesOf(axis.of)) {
    bool areLengths = axis.length && next->length;
    if (areLengths && axis.length % next->length == 0) {
      axis.length /= next->length;
      axis.of = next;
      continue;
    }
    if (areLengths && next->length % axis.length == 0) {
      next->length /= axis.length;
      next->of = &axis;
      return true;
    }
    auto diag = diags.error(statement.nameLoc);
    diag << "'" << axis.of->name << "' is divided into '" << next->name << "' already";
    if (areLengths)
      diag << " (" << next->length << " each), and '" << axis.name << "' (" << axis.length
           << " each) does not fit: of two axes of pieces, one holds whole pieces of the other";
    else if (axis.length)
      diag << " by '" << next->input << "'; divide by the length first, 'axis " << axis.name << " of " << axis.of->name
           << " by " << axis.length << "', then 'axis " << next->name << " of " << axis.name << " by " << next->input
           << "', with offsets that count '" << axis.name << "'";
    else
      diag << "; divide that one: 'axis " << axis.name << " of " << next->name << " by " << axis.input
           << "', with offsets that count '" << next->name << "'";
    diag.attachNote(diags.locate(next->loc)) << "'" << next->name << "' is declared here";
    return false;
  }
  return true;
}

void Sema::checkByInputs() {
  for (const Statement *statement : byInputs)
    if (!checkByInput(*statement))
      const_cast<Statement *>(statement)->ok = false;
  for (const Symbol &symbol : symbols) {
    if (symbol.kind != Symbol::Kind::Input || symbol.type.axes.empty() ||
        symbol.type.axes[0]->origin != Axis::Origin::Bound)
      continue;
    const Axis *pieces = symbol.type.axes[0]->within;
    if (symbol.type.axes.size() != 1 || pieces->input != symbol.name)
      diags.error(symbol.loc) << "an input on '" << pieces->name << " + 1' is the offsets that axis '" << pieces->name
                              << "' is divided by, and that is '" << pieces->input << "'";
  }
}

bool Sema::checkByInput(const Statement &statement) {
  StringRef name = statement.by->text;
  auto entry = scope.find(name);
  if (entry == scope.end()) {
    reportUnknown(name, statement.by->loc, "an input");
    return false;
  }
  const Symbol &symbol = *entry->second;
  if (symbol.kind == Symbol::Kind::Poisoned)
    return false;
  bool isPlacement = statement.axis->origin == Axis::Origin::Placement;
  std::string expected = isPlacement ? statement.of.str() : statement.name.str() + " + 1";
  bool fits = symbol.kind == Symbol::Kind::Input && symbol.storage == "i32" && symbol.type.axes.size() == 1 &&
              symbol.type.axes[0]->name == expected;
  if (fits)
    return true;
  auto diag = diags.error(statement.by->loc);
  diag << "axis '" << statement.name << "' is divided by an input of type i32[" << expected << "], and '" << name
       << "' is not one";
  diag.attachNote(diags.locate(symbol.loc)) << "it is defined here";
  return false;
}

//===-- Layers
//------------------------------------------------------------------------------------------------------===//

/// The axis of compile-time size that the type of an input names before one of run-time size. Looked for ahead of all
/// statements, since what is declared above may not put it elsewhere.
void Sema::findLayers() {
  llvm::StringMap<bool> isStatic;
  for (const Statement &statement : gate.statements)
    if (statement.kind == Statement::Kind::Axis)
      isStatic.try_emplace(statement.name, statement.size != nullptr);
  for (const Statement &statement : gate.statements) {
    if (statement.kind != Statement::Kind::Input || statement.type->dims.size() < 2)
      continue;
    const TypeSpec::Dim &first = statement.type->dims[0], &second = statement.type->dims[1];
    auto layer = isStatic.find(first.axis), token = isStatic.find(second.axis);
    if (first.member.empty() && layer != isStatic.end() && token != isStatic.end() && layer->second && !token->second) {
      layerName = first.axis;
      layerLoc = first.loc;
      return;
    }
  }
}

/// An input has one axis of run-time size at most, behind the layers if it has these, and before all others.
bool Sema::checkLayers(const Statement &statement, const Type &type) {
  auto isRunTime = [](const Axis *axis) { return !axis->size; };
  const auto *found = llvm::find_if(type.axes, isRunTime);
  if (found == type.axes.end())
    return true;
  auto at = static_cast<size_t>(found - type.axes.begin());
  llvm::ArrayRef<const Axis *> behind = llvm::ArrayRef(type.axes).drop_front(at + 1);
  for (auto [i, axis] : llvm::enumerate(behind)) {
    if (axis->size && !axis->isLayer)
      continue;
    auto diag = diags.error(statement.type->dims[at + 1 + i].loc);
    if (!axis->size) {
      diag << "an array has one axis of run-time size at most, and this one has '" << (*found)->name << "' and '"
           << axis->name << "'";
      return false;
    }
    diag << "'" << axis->name << "' is an axis of layers, which stands before '" << (*found)->name << "'";
    diag.attachNote(diags.locate(layerLoc)) << "here it does";
    return false;
  }
  if (at == 0 || type.axes[0]->origin == Axis::Origin::Slot || (at == 1 && type.axes[0]->isLayer))
    return true;
  auto diag = diags.error(statement.type->dims[at - 1].loc);
  diag << "one axis, that of the layers, stands before '" << (*found)->name << "' at most, and '"
       << type.axes[at - 1]->name << "' is a second one";
  if (layerLoc.isValid())
    diag.attachNote(diags.locate(layerLoc)) << "'" << layerName << "' is the axis of layers";
  return false;
}

//===-- Types
//-------------------------------------------------------------------------------------------------------===//

std::optional<Type> Sema::checkType(const TypeSpec &spec, StringRef element) {
  static constexpr std::pair<StringRef, Element> table[] = {
      {"f32", Element::F32}, {"bf16", Element::F32}, {"f16", Element::F32},  {"float", Element::F32},
      {"i32", Element::I32}, {"i64", Element::I64},  {"bool", Element::Bool}};
  auto *entry = llvm::find_if(table, [&](auto &e) { return e.first == element; });
  if (entry == std::end(table)) {
    NearMiss near(element);
    for (auto &e : table)
      near.consider(e.first);
    diags.error(spec.loc) << "'" << element << "' is not a type (f32, bf16, f16, float, i32, i64, bool)" << near.text();
    return std::nullopt;
  }
  Type type = Type::array(entry->second);
  for (const TypeSpec::Dim &dim : spec.dims) {
    const Axis *axis = dimension(dim, element);
    if (!axis)
      return std::nullopt;
    if (type.has(axis)) {
      diags.error(dim.loc) << "axis '" << axis->name << "' is named twice";
      return std::nullopt;
    }
    type.axes.push_back(axis);
  }
  return type;
}

const Axis *Sema::dimension(const TypeSpec::Dim &dim, StringRef element) {
  const Symbol *symbol = lookup(dim.axis, dim.loc, "an axis");
  if (!symbol)
    return nullptr;
  const Axis *axis = symbol->axis;
  if (!dim.member.empty()) {
    if (!symbol->type.isSelection()) {
      diags.error(dim.loc) << "'" << dim.axis << "' is not a selection and has no slots";
      return nullptr;
    }
    axis = symbol->type.slot;
  } else if (symbol->kind != Symbol::Kind::Axis) {
    auto diag = diags.error(dim.loc);
    diag << "'" << dim.axis << "' is not an axis";
    diag.attachNote(diags.locate(symbol->loc)) << "it is defined here";
    return nullptr;
  }
  if (!dim.plusOne)
    return axis;
  if (axis->origin != Axis::Origin::Offsets || element != "i32") {
    diags.error(dim.loc) << "'+ 1' belongs to the i32 offsets of an axis declared 'of ... by'";
    return nullptr;
  }
  Axis &bounds = axes.emplace_back();
  bounds.name = axis->name + " + 1";
  bounds.origin = Axis::Origin::Bound;
  bounds.within = axis;
  bounds.loc = dim.loc;
  return &bounds;
}

//===-- Axis arguments
//----------------------------------------------------------------------------------------------===//

/// Whether the argument reads as an axis; decides what `max(x, y)` means.
bool Sema::isAxisArgument(const Argument &argument) const {
  const Expr &expr = *argument.value;
  if (argument.coarse)
    return true;
  if (expr.kind == Expr::Kind::Member)
    return expr.member == "slot";
  if (expr.kind != Expr::Kind::Name)
    return false;
  auto entry = scope.find(expr.text);
  return expr.text == "slot" || (entry != scope.end() && entry->second->kind == Symbol::Kind::Axis);
}

/// Plain `slot`: the only slot axis of the operand, or of all selections so far when there is no operand.
const Axis *Sema::resolveSlot(const Expr &expr, const Type *reach) {
  const Axis *found = nullptr;
  unsigned n = 0;
  auto consider = [&](const Axis *axis) {
    if (axis && axis->origin == Axis::Origin::Slot && axis != found) {
      found = axis;
      ++n;
    }
  };
  if (reach) {
    for (const Axis *axis : reach->axes)
      consider(axis);
  } else {
    for (const Axis &axis : axes)
      consider(&axis);
  }
  if (n == 1)
    return found;
  auto diag = diags.error(expr.loc);
  if (n == 0)
    diag << "no slot axis is in reach here" << (reach ? ": the operand is " + reach->text() : std::string());
  else
    diag << "'slot' is ambiguous: several slot axes are in reach; name the selection, as in 'route.slot'";
  return nullptr;
}

/// bucket(index(axis), n) where an axis is expected: n equal pieces of the positions.
const Axis *Sema::resolveBucket(Expr &expr) {
  expr.builtin = findBuiltin("bucket");
  if (!checkArgumentCounts(expr, *expr.builtin))
    return nullptr;
  Expr &position = *expr.arguments[0].value;
  if (position.kind != Expr::Kind::Call || position.text != "index") {
    diags.error(position.loc) << "'bucket' divides positions: " << expr.builtin->usage;
    return nullptr;
  }
  Type type = check(position);
  auto n = wholeNumber(*expr.arguments[1].value, "the number of pieces", 1);
  if (!type || !n)
    return nullptr;
  if (*n > kMaxAxisSize) {
    diags.error(expr.arguments[1].value->loc)
        << *n << " pieces are too many; at most " << kMaxAxisSize << " are supported";
    return nullptr;
  }
  const AxisRange &of = position.over[0];
  for (const Axis &axis : axes) // the same pieces of the same positions are one axis
    if (axis.isBucket && axis.of == of.axis && axis.within == of.coarse && axis.size == n)
      return &axis;
  bool isDivisible = of.axis->size ? of.axis->origin != Axis::Origin::Slot && !of.axis->isBucket
                                   : of.axis->origin == Axis::Origin::RunTime;
  if (!isDivisible) {
    diags.error(position.loc) << "'bucket' divides the positions of tokens or of an axis of compile-time size, not of '"
                              << of.axis->name << "'";
    return nullptr;
  }
  if (of.axis->size && *n > *of.axis->size) {
    diags.error(expr.arguments[1].value->loc)
        << *n << " pieces of axis '" << of.axis->name << "', which has " << *of.axis->size << " elements";
    return nullptr;
  }
  return makeBucket(expr, of, *n);
}

/// Element i of `of`, which has as many as n, is in piece floor(i * pieces / n).
const Axis *Sema::makeBucket(const Expr &expr, const AxisRange &of, int64_t pieces) {
  Axis &axis = axes.emplace_back();
  do
    axis.name = "bucket" + std::to_string(++freshNames);
  while (llvm::is_contained(gate.words, axis.name));
  axis.origin = of.axis->size ? Axis::Origin::Map : Axis::Origin::Bucket;
  axis.size = pieces;
  axis.of = of.axis;
  axis.within = of.coarse;
  axis.isBucket = true;
  axis.loc = expr.loc;
  for (int64_t i = 0; i < of.axis->size.value_or(0); ++i) // both at most 2^20
    axis.map.push_back(static_cast<int32_t>(i * pieces / *of.axis->size));
  return &axis;
}

/// The words of 32 bits that hold a bit for each element of `of`. Slots fit in one.
const Axis *Sema::makeWords(const Axis *of, llvm::SMLoc loc) {
  for (const Axis &axis : axes) // the same words are one axis
    if (axis.isWord && axis.within == of)
      return &axis;
  Axis &axis = axes.emplace_back();
  axis.name = of->name + ".word";
  axis.size = (*of->size + 31) / 32;
  axis.isWord = true;
  axis.within = of;
  axis.loc = loc;
  axis.origin = Axis::Origin::Static;
  if (of->origin == Axis::Origin::Slot)
    return &axis;
  axis.of = of;
  bool areEqual = *axis.size == 1 || *of->size % 32 == 0;
  axis.origin = areEqual ? Axis::Origin::Blocks : Axis::Origin::Map;
  for (int64_t i = 0; !areEqual && i < *of->size; ++i)
    axis.map.push_back(static_cast<int32_t>(i / 32));
  return &axis;
}

/// The axis that an expression names; null after an error. `reach`: the operand whose slot axis plain `slot` means.
const Axis *Sema::resolveAxis(Expr &expr, const Type *reach) {
  if (expr.kind == Expr::Kind::Name && expr.text == "slot")
    return resolveSlot(expr, reach);
  if (expr.kind == Expr::Kind::Call && expr.text == "bucket")
    return resolveBucket(expr);
  if (expr.kind != Expr::Kind::Name && expr.kind != Expr::Kind::Member) {
    diags.error(expr.loc) << "expected an axis";
    return nullptr;
  }
  const Symbol *symbol = lookup(expr.text, expr.loc, expr.kind == Expr::Kind::Name ? "an axis" : "a selection");
  if (!symbol)
    return nullptr;
  if (expr.kind == Expr::Kind::Member) {
    if (symbol->type.isSelection() && expr.member == "slot")
      return symbol->type.slot;
    diags.error(expr.loc) << "expected an axis; only a selection has one of its own, as in 'route.slot'";
    return nullptr;
  }
  if (symbol->kind == Symbol::Kind::Axis)
    return symbol->axis;
  auto diag = diags.error(expr.loc);
  diag << "expected an axis, and '" << expr.text << "' is a value";
  diag.attachNote(diags.locate(symbol->loc)) << "it is defined here";
  return nullptr;
}

bool Sema::hasAxis(const Expr &call, const Argument &argument, const Axis *axis, const Type &operand) {
  if (operand.has(axis))
    return true;
  diags.error(argument.loc) << "'" << call.text << "' works over axis '" << axis->name
                            << "', which its operand lacks: it is " << operand.text();
  return false;
}

/// One axis argument: `expert`, or `expert -> device`.
bool Sema::axisRange(Expr &call, Argument &argument, const Type &operand, AxisRange &range) {
  range.axis = resolveAxis(*argument.value, &operand);
  if (!range.axis || !hasAxis(call, argument, range.axis, operand))
    return false;
  if (!argument.coarse)
    return true;
  range.coarse = resolveAxis(*argument.coarse, nullptr);
  if (!range.coarse)
    return false;
  if (!range.coarse->coarsens(range.axis)) {
    auto diag = diags.error(argument.coarse->loc);
    diag << "'" << range.coarse->name << "' does not group '" << range.axis->name << "'";
    if (range.axis->coarsens(range.coarse))
      diag << "; it is the finer one (expand(x, coarse -> fine) refines)";
    diag.attachNote(diags.locate(range.coarse->loc)) << "'" << range.coarse->name << "' is declared here";
    return false;
  }
  if (operand.has(range.coarse)) {
    diags.error(argument.coarse->loc) << "the operand has axis '" << range.coarse->name << "' already: it is "
                                      << operand.text();
    return false;
  }
  return true;
}

/// Resolves the arguments from `from` on as axes of `operand` into `call.over`.
bool Sema::axisArguments(Expr &call, size_t from, const Type &operand) {
  bool ok = true;
  for (Argument &argument : llvm::MutableArrayRef(call.arguments).drop_front(from)) {
    AxisRange range;
    if (!argument.name.empty())
      continue;
    if (!axisRange(call, argument, operand, range)) {
      ok = false;
      continue;
    }
    for (const AxisRange &other : call.over)
      if (other.axis == range.axis || (range.coarse && other.coarse == range.coarse)) {
        diags.error(argument.loc) << "'" << call.text << "' names axis '" << range.axis->name << "' twice";
        ok = false;
      }
    call.over.push_back(range);
  }
  return ok;
}
