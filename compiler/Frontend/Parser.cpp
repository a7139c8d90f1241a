// Statements, and the token handling under them: see Parser.h.
#include "compiler/Frontend/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace moe::frontend;
using llvm::StringRef;

//===-- Tokens
//------------------------------------------------------------------------------------------------------===//

/// The token `ahead` of the current one; EndOfStatement where a line ends outside brackets.
Token Parser::peek(unsigned ahead) const {
  for (size_t i = position; i <= position + ahead; ++i) {
    const Token &token = tokens[std::min(i, tokens.size() - 1)];
    if (token.is(TokenKind::EndOfFile) || (brackets.empty() && token.atLineStart && i > start))
      return {token.is(TokenKind::EndOfFile) ? TokenKind::EndOfFile : TokenKind::EndOfStatement,
              token.text.take_front(0), true};
  }
  return tokens[position + ahead];
}

Token Parser::take() {
  Token token = peek();
  if (!token.is(TokenKind::EndOfFile) && !token.is(TokenKind::EndOfStatement))
    ++position;
  return token;
}

bool Parser::accept(TokenKind kind) {
  if (!peek().is(kind))
    return false;
  take();
  return true;
}

/// Reports that something else was expected here. Always false.
bool Parser::expected(StringRef what) {
  Token token = peek();
  if (token.is(TokenKind::Invalid))
    return false;
  // At a line's end the caret belongs behind the last token, not on the next line.
  bool nextStatement = token.atLineStart && !brackets.empty() && startsStatement(position);
  bool atEnd = nextStatement || token.is(TokenKind::EndOfStatement) || token.is(TokenKind::EndOfFile);
  llvm::SMLoc loc = token.loc();
  if (atEnd && position > 0)
    loc = llvm::SMLoc::getFromPointer(tokens[position - 1].text.end());
  auto diag = diags.error(loc);
  diag << "expected " << what << ", found ";
  if (token.is(TokenKind::EndOfFile))
    diag << "the end of the file";
  else if (token.is(TokenKind::EndOfStatement))
    diag << "the end of the line";
  else if (nextStatement)
    diag << "the next statement";
  else
    diag << "'" << token.text << "'"
         << (token.is(TokenKind::Keyword) && what.contains("name") ? ", which is a reserved word" : "");
  if (!brackets.empty() && (atEnd || token.atLineStart))
    diag.attachNote(diags.locate(brackets.back().loc())) << "this '" << brackets.back().text << "' is still open";
  return false;
}

bool Parser::expect(TokenKind kind, StringRef what) { return accept(kind) || expected(what); }

bool Parser::open(TokenKind kind, StringRef what) {
  if (!peek().is(kind))
    return expected(what);
  brackets.push_back(peek());
  ++position;
  return true;
}

bool Parser::close(TokenKind kind, StringRef what) {
  if (!peek().is(kind))
    return expected(what);
  ++position;
  brackets.pop_back();
  return true;
}

bool Parser::expectEnd() {
  Token token = peek();
  if (token.is(TokenKind::EndOfStatement) || token.is(TokenKind::EndOfFile) || token.is(TokenKind::RBrace))
    return true;
  return expected("an operator or the end of the line");
}

//===-- Gate
//--------------------------------------------------------------------------------------------------------===//

/// file ::= gate
/// gate ::= 'gate' NAME '{' { statement } '}'
std::unique_ptr<Gate> Parser::parseGate() {
  auto gate = std::make_unique<Gate>();
  for (const Token &token : tokens)
    if (token.is(TokenKind::Name))
      gate->words.push_back(token.text);
  if (!peek().isKeyword("gate")) {
    bool mlir = peek().isName("module") || peek().isName("builtin");
    expected(mlir ? "'gate NAME {'; MLIR has its place in a file that ends in .mlir"
                  : "'gate NAME {'; a spec is one gate");
    return nullptr;
  }
  take();
  Token name = peek();
  gate->loc = name.loc();
  if (!parseName("the gate", gate->name, gate->loc))
    return nullptr;
  start = position; // the brace may stand on a line of its own
  Token brace = peek();
  if (!expect(TokenKind::LBrace, "'{'"))
    return nullptr;
  parseBody(*gate, brace);
  return gate;
}

void Parser::parseBody(Gate &gate, const Token &brace) {
  for (;;) {
    start = position;
    brackets.clear();
    nesting = 0;
    Token token = peek();
    if (token.is(TokenKind::EndOfFile)) {
      auto diag = diags.error(token.loc());
      diag << "expected '}' at the end of the gate";
      diag.attachNote(diags.locate(brace.loc())) << "the gate begins here";
      return;
    }
    if (diags.tooMany(token.loc()))
      return;
    if (accept(TokenKind::RBrace))
      break;
    Statement statement;
    statement.loc = token.loc();
    if (parseStatement(statement) && expectEnd()) {
      gate.statements.push_back(std::move(statement));
      continue;
    }
    recover(gate, statement);
  }
  start = position;
  if (!peek().is(TokenKind::EndOfFile))
    expected("the end of the file; a spec is one gate");
}

/// Skips to the next statement, which begins on a line of its own.
void Parser::recover(Gate &gate, const Statement &statement) {
  if (!statement.name.empty())
    gate.poisoned.push_back(statement.name);
  int64_t depth = brackets.size();
  for (; !tokens[position].is(TokenKind::EndOfFile); ++position) {
    const Token &token = tokens[position];
    if (token.is(TokenKind::RBrace) ||
        (position > start && token.atLineStart && (depth <= 0 || startsStatement(position))))
      return;
    if (token.is(TokenKind::LParen) || token.is(TokenKind::LSquare))
      ++depth;
    if (token.is(TokenKind::RParen) || token.is(TokenKind::RSquare))
      --depth;
  }
}

/// Whether the line of `index` reads like a statement, even inside a bracket that was never closed.
bool Parser::startsStatement(size_t index) const {
  static constexpr StringRef arguments[] = {"among",    "capacity", "over", "order",  "priority",
                                            "overflow", "rounds",   "per",  "exempt", "pad"};
  const Token &token = tokens[index], &next = tokens[std::min(index + 1, tokens.size() - 1)];
  if (token.is(TokenKind::Keyword))
    return llvm::is_contained(statementKeywords(), token.text) && next.is(TokenKind::Name);
  return token.is(TokenKind::Name) && next.is(TokenKind::Assign) && !llvm::is_contained(arguments, token.text);
}

//===-- Statements
//--------------------------------------------------------------------------------------------------===//

/// The source from one position to another on one line, comments and runs of blanks removed.
static std::string oneLine(const char *begin, const char *end) {
  std::string out;
  for (const char *c = begin; c < end; ++c) {
    if (*c == '#')
      while (c < end && *c != '\n')
        ++c;
    if (c >= end)
      break;
    bool closes = *c == ')' || *c == ']';
    if (closes && !out.empty() && out.back() == ' ')
      out.pop_back();
    if (!llvm::isSpace(*c))
      out.push_back(*c);
    else if (!out.empty() && out.back() != ' ' && out.back() != '(' && out.back() != '[')
      out.push_back(' ');
  }
  return StringRef(out).rtrim().str();
}

/// statement ::= axis | const | param | input | state | value | loss | metric | update | output | mask | gradient
/// const     ::= 'const' NAME '=' expr
/// value     ::= NAME '=' expr
/// loss      ::= 'loss' NAME '=' expr
/// metric    ::= 'metric' NAME '=' expr
/// update    ::= 'update' NAME '=' expr
bool Parser::parseStatement(Statement &statement) {
  using Kind = Statement::Kind;
  static constexpr std::pair<StringRef, Kind> table[] = {
      {"axis", Kind::Axis},     {"const", Kind::Const}, {"param", Kind::Param},      {"input", Kind::Input},
      {"state", Kind::State},   {"loss", Kind::Loss},   {"metric", Kind::Metric},    {"update", Kind::Update},
      {"output", Kind::Output}, {"mask", Kind::Mask},   {"gradient", Kind::Gradient}};
  Token first = peek();
  statement.kind = Kind::Value;
  if (first.is(TokenKind::Keyword)) {
    auto *entry = llvm::find_if(table, [&](auto &e) { return e.first == first.text; });
    if (entry == std::end(table))
      return expected("a statement");
    statement.kind = entry->second;
    take();
  } else if (!first.is(TokenKind::Name)) {
    return expected("a statement");
  } else if (peek(1).is(TokenKind::Name)) {
    return unknownStatement();
  }
  bool ok = false;
  switch (statement.kind) {
  case Kind::Axis:
    ok = parseAxis(statement);
    break;
  case Kind::Param:
  case Kind::State:
    ok = parseTyped(statement, /*needsInit=*/true);
    break;
  case Kind::Input:
    ok = parseTyped(statement, /*needsInit=*/false);
    break;
  case Kind::Output:
    ok = parseOutput(statement);
    break;
  case Kind::Mask:
    ok = parseMask(statement);
    break;
  case Kind::Gradient:
    ok = parseGradient(statement);
    break;
  default:
    ok = parseAssignment(statement);
    break;
  }
  if (ok)
    statement.text = oneLine(tokens[start].text.begin(), tokens[position - 1].text.end());
  return ok;
}

/// Two names side by side: most likely a misspelt keyword.
bool Parser::unknownStatement() {
  Token word = peek();
  NearMiss near(word.text);
  for (StringRef keyword : statementKeywords())
    near.consider(keyword);
  diags.error(word.loc()) << "'" << word.text << "' does not begin a statement" << near.text();
  return false;
}

bool Parser::parseName(StringRef what, StringRef &name, llvm::SMLoc &loc) {
  Token token = peek();
  if (!token.is(TokenKind::Name))
    return expected(("a name for " + what).str());
  name = token.text;
  loc = token.loc();
  take();
  return true;
}

/// NAME '=' expr
bool Parser::parseAssignment(Statement &statement) {
  if (!parseName("the value", statement.name, statement.nameLoc) || !expect(TokenKind::Assign, "'='"))
    return false;
  statement.value = parseExpr();
  return statement.value != nullptr;
}

/// axis ::= 'axis' NAME [ '[' expr ']' ] [ 'of' NAME [ '=' '[' expr { ',' expr } ']' | 'by' expr ] ]
bool Parser::parseAxis(Statement &statement) {
  if (!parseName("the axis", statement.name, statement.nameLoc))
    return false;
  if (peek().is(TokenKind::LSquare)) {
    open(TokenKind::LSquare, "'['");
    statement.size = parseExpr();
    if (!statement.size || !close(TokenKind::RSquare, "']'"))
      return false;
  }
  if (!peek().isName("of"))
    return true;
  take();
  Token finer = peek();
  statement.ofLoc = finer.loc();
  if (!finer.is(TokenKind::Name))
    return expected("the name of the axis that this one groups");
  statement.of = finer.text;
  take();
  if (peek().isName("by")) {
    take();
    statement.by = parseExpr();
    return statement.by != nullptr;
  }
  if (!accept(TokenKind::Assign))
    return true;
  statement.hasMap = true;
  if (!open(TokenKind::LSquare, "'[' and one group number for each element"))
    return false;
  do {
    statement.map.push_back(parseExpr());
    if (!statement.map.back())
      return false;
  } while (accept(TokenKind::Comma));
  return close(TokenKind::RSquare, "',' or ']'");
}

/// type ::= ELEMENT [ '[' dim { ',' dim } ']' ]
bool Parser::parseType(TypeSpec &type) {
  Token element = peek();
  if (!element.is(TokenKind::Name))
    return expected("a type (f32, bf16, f16, float, i32, i64 or bool)");
  type.element = element.text;
  type.loc = element.loc();
  take();
  if (!peek().is(TokenKind::LSquare))
    return true;
  open(TokenKind::LSquare, "'['");
  do {
    if (!parseDim(type.dims.emplace_back()))
      return false;
  } while (accept(TokenKind::Comma));
  return close(TokenKind::RSquare, "',' or ']'");
}

/// dim ::= NAME [ '.' 'slot' ] [ '+' '1' ]
bool Parser::parseDim(TypeSpec::Dim &dim) {
  Token axis = peek();
  dim.loc = axis.loc();
  if (!axis.is(TokenKind::Name))
    return expected("the name of an axis");
  dim.axis = axis.text;
  take();
  if (accept(TokenKind::Dot)) {
    if (!peek().isKeyword("slot"))
      return expected("'slot'");
    dim.member = take().text;
  }
  if (!accept(TokenKind::Plus))
    return true;
  if (!peek().is(TokenKind::Number) || peek().text != "1")
    return expected("1 (only 'axis + 1' is allowed here, for offsets)");
  take();
  return dim.plusOne = true;
}

/// param ::= 'param' NAME ':' type '=' expr
/// state ::= 'state' NAME ':' type '=' expr
/// input ::= 'input' NAME ':' type
bool Parser::parseTyped(Statement &statement, bool needsInit) {
  if (!parseName("it", statement.name, statement.nameLoc) || !expect(TokenKind::Colon, "':' and a type") ||
      !parseType(statement.type.emplace()))
    return false;
  if (!needsInit)
    return true;
  if (!expect(TokenKind::Assign, "'=' and an initial value"))
    return false;
  statement.value = parseExpr();
  return statement.value != nullptr;
}

/// output ::= 'output' NAME [ ':' ELEMENT ] [ '=' expr ]
bool Parser::parseOutput(Statement &statement) {
  if (!parseName("the output", statement.name, statement.nameLoc))
    return false;
  if (accept(TokenKind::Colon)) {
    if (!parseType(statement.type.emplace()))
      return false;
    if (!statement.type->dims.empty()) {
      diags.error(statement.type->loc) << "an output's axes are those of its value; write only the element type";
      return false;
    }
  }
  if (!accept(TokenKind::Assign))
    return true;
  statement.value = parseExpr();
  return statement.value != nullptr;
}

/// mask ::= 'mask' NAME 'by' NAME
bool Parser::parseMask(Statement &statement) {
  StringRef axis;
  if (!parseName("the masked axis", axis, statement.nameLoc))
    return false;
  statement.of = axis;
  statement.ofLoc = statement.nameLoc;
  if (!peek().isName("by"))
    return expected("'by' and the name of a bool input");
  take();
  statement.by = parseExpr();
  return statement.by != nullptr;
}

/// gradient ::= 'gradient' NAME { ',' NAME }
bool Parser::parseGradient(Statement &statement) {
  do {
    statement.list.push_back(parsePrimary());
    if (!statement.list.back())
      return false;
  } while (accept(TokenKind::Comma));
  return true;
}
