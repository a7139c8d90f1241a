// The lexer: names, numbers, punctuation, `#` comments.
//
//   name    ::= letter { letter | digit | '_' }           (a letter or '_' first)
//   number  ::= digit { digit } [ '.' digit { digit } ] [ ('e' | 'E') [ '+' | '-' ] digit { digit } ]
//   comment ::= '#' { any character but a line end }
#include "compiler/Frontend/Lexer.h"
#include "compiler/Frontend/Constant.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace moe::frontend;
using llvm::StringRef;

static constexpr StringRef kStatements[] = {"axis",   "const",  "param",  "input", "state",   "loss",
                                            "metric", "update", "output", "mask",  "gradient"};
static constexpr StringRef kOtherWords[] = {"gate", "and", "or", "not", "inf", "nan", "slot"};

bool moe::frontend::isReserved(StringRef word) {
  return llvm::is_contained(kStatements, word) || llvm::is_contained(kOtherWords, word);
}

llvm::ArrayRef<StringRef> moe::frontend::statementKeywords() { return kStatements; }

namespace {
class Lexer {
public:
  Lexer(StringRef buffer, Diagnostics &diags) : rest(buffer), diags(diags) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      skipBlank();
      if (rest.empty()) {
        tokens.push_back({TokenKind::EndOfFile, rest, true});
        return tokens;
      }
      bool first = std::exchange(lineStart, false);
      Token token = next();
      token.atLineStart = first;
      tokens.push_back(token);
      // No spec at all, or hardly one: the parser, or the caller, says so, and the rest would only be a flood.
      if (!tokens.front().isKeyword("gate") || diags.tooMany(token.loc()))
        rest = rest.take_back(0);
    }
  }

private:
  void skipBlank() {
    while (!rest.empty()) {
      char c = rest.front();
      if (c == '\n')
        lineStart = true;
      if (c == '#')
        rest = rest.drop_until([](char d) { return d == '\n'; });
      else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        rest = rest.drop_front();
      else
        return;
    }
  }

  Token take(TokenKind kind, size_t length) {
    Token token{kind, rest.take_front(length), false};
    rest = rest.drop_front(length);
    return token;
  }

  static bool isWordStart(char c) { return llvm::isAlpha(c) || c == '_'; }
  static bool isWord(char c) { return llvm::isAlnum(c) || c == '_'; }

  Token next() {
    char c = rest.front();
    if (isWordStart(c)) {
      StringRef word = rest.take_while(isWord);
      return take(isReserved(word) ? TokenKind::Keyword : TokenKind::Name, word.size());
    }
    if (llvm::isDigit(c))
      return number();
    return punctuation();
  }

  Token number() {
    size_t n = rest.take_while(llvm::isDigit).size();
    auto digitAt = [&](size_t i) { return i < rest.size() && llvm::isDigit(rest[i]); };
    if (n < rest.size() && rest[n] == '.' && digitAt(n + 1))
      n += 1 + rest.drop_front(n + 1).take_while(llvm::isDigit).size();
    if (n < rest.size() && (rest[n] == 'e' || rest[n] == 'E')) {
      size_t sign = n + 1 < rest.size() && (rest[n + 1] == '+' || rest[n + 1] == '-') ? 1 : 0;
      if (digitAt(n + 1 + sign))
        n += 1 + sign + rest.drop_front(n + 1 + sign).take_while(llvm::isDigit).size();
    }
    size_t tail = rest.drop_front(n).take_while(isWord).size();
    Token token = take(tail ? TokenKind::Invalid : TokenKind::Number, n + tail);
    if (tail) {
      diags.error(token.loc()) << "'" << clipped(token.text) << "' is neither a number nor a name";
    } else if (!parseConstant(token.text)) {
      diags.error(token.loc()) << "number " << clipped(token.text)
                               << " is out of range; integers have 64 bits, other numbers are f64";
      token.kind = TokenKind::Invalid;
    }
    return token;
  }

  static std::string clipped(StringRef text) {
    return text.size() <= 40 ? text.str() : text.take_front(37).str() + "...";
  }

  Token punctuation() {
    static constexpr std::pair<StringRef, TokenKind> table[] = {
        {"->", TokenKind::Arrow},        {"**", TokenKind::StarStar},   {"<=", TokenKind::LessEqual},
        {">=", TokenKind::GreaterEqual}, {"==", TokenKind::EqualEqual}, {"!=", TokenKind::NotEqual},
        {"(", TokenKind::LParen},        {")", TokenKind::RParen},      {"[", TokenKind::LSquare},
        {"]", TokenKind::RSquare},       {"{", TokenKind::LBrace},      {"}", TokenKind::RBrace},
        {",", TokenKind::Comma},         {":", TokenKind::Colon},       {"=", TokenKind::Assign},
        {".", TokenKind::Dot},           {"+", TokenKind::Plus},        {"-", TokenKind::Minus},
        {"*", TokenKind::Star},          {"/", TokenKind::Slash},       {"<", TokenKind::Less},
        {">", TokenKind::Greater}};
    for (auto [text, kind] : table)
      if (rest.starts_with(text))
        return take(kind, text.size());
    return stray();
  }

  /// A character that means nothing here. A run of non-ASCII bytes is one stray character, shown as such.
  Token stray() {
    static constexpr std::pair<StringRef, StringRef> hints[] = {{"&&", "; write 'and'"},
                                                                {"||", "; write 'or'"},
                                                                {"!", "; write 'not'"},
                                                                {"^", "; a power is written **"},
                                                                {";", "; a statement ends at its line's end"}};
    StringRef hint;
    size_t length = 1;
    for (auto [text, words] : hints)
      if (hint.empty() && rest.starts_with(text)) {
        hint = words;
        length = text.size();
      }
    unsigned char c = rest.front();
    if (c >= 0x80)
      length = rest.take_while([](char d) { return static_cast<unsigned char>(d) >= 0x80; }).size();
    Token token = take(TokenKind::Invalid, length);
    if (c >= 0x20 && c < 0x7f)
      diags.error(token.loc()) << "unexpected character '" << token.text << "'" << hint;
    else
      diags.error(token.loc()) << "unexpected character 0x" << llvm::utohexstr(c)
                               << "; outside comments a spec is plain ASCII";
    return token;
  }

  StringRef rest;
  Diagnostics &diags;
  bool lineStart = true;
};
} // namespace

std::vector<Token> moe::frontend::lex(StringRef buffer, Diagnostics &diags) { return Lexer(buffer, diags).run(); }
