// Text to tokens. Line structure is kept as one flag per token, because a line end means something only outside
// brackets, which is the parser's knowledge.
#pragma once
#include "compiler/Frontend/Diagnostics.h"
#include <vector>

namespace moe::frontend {

enum class TokenKind {
  EndOfFile,
  EndOfStatement, // EndOfStatement is made by the parser, never by the lexer
  Invalid,        // reported already
  Name,
  Keyword,
  Number,
  LParen,
  RParen,
  LSquare,
  RSquare,
  LBrace,
  RBrace,
  Comma,
  Colon,
  Assign,
  Arrow,
  Dot,
  Plus,
  Minus,
  Star,
  StarStar,
  Slash,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  EqualEqual,
  NotEqual
};

struct Token {
  TokenKind kind = TokenKind::EndOfFile;
  llvm::StringRef text; // a piece of the buffer
  bool atLineStart = false;

  llvm::SMLoc loc() const { return llvm::SMLoc::getFromPointer(text.begin()); }
  bool is(TokenKind k) const { return kind == k; }
  bool isKeyword(llvm::StringRef word) const { return kind == TokenKind::Keyword && text == word; }
  bool isName(llvm::StringRef word) const { return kind == TokenKind::Name && text == word; }
};

/// Words that cannot be names: the statements, `gate`, `and or not inf nan slot`.
bool isReserved(llvm::StringRef word);

/// The words that begin a statement.
llvm::ArrayRef<llvm::StringRef> statementKeywords();

/// All tokens of the buffer, the last one EndOfFile. A stray character is reported and becomes Invalid. Ends early when
/// the first token is not `gate`, and when there are too many errors.
std::vector<Token> lex(llvm::StringRef buffer, Diagnostics &diags);

} // namespace moe::frontend
