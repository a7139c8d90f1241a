// Expressions by precedence climbing: see Parser.h. Every node knows the height of the tree below it; a bound on it
// keeps all later recursion (checking, lowering, destruction) within the stack.
#include "compiler/Frontend/Parser.h"

using namespace moe::frontend;
using llvm::StringRef;

static constexpr unsigned kMaxDepth = 200;

namespace {
struct Level {
  TokenKind token;
  StringRef keyword;
  Operator op;
};
} // namespace

/// Binary operators by level, loosest first; all associate to the left. `**` is handled by parsePower.
static std::optional<Operator> binaryOperator(const Token &token, unsigned level) {
  static const std::vector<Level> table[] = {
      {{TokenKind::Keyword, "or", Operator::Or}},
      {{TokenKind::Keyword, "and", Operator::And}},
      {{TokenKind::EqualEqual, "", Operator::Eq}, {TokenKind::NotEqual, "", Operator::Ne}},
      {{TokenKind::Less, "", Operator::Lt},
       {TokenKind::LessEqual, "", Operator::Le},
       {TokenKind::Greater, "", Operator::Gt},
       {TokenKind::GreaterEqual, "", Operator::Ge}},
      {{TokenKind::Plus, "", Operator::Add}, {TokenKind::Minus, "", Operator::Sub}},
      {{TokenKind::Star, "", Operator::Mul}, {TokenKind::Slash, "", Operator::Div}}};
  for (const Level &entry : table[level])
    if (token.is(entry.token) && (entry.keyword.empty() || token.text == entry.keyword))
      return entry.op;
  return std::nullopt;
}
static constexpr unsigned kLevels = 6;

/// Computes the height of a complete node and checks it.
bool Parser::finish(Expr &expr) {
  for (const ExprPtr &operand : expr.operands)
    expr.depth = std::max(expr.depth, operand->depth + 1);
  for (const Argument &argument : expr.arguments) {
    expr.depth = std::max(expr.depth, argument.value->depth + 1);
    if (argument.coarse)
      expr.depth = std::max(expr.depth, argument.coarse->depth + 1);
  }
  if (expr.depth <= kMaxDepth)
    return true;
  diags.error(expr.loc) << "the expression is nested more than " << kMaxDepth
                        << " levels deep; name a part of it in a statement of its own";
  return false;
}

/// expr ::= or
ExprPtr Parser::parseExpr() { return parseBinary(0); }

/// or         ::= and { 'or' and }
/// and        ::= equality { 'and' equality }
/// equality   ::= comparison { ( '==' | '!=' ) comparison }
/// comparison ::= sum { ( '<' | '<=' | '>' | '>=' ) sum }
/// sum        ::= product { ( '+' | '-' ) product }
/// product    ::= unary { ( '*' | '/' ) unary }
ExprPtr Parser::parseBinary(unsigned level) {
  if (level == kLevels)
    return parseUnary();
  ExprPtr lhs = parseBinary(level + 1);
  while (lhs) {
    Token token = peek();
    auto op = binaryOperator(token, level);
    if (!op)
      return lhs;
    take();
    ExprPtr rhs = parseBinary(level + 1);
    if (!rhs)
      return nullptr;
    auto node = std::make_unique<Expr>();
    node->kind = Expr::Kind::Binary;
    node->loc = token.loc();
    node->op = *op;
    node->operands.push_back(std::move(lhs));
    node->operands.push_back(std::move(rhs));
    if (!finish(*node))
      return nullptr;
    lhs = std::move(node);
  }
  return nullptr;
}

/// unary ::= { '-' | '+' | 'not' } power
ExprPtr Parser::parseUnary() {
  Token token = peek();
  bool minus = token.is(TokenKind::Minus), plus = token.is(TokenKind::Plus), negation = token.isKeyword("not");
  if (!minus && !plus && !negation)
    return parsePower();
  take();
  if (++nesting > kMaxDepth) {
    diags.error(token.loc()) << "the expression is nested more than " << kMaxDepth << " levels deep";
    return nullptr;
  }
  ExprPtr operand = parseUnary();
  --nesting;
  if (!operand || plus)
    return operand;
  auto node = std::make_unique<Expr>();
  node->kind = Expr::Kind::Unary;
  node->loc = token.loc();
  node->op = minus ? Operator::Neg : Operator::Not;
  node->operands.push_back(std::move(operand));
  return finish(*node) ? std::move(node) : nullptr;
}

/// power ::= postfix [ '**' unary ]           (so -x**2 is -(x**2), and x**y**z is x**(y**z))
ExprPtr Parser::parsePower() {
  ExprPtr base = parsePostfix();
  Token token = peek();
  if (!base || !accept(TokenKind::StarStar))
    return base;
  if (++nesting > kMaxDepth) {
    diags.error(token.loc()) << "the expression is nested more than " << kMaxDepth << " levels deep";
    return nullptr;
  }
  ExprPtr exponent = parseUnary();
  --nesting;
  if (!exponent)
    return nullptr;
  auto node = std::make_unique<Expr>();
  node->kind = Expr::Kind::Binary;
  node->loc = token.loc();
  node->op = Operator::Pow;
  node->operands.push_back(std::move(base));
  node->operands.push_back(std::move(exponent));
  return finish(*node) ? std::move(node) : nullptr;
}

/// postfix ::= primary { '[' expr ']' }
ExprPtr Parser::parsePostfix() {
  ExprPtr value = parsePrimary();
  while (value && peek().is(TokenKind::LSquare)) {
    auto node = std::make_unique<Expr>();
    node->kind = Expr::Kind::Gather;
    node->loc = value->loc;
    if (++nesting > kMaxDepth) {
      diags.error(node->loc) << "the expression is nested more than " << kMaxDepth << " levels deep";
      return nullptr;
    }
    open(TokenKind::LSquare, "'['");
    ExprPtr selection = parseExpr();
    --nesting;
    if (!selection || !close(TokenKind::RSquare, "']'"))
      return nullptr;
    node->operands.push_back(std::move(value));
    node->operands.push_back(std::move(selection));
    if (!finish(*node))
      return nullptr;
    value = std::move(node);
  }
  return value;
}

/// primary ::= NUMBER | 'inf' | 'nan' | name | call | '(' expr ')'
ExprPtr Parser::parsePrimary() {
  Token token = peek();
  if (token.is(TokenKind::Name) || token.isKeyword("slot"))
    return parseName();
  if (token.is(TokenKind::Number) || token.isKeyword("inf") || token.isKeyword("nan")) {
    take();
    auto node = std::make_unique<Expr>();
    node->kind = Expr::Kind::Number;
    node->loc = token.loc();
    node->text = token.text;
    return node;
  }
  if (!token.is(TokenKind::LParen)) {
    expected("an expression");
    return nullptr;
  }
  if (++nesting > kMaxDepth) {
    diags.error(token.loc()) << "the expression is nested more than " << kMaxDepth << " levels deep";
    return nullptr;
  }
  open(TokenKind::LParen, "'('");
  ExprPtr inner = parseExpr();
  --nesting;
  return inner && close(TokenKind::RParen, "an operator or ')'") ? std::move(inner) : nullptr;
}

/// name ::= NAME [ '.' ( NAME | 'slot' ) ] | 'slot'
ExprPtr Parser::parseName() {
  Token token = take();
  if (token.is(TokenKind::Name) && peek().is(TokenKind::LParen))
    return parseCall(token);
  auto node = std::make_unique<Expr>();
  node->kind = Expr::Kind::Name;
  node->loc = token.loc();
  node->text = token.text;
  if (token.is(TokenKind::Name) && accept(TokenKind::Dot)) {
    Token member = peek();
    if (!member.is(TokenKind::Name) && !member.isKeyword("slot")) {
      expected("'slot', 'order', 'offset' or 'position'");
      return nullptr;
    }
    take();
    node->kind = Expr::Kind::Member;
    node->member = member.text;
  }
  return node;
}

/// call ::= NAME '(' [ argument { ',' argument } ] ')'
ExprPtr Parser::parseCall(const Token &callee) {
  auto node = std::make_unique<Expr>();
  node->kind = Expr::Kind::Call;
  node->loc = callee.loc();
  node->text = callee.text;
  if (++nesting > kMaxDepth) {
    diags.error(callee.loc()) << "the expression is nested more than " << kMaxDepth << " levels deep";
    return nullptr;
  }
  open(TokenKind::LParen, "'('");
  if (!peek().is(TokenKind::RParen))
    do {
      if (!parseArgument(node->arguments.emplace_back()))
        return nullptr;
    } while (accept(TokenKind::Comma));
  --nesting;
  if (!close(TokenKind::RParen, "',' or ')'"))
    return nullptr;
  return finish(*node) ? std::move(node) : nullptr;
}

/// argument ::= [ NAME '=' [ 'next' ] ] expr [ '->' name ]
bool Parser::parseArgument(Argument &argument) {
  Token token = peek();
  argument.loc = token.loc();
  if (token.is(TokenKind::Name) && peek(1).is(TokenKind::Assign)) {
    // Inside a bracket that was never closed, the next statement looks like a named argument.
    if (token.atLineStart && startsStatement(position))
      return expected("an argument or ')'");
    argument.name = take().text;
    take();
    // `next` before a score is a word; next(...) and a bare next are expressions.
    argument.next = peek().isName("next") && peek(1).is(TokenKind::Name);
    if (argument.next)
      take();
  }
  argument.value = parseExpr();
  if (!argument.value)
    return false;
  if (accept(TokenKind::Arrow)) {
    argument.coarse = parseExpr();
    return argument.coarse != nullptr;
  }
  return true;
}
