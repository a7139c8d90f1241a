// Tokens to syntax tree, by recursive descent; each parse function carries its production, and docs/language.md
// collects them. After an error the parser goes on at the next statement, so that one run reports several errors.
#pragma once
#include "compiler/Frontend/Ast.h"
#include "compiler/Frontend/Lexer.h"

namespace moe::frontend {

class Parser {
public:
  Parser(llvm::ArrayRef<Token> tokens, Diagnostics &diags) : tokens(tokens), diags(diags) {}

  /// The gate of the file; null when there is none to speak of. Errors are reported; statements with errors are left
  /// out and the names they would have defined are in `poisoned`.
  std::unique_ptr<Gate> parseGate();

private:
  // Statements (Parser.cpp)
  bool parseStatement(Statement &statement);
  bool parseAxis(Statement &statement);
  bool parseTyped(Statement &statement, bool needsInit);
  bool parseOutput(Statement &statement);
  bool parseMask(Statement &statement);
  bool parseGradient(Statement &statement);
  bool parseAssignment(Statement &statement);
  bool parseName(llvm::StringRef what, llvm::StringRef &name, llvm::SMLoc &loc);
  bool parseType(TypeSpec &type);
  bool parseDim(TypeSpec::Dim &dim);
  bool unknownStatement();
  void parseBody(Gate &gate, const Token &brace);
  void recover(Gate &gate, const Statement &statement);
  bool startsStatement(size_t index) const;

  // Expressions (ParserExpressions.cpp)
  ExprPtr parseExpr();
  ExprPtr parseBinary(unsigned level);
  ExprPtr parseUnary();
  ExprPtr parsePower();
  ExprPtr parsePostfix();
  ExprPtr parsePrimary();
  ExprPtr parseName();
  ExprPtr parseCall(const Token &callee);
  bool parseArgument(Argument &argument);
  bool finish(Expr &expr);

  // Tokens
  Token peek(unsigned ahead = 0) const;
  Token take();
  bool accept(TokenKind kind);
  bool expect(TokenKind kind, llvm::StringRef what);
  bool open(TokenKind kind, llvm::StringRef what);
  bool close(TokenKind kind, llvm::StringRef what);
  bool expected(llvm::StringRef what);
  bool expectEnd();

  llvm::ArrayRef<Token> tokens;
  Diagnostics &diags;
  size_t position = 0, start = 0; // current token; first token of the statement
  std::vector<Token> brackets;    // open ones of this statement
  unsigned nesting = 0;           // recursion of parseUnary
};

} // namespace moe::frontend
