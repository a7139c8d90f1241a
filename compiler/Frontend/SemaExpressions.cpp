// Names, operators and the R1 rule: see Sema.h.
#include "compiler/Frontend/Sema.h"
#include <cmath>

using namespace moe::frontend;
using llvm::StringRef;

//===-- Names
//-------------------------------------------------------------------------------------------------------===//

void Sema::reportUnknown(StringRef name, llvm::SMLoc loc, StringRef wanted) {
  if (auto definition = later.find(name); definition != later.end()) {
    auto diag = diags.error(loc);
    diag << "'" << name << "' is used before its definition (R5)";
    diag.attachNote(diags.locate(definition->second)) << "it is defined here; move this line up";
    return;
  }
  if (!reported.insert(name).second)
    return;
  if (const Builtin *builtin = wanted == "a value" ? findBuiltin(name) : nullptr) {
    diags.error(loc) << "'" << name << "' is a function: " << builtin->usage;
    return;
  }
  NearMiss near(name);
  for (const Symbol &symbol : symbols)
    if ((wanted != "an axis" || symbol.kind == Symbol::Kind::Axis) && !symbol.name.empty())
      near.consider(symbol.name);
  diags.error(loc) << "there is no " << wanted.split(' ').second << " '" << name << "'" << near.text();
}

/// The symbol of a name; null after an error, silently when its definition failed.
const Symbol *Sema::lookup(StringRef name, llvm::SMLoc loc, StringRef wanted) {
  auto entry = scope.find(name);
  if (entry == scope.end()) {
    reportUnknown(name, loc, wanted);
    return nullptr;
  }
  return entry->second->kind == Symbol::Kind::Poisoned ? nullptr : entry->second;
}

Type Sema::checkName(Expr &expr) {
  if (expr.text == "slot") {
    diags.error(expr.loc) << "'slot' is an axis, where a value is expected";
    return {};
  }
  const Symbol *symbol = lookup(expr.text, expr.loc, "a value");
  if (!symbol)
    return {};
  if (symbol->kind == Symbol::Kind::Axis) {
    auto diag = diags.error(expr.loc);
    diag << "'" << expr.text << "' is an axis, where a value is expected; size(" << expr.text << ") is its size";
    diag.attachNote(diags.locate(symbol->loc)) << "it is declared here";
    return {};
  }
  if (!symbol->type.axes.empty() && symbol->type.axes[0]->origin == Axis::Origin::Bound) {
    diags.error(expr.loc) << "'" << expr.text << "' says where each '" << symbol->type.axes[0]->within->name
                          << "' begins and is no value of the gate";
    return {};
  }
  expr.symbol = symbol;
  expr.constant = symbol->constant;
  return symbol->type;
}

/// plan.order, plan.offset, plan.position
Type Sema::checkMember(Expr &expr) {
  const Symbol *symbol = lookup(expr.text, expr.loc, "a value");
  if (!symbol)
    return {};
  expr.symbol = symbol;
  const Type &type = symbol->type;
  if (type.kind == Type::Kind::Plan) {
    bool isOrder = expr.member == "order";
    if (isOrder || expr.member == "offset") {
      if (&expr == root && isOutput)
        return Type::array(Element::I32, {isOrder ? type.row : type.bound});
      diags.error(expr.loc) << "'" << expr.text << "." << expr.member << "' can only be written, as in 'output "
                            << expr.member << " = " << expr.text << "." << expr.member << "'";
      return {};
    }
    if (expr.member == "position") {
      llvm::SmallVector<const Axis *, 3> of(type.axes);
      of.push_back(type.slot);
      return Type::array(Element::I32, of);
    }
  }
  auto diag = diags.error(expr.loc);
  if (type.isSelection() && expr.member == "slot")
    diag << "'" << expr.text << ".slot' is an axis, where a value is expected";
  else
    diag << "'" << expr.text << "' has no part '" << expr.member << "'"
         << (type.kind == Type::Kind::Plan ? "; a plan has order, offset and position" : "");
  return {};
}

//===-- Requirements
//------------------------------------------------------------------------------------------------===//

/// Whether a checked expression is an array (not a selection, not a plan); reports it otherwise.
bool Sema::isArray(const Expr &expr, StringRef what) {
  if (expr.type.isArray())
    return true;
  if (expr.type)
    diags.error(expr.loc) << what << " must be an array, and this is " << expr.type.text()
                          << (expr.type.isSelection() ? "; chosen(...) is its 0/1 mask" : "");
  return false;
}

/// A compile-time number; checks the expression.
std::optional<double> Sema::number(Expr &expr, StringRef what) {
  Type type = check(expr);
  if (!type)
    return std::nullopt;
  if (expr.constant)
    return expr.constant->real;
  diags.error(expr.loc) << what << " must be a number known at compile time: literals, consts and sizes of static axes";
  return std::nullopt;
}

/// A compile-time integer of at least `least`; checks the expression.
std::optional<int64_t> Sema::wholeNumber(Expr &expr, StringRef what, int64_t least) {
  if (!number(expr, what))
    return std::nullopt;
  if (!expr.constant->isInteger) {
    diags.error(expr.loc) << what << " must be a whole number, and this is " << expr.constant->text();
    return std::nullopt;
  }
  if (expr.constant->integer < least) {
    diags.error(expr.loc) << what << " must be at least " << least << ", and this is " << expr.constant->text();
    return std::nullopt;
  }
  return expr.constant->integer;
}

/// R1: one operand's axes contain the other's.
std::optional<llvm::SmallVector<const Axis *, 3>> Sema::join(llvm::SMLoc loc, StringRef what,
                                                             llvm::ArrayRef<Expr *> operands) {
  const Expr *big = operands[0];
  for (const Expr *operand : operands.drop_front())
    if (operand->type.axes.size() > big->type.axes.size())
      big = operand;
  for (const Expr *operand : operands)
    for (const Axis *axis : operand->type.axes) {
      if (big->type.has(axis))
        continue;
      auto diag = diags.error(loc);
      diag << "'" << what << "' combines " << axesText(big->type.axes) << " and " << axesText(operand->type.axes)
           << "; the axes of one must contain the other's (R1)";
      for (const Axis *fine : big->type.axes)
        if (axis->coarsens(fine) && axis->origin != Axis::Origin::Bucket)
          diag << "; expand(x, " << axis->name << " -> " << fine->name << ") refines the coarse one";
      diag.attachNote(diags.locate(big->loc)) << "this has the axes " << axesText(big->type.axes);
      diag.attachNote(diags.locate(operand->loc)) << "this has the axes " << axesText(operand->type.axes);
      return std::nullopt;
    }
  return big->type.axes;
}

//===-- Operators
//---------------------------------------------------------------------------------------------------===//

Type Sema::arithmetic(Expr &expr, llvm::ArrayRef<Expr *> operands, Element element, StringRef what) {
  for (Expr *operand : operands)
    if (!isArray(*operand, ("an operand of '" + what + "'").str()))
      return {};
  auto of = join(expr.loc, what, operands);
  return of ? Type::array(element, *of) : Type();
}

Type Sema::checkUnary(Expr &expr) {
  Expr &operand = *expr.operands[0];
  if (!check(operand))
    return {};
  if (expr.op == Operator::Not) {
    if (!isArray(operand, "the operand of 'not'"))
      return {};
    if (operand.type.element == Element::Bool)
      return operand.type;
    diags.error(operand.loc) << "'not' takes bool, and this is " << operand.type.text()
                             << "; it binds tighter than comparisons: write not (a < b)";
    return {};
  }
  if (operand.constant) {
    expr.constant = operand.constant->isInteger ? fold(Operator::Sub, Constant::of(int64_t(0)), *operand.constant)
                                                : std::optional(Constant::of(-operand.constant->real));
    return Type::array(expr.constant && expr.constant->isInteger ? Element::I32 : Element::F32);
  }
  return arithmetic(expr, {&operand}, Element::F32, "-");
}

Type Sema::checkBinary(Expr &expr) {
  Expr &lhs = *expr.operands[0], &rhs = *expr.operands[1];
  Type a = check(lhs), b = check(rhs);
  if (!a || !b)
    return {};
  StringRef sign = spelling(expr.op);
  if (expr.op == Operator::And || expr.op == Operator::Or) {
    for (Expr *operand : {&lhs, &rhs})
      if (operand->type.isArray() && operand->type.element != Element::Bool) {
        diags.error(operand->loc) << "'" << sign << "' takes bool, and this is " << operand->type.text();
        return {};
      }
    return arithmetic(expr, {&lhs, &rhs}, Element::Bool, sign);
  }
  if (expr.op >= Operator::Eq && expr.op <= Operator::Ge) {
    if (a.isArray() && b.isArray() && (a.element == Element::Bool) != (b.element == Element::Bool)) {
      diags.error(expr.loc) << "'" << sign << "' compares " << a.text() << " with " << b.text()
                            << "; chained comparisons are written a < b and b < c";
      return {};
    }
    return arithmetic(expr, {&lhs, &rhs}, Element::Bool, sign);
  }
  if (lhs.constant && rhs.constant) {
    expr.constant = fold(expr.op, *lhs.constant, *rhs.constant);
    if (!expr.constant) {
      diags.error(expr.loc) << "the integer " << lhs.constant->text() << " " << sign << " " << rhs.constant->text()
                            << " does not fit in 64 bits";
      return {};
    }
    return Type::array(expr.constant->isInteger ? Element::I32 : Element::F32);
  }
  return arithmetic(expr, {&lhs, &rhs}, Element::F32, sign);
}

/// x[route]: the values of the selected elements, on the selection's batch axes and its slots.
Type Sema::checkGather(Expr &expr) {
  Expr &value = *expr.operands[0], &by = *expr.operands[1];
  Type x = check(value), route = check(by);
  if (!x || !route || !isArray(value, "what is gathered from"))
    return {};
  if (!route.isSelection()) {
    diags.error(by.loc) << "the index of x[...] must be a selection, and this is " << route.text();
    return {};
  }
  if (!x.has(route.selected)) {
    diags.error(value.loc) << "the selection picks along axis '" << route.selected->name
                           << "', which this value lacks: it is " << x.text();
    return {};
  }
  for (const Axis *axis : x.axes)
    if (axis != route.selected && !route.has(axis)) {
      diags.error(value.loc) << "this value has axis '" << axis->name << "', which the selection lacks: it is "
                             << route.text();
      return {};
    }
  Type result = Type::array(x.element, route.axes);
  result.axes.push_back(route.slot);
  return result;
}

Type Sema::checkUncached(Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Number: {
    expr.constant = expr.text == "inf"   ? std::optional(Constant::of(std::numeric_limits<double>::infinity()))
                    : expr.text == "nan" ? std::optional(Constant::of(std::numeric_limits<double>::quiet_NaN()))
                                         : parseConstant(expr.text);
    return Type::array(expr.constant->isInteger ? Element::I32 : Element::F32);
  }
  case Expr::Kind::Name:
    return checkName(expr);
  case Expr::Kind::Member:
    return checkMember(expr);
  case Expr::Kind::Unary:
    return checkUnary(expr);
  case Expr::Kind::Binary:
    return checkBinary(expr);
  case Expr::Kind::Call:
    return checkCall(expr);
  case Expr::Kind::Gather:
    return checkGather(expr);
  }
  return {};
}

/// The type of an expression, noted in it; invalid after an error. No array has the layers behind the tokens.
Type Sema::check(Expr &expr) {
  expr.type = checkUncached(expr);
  const auto *layer = llvm::find_if(expr.type.axes, [](const Axis *axis) { return axis->isLayer; });
  const auto *token = llvm::find_if(expr.type.axes, [](const Axis *axis) { return !axis->size; });
  if (layer == expr.type.axes.end() || token == expr.type.axes.end() || layer < token)
    return expr.type;
  auto diag = diags.error(expr.loc);
  diag << "this would be " << expr.type.text() << ", and '" << (*layer)->name
       << "' is an axis of layers, which stands before '" << (*token)->name << "'";
  diag.attachNote(diags.locate(layerLoc)) << "here it does";
  return expr.type = {};
}
