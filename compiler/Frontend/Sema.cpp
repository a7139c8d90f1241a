// Checks of statements: see Sema.h.
#include "compiler/Frontend/Sema.h"

using namespace moe::frontend;
using llvm::StringRef;

//===-- Names
//-------------------------------------------------------------------------------------------------------===//

/// R5: each name is defined once. Null when it is defined already.
Symbol *Sema::define(Statement &statement, Symbol::Kind kind) {
  Symbol &symbol = symbols.emplace_back();
  symbol.kind = kind;
  symbol.name = statement.name;
  symbol.loc = statement.nameLoc;
  auto [entry, isNew] = scope.try_emplace(statement.name, &symbol);
  if (isNew)
    return &symbol;
  if (entry->second->kind == Symbol::Kind::Poisoned && !entry->second->loc.isValid()) {
    entry->second = &symbol; // the first definition could not be parsed: this one is as good
    return &symbol;
  }
  auto diag = diags.error(statement.nameLoc);
  diag << "'" << statement.name << "' is defined twice; each name is defined once (R5)";
  diag.attachNote(diags.locate(entry->second->loc)) << "the first definition is here";
  return nullptr;
}

void Sema::run() {
  for (StringRef name : gate.poisoned)
    scope.try_emplace(name, &symbols.emplace_back());
  for (const Statement &statement : gate.statements)
    if (!statement.name.empty() && statement.kind != Statement::Kind::Update &&
        (statement.kind != Statement::Kind::Output || statement.value))
      later.try_emplace(statement.name, statement.nameLoc);
  findLayers();
  for (Statement &statement : gate.statements) {
    if (diags.tooMany(statement.loc))
      return;
    checkStatement(statement);
  }
  checkByInputs();
  checkOptions();
}

void Sema::checkStatement(Statement &statement) {
  using Kind = Statement::Kind;
  root = statement.value.get();
  isOutput = statement.kind == Kind::Output;
  rootName = statement.name;
  if (statement.kind == Kind::Update || statement.kind == Kind::Mask || statement.kind == Kind::Gradient) {
    statement.ok = statement.kind == Kind::Update ? checkUpdate(statement)
                   : statement.kind == Kind::Mask ? checkMask(statement)
                                                  : checkGradient(statement);
    return;
  }
  if (statement.kind == Kind::Output && !statement.value) {
    statement.ok = checkBareOutput(statement);
    return;
  }
  struct Entry {
    Kind kind;
    Symbol::Kind symbol;
    bool (Sema::*check)(Statement &, Symbol &);
  };
  static constexpr Entry table[] = {
      {Kind::Axis, Symbol::Kind::Axis, &Sema::checkAxis},      {Kind::Const, Symbol::Kind::Const, &Sema::checkConst},
      {Kind::Param, Symbol::Kind::Param, &Sema::checkParam},   {Kind::Input, Symbol::Kind::Input, &Sema::checkInput},
      {Kind::State, Symbol::Kind::State, &Sema::checkState},   {Kind::Value, Symbol::Kind::Value, &Sema::checkValue},
      {Kind::Loss, Symbol::Kind::Loss, &Sema::checkLoss},      {Kind::Metric, Symbol::Kind::Metric, &Sema::checkMetric},
      {Kind::Output, Symbol::Kind::Output, &Sema::checkOutput}};
  const Entry &entry = *llvm::find_if(table, [&](const Entry &e) { return e.kind == statement.kind; });
  // The expression cannot see the name that it defines, so it is checked first.
  Symbol draft;
  draft.kind = entry.symbol;
  draft.name = statement.name;
  draft.loc = statement.nameLoc;
  bool ok = (this->*entry.check)(statement, draft);
  Symbol *symbol = define(statement, entry.symbol);
  if (!symbol)
    return;
  statement.ok = ok;
  *symbol = draft;
  if (!ok)
    symbol->kind = Symbol::Kind::Poisoned;
  statement.symbol = symbol;
}

//===-- Values
//------------------------------------------------------------------------------------------------------===//

bool Sema::checkValue(Statement &statement, Symbol &symbol) {
  symbol.type = check(*statement.value);
  symbol.constant = statement.value->constant;
  return static_cast<bool>(symbol.type);
}

bool Sema::checkConst(Statement &statement, Symbol &symbol) {
  auto value = number(*statement.value, "a const");
  if (!value)
    return false;
  symbol.constant = statement.value->constant;
  if (auto define = options.defines.find(statement.name.str()); define != options.defines.end()) {
    auto given = parseConstant(define->second);
    if (!given) {
      diags.error(statement.nameLoc) << "-D " << define->first << "=" << define->second << ": '" << define->second
                                     << "' is not a number";
      return false;
    }
    if (symbol.constant->isInteger && !given->isInteger) {
      diags.error(statement.nameLoc) << "-D " << define->first << "=" << define->second << ": '" << define->first
                                     << "' is a whole number, " << symbol.constant->text() << " by default";
      return false;
    }
    symbol.constant = given;
  }
  symbol.type = Type::array(symbol.constant->isInteger ? Element::I32 : Element::F32);
  return true;
}

bool Sema::checkParam(Statement &statement, Symbol &symbol) {
  const TypeSpec &spec = *statement.type;
  bool ok = true;
  if ((spec.element != "f32" && spec.element != "float") || !spec.dims.empty()) {
    diags.error(spec.loc) << "a param is a run-time scalar of type f32"
                          << (spec.dims.empty() ? "" : "; declare an array as an input");
    ok = false;
  }
  symbol.type = Type::array(Element::F32);
  return number(*statement.value, "the default of a param") && ok;
}

bool Sema::checkInput(Statement &statement, Symbol &symbol) {
  StringRef element = statement.type->element;
  symbol.storage = element.str();
  auto type = checkType(*statement.type, element);
  if (auto chosen = options.dtypes.find(statement.name.str()); chosen != options.dtypes.end()) {
    const std::string &storage = chosen->second;
    if (element != "float") {
      diags.error(statement.type->loc) << "--dtype " << chosen->first << "=" << storage << ": '" << chosen->first
                                       << "' is declared " << element
                                       << "; only inputs declared float take a type from the command line";
      return false;
    }
    if (storage != "f32" && storage != "bf16" && storage != "f16") {
      diags.error(statement.type->loc) << "--dtype " << chosen->first << "=" << storage
                                       << ": expected f32, bf16 or f16";
      return false;
    }
    symbol.storage = storage;
  } else if (element == "float") {
    symbol.storage = "f32";
  }
  if (!type || !checkLayers(statement, *type))
    return false;
  symbol.type = *type;
  return true;
}

bool Sema::checkState(Statement &statement, Symbol &symbol) {
  auto type = checkType(*statement.type, statement.type->element);
  auto init = number(*statement.value, "the initial value of a state");
  if (!type || !init)
    return false;
  StringRef element = statement.type->element;
  if (element != "f32" && element != "float" && element != "i32" && element != "i64") {
    diags.error(statement.type->loc) << "a state is kept as f32, i32 or i64, not as " << element;
    return false;
  }
  if (type->element != Element::F32 && !statement.value->constant->isInteger) {
    diags.error(statement.value->loc) << "a state of type " << element << " begins with a whole number, and this is "
                                      << statement.value->constant->text();
    return false;
  }
  for (const Axis *axis : type->axes)
    if (!axis->size) {
      diags.error(statement.type->loc) << "a state lives from call to call and cannot have the run-time axis '"
                                       << axis->name << "'";
      return false;
    }
  symbol.type = *type;
  return true;
}

/// R6: a loss is a scalar.
bool Sema::checkLoss(Statement &statement, Symbol &symbol) {
  if (!checkValue(statement, symbol) || !isArray(*statement.value, "a loss"))
    return false;
  if (symbol.type.axes.empty())
    return true;
  diags.error(statement.value->loc) << "a loss is a scalar (R6), but this has the axes " << axesText(symbol.type.axes)
                                    << "; reduce it, as in sum(x) or mean(x)";
  symbol.type = Type::array(Element::F32); // the name stays usable
  return true;
}

bool Sema::checkMetric(Statement &statement, Symbol &symbol) {
  if (!checkValue(statement, symbol) || !isArray(*statement.value, "a metric"))
    return false;
  for (const Axis *axis : symbol.type.axes)
    if (!axis->size) {
      diags.error(statement.value->loc) << "a metric cannot have the run-time axis '" << axis->name
                                        << "'; reduce over it, or make this an output";
      return false;
    }
  return true;
}

//===-- Outputs
//-----------------------------------------------------------------------------------------------------===//

bool Sema::checkOutputType(Statement &statement, const Type &value) {
  if (value.kind == Type::Kind::Plan) {
    diags.error(statement.nameLoc) << "a dispatch plan is written piece by piece, as in 'output order = plan.order'";
    return false;
  }
  if (!statement.type)
    return true;
  StringRef element = statement.type->element;
  if (element == "bitmap")
    return checkBitmap(statement, value);
  bool isFloat = element == "f32" || element == "bf16" || element == "f16";
  bool isInteger = element == "i16" || element == "i32" || element == "i64";
  if (!isFloat && !isInteger && element != "bool") {
    NearMiss near(element);
    for (StringRef name : {"f32", "bf16", "f16", "i16", "i32", "i64", "bool", "bitmap"})
      near.consider(name);
    diags.error(statement.type->loc) << "'" << element
                                     << "' is not a type of outputs (f32, bf16, f16, i16, i32, i64, bool, bitmap)"
                                     << near.text();
    return false;
  }
  if (value.isSelection() && element == "i16" && value.indices > INT16_MAX + 1) {
    diags.error(statement.type->loc) << "indices up to " << value.indices - 1 << " do not fit in i16";
    return false;
  }
  bool fits = value.isSelection()             ? isInteger
              : value.element == Element::F32 ? isFloat
                                              : value.element == Element::Bool || element != "bool";
  if (!fits)
    diags.error(statement.type->loc) << "an output of type " << element << " cannot hold " << value.text()
                                     << (value.isSelection() ? "; its indices are i16, i32 or i64" : "");
  return fits;
}

/// A bit for each element of the last axis: i32 words on an axis made here.
bool Sema::checkBitmap(Statement &statement, const Type &value) {
  const Axis *last = value.isArray() && !value.axes.empty() ? value.axes.back() : nullptr;
  StringRef problem = !value.isArray() || value.element != Element::Bool || !last
                          ? "a bitmap holds a bool for each element of its last axis, as in chosen(route)"
                      : !last->size ? "the last axis of a bitmap has a compile-time size"
                      : last->origin == Axis::Origin::Slot && *last->size > 32
                          ? "a bitmap of slots is one word, for 32 of them at most"
                          : "";
  if (problem.empty()) {
    statement.axis = makeWords(last, statement.nameLoc);
    return true;
  }
  diags.error(statement.type->loc) << problem << ", and this is " << value.text();
  return false;
}

bool Sema::checkOutput(Statement &statement, Symbol &symbol) {
  outputs.try_emplace(statement.name, statement.nameLoc);
  return checkValue(statement, symbol) && checkOutputType(statement, symbol.type);
}

bool Sema::checkBareOutput(Statement &statement) {
  const Symbol *symbol = lookup(statement.name, statement.nameLoc, "a value");
  if (!symbol)
    return false;
  auto [previous, isNew] = outputs.try_emplace(statement.name, statement.nameLoc);
  if (!isNew) {
    auto diag = diags.error(statement.nameLoc);
    diag << "'" << statement.name << "' is an output already (R5)";
    diag.attachNote(diags.locate(previous->second)) << "the first one is here";
    return false;
  }
  StringRef problem =
      symbol->kind == Symbol::Kind::Axis     ? "an axis, not a value"
      : symbol->kind == Symbol::Kind::Loss   ? "a loss and reported as such already"
      : symbol->kind == Symbol::Kind::Metric ? "a metric and reported as such already"
      : symbol->kind == Symbol::Kind::Input || symbol->kind == Symbol::Kind::Param ||
              symbol->kind == Symbol::Kind::State
          ? "passed in by the caller; an output needs a name of its own, as in 'output NAME = expression' (R5)"
          : "";
  if (!problem.empty()) {
    diags.error(statement.nameLoc) << "'" << statement.name << "' is " << problem;
    return false;
  }
  statement.symbol = const_cast<Symbol *>(symbol);
  return checkOutputType(statement, symbol->type);
}

//===-- Update, mask, gradient
//--------------------------------------------------------------------------------------===//

bool Sema::checkUpdate(Statement &statement) {
  const Symbol *symbol = lookup(statement.name, statement.nameLoc, "a state");
  Type value = check(*statement.value);
  if (!symbol || !value)
    return false;
  if (symbol->kind != Symbol::Kind::State) {
    auto diag = diags.error(statement.nameLoc);
    diag << "'" << statement.name << "' is not a state; only states are updated";
    diag.attachNote(diags.locate(symbol->loc)) << "it is defined here";
    return false;
  }
  if (!isArray(*statement.value, "the new value of a state"))
    return false;
  for (const Axis *axis : value.axes)
    if (!symbol->type.has(axis)) {
      diags.error(statement.value->loc) << "the new value has axis '" << axis->name << "', which the state '"
                                        << statement.name << "' lacks: it has " << axesText(symbol->type.axes);
      return false;
    }
  const std::optional<Constant> &constant = statement.value->constant;
  bool isTooBig = constant && constant->isInteger && !llvm::isInt<32>(constant->integer);
  Element element = isTooBig ? Element::I64 : value.element;
  if (symbol->type.element != Element::F32 && element > symbol->type.element) { // Bool < I32 < I64 < F32
    diags.error(statement.value->loc) << "the new value is " << Type::array(element, value.axes).text()
                                      << ", and the state '" << statement.name << "' is kept as "
                                      << elementText(symbol->type.element);
    return false;
  }
  statement.symbol = const_cast<Symbol *>(symbol);
  return isOnlyOne(updates, statement, statement.name, "this state is updated");
}

bool Sema::isOnlyOne(llvm::StringMap<llvm::SMLoc> &seen, const Statement &statement, StringRef key, StringRef what) {
  auto [first, isNew] = seen.try_emplace(key, statement.loc);
  if (isNew)
    return true;
  auto diag = diags.error(statement.loc);
  diag << what << " already; that happens once";
  diag.attachNote(diags.locate(first->second)) << "it happens here";
  return false;
}

/// R4: what a mask removes counts in nothing.
bool Sema::checkMask(Statement &statement) {
  const Symbol *axis = lookup(statement.of, statement.ofLoc, "an axis");
  Type by = check(*statement.by);
  if (!axis || !by)
    return false;
  if (axis->kind != Symbol::Kind::Axis) {
    diags.error(statement.ofLoc) << "'" << statement.of << "' is not an axis; a mask removes elements of an axis (R4)";
    return false;
  }
  if (!by.isArray() || by.element != Element::Bool || by.axes.size() != 1 || by.axes[0] != axis->axis) {
    diags.error(statement.by->loc) << "the mask of axis '" << statement.of << "' must be bool [" << statement.of
                                   << "], and this is " << by.text() << " (R4)";
    return false;
  }
  if (axis->axis->origin != Axis::Origin::RunTime) {
    diags.error(statement.ofLoc) << "a mask removes tokens, and '" << statement.of
                                 << "' is no axis of run-time size; where(...) chooses elements of others (R4)";
    return false;
  }
  if (!statement.by->symbol || statement.by->symbol->kind != Symbol::Kind::Input) {
    diags.error(statement.by->loc) << "a mask is an input of type bool[" << statement.of
                                   << "], since it holds for the whole gate (R4)";
    return false;
  }
  return isOnlyOne(updates, statement, "", "the tokens are masked");
}

bool Sema::checkGradient(Statement &statement) {
  bool ok = true;
  for (const ExprPtr &item : statement.list) {
    if (item->kind != Expr::Kind::Name) {
      diags.error(item->loc) << "expected the name of an input or a param";
      ok = false;
      continue;
    }
    const Symbol *symbol = lookup(item->text, item->loc, "an input or a param");
    if (!symbol) {
      ok = false;
    } else if ((symbol->kind != Symbol::Kind::Input && symbol->kind != Symbol::Kind::Param) ||
               symbol->type.element != Element::F32) {
      diags.error(item->loc) << "'" << item->text
                             << "' is neither a float input nor a param; gradients are made for those";
      ok = false;
    }
  }
  return ok;
}

//===-- Command line
//------------------------------------------------------------------------------------------------===//

/// Every -D names a const, every --dtype an input.
void Sema::checkOptions() {
  auto checkNames = [&](const std::map<std::string, std::string> &given, StringRef flag, Symbol::Kind kind,
                        StringRef what) {
    for (auto &[name, value] : given) {
      auto entry = scope.find(name);
      if (entry != scope.end() && (entry->second->kind == kind || entry->second->kind == Symbol::Kind::Poisoned))
        continue;
      NearMiss near(name);
      for (const Symbol &symbol : symbols)
        if (symbol.kind == kind)
          near.consider(symbol.name);
      diags.error(gate.loc) << flag << " " << name << "=" << value << ": gate '" << gate.name << "' has no " << what
                            << " '" << name << "'" << near.text();
    }
  };
  checkNames(options.defines, "-D", Symbol::Kind::Const, "const");
  checkNames(options.dtypes, "--dtype", Symbol::Kind::Input, "input");
}
