// The syntax tree of a gate spec. The parser fills the syntax; Sema fills the fields marked "Sema:"; Lower reads both.
// Text is held as pieces of the source buffer, which outlives the tree.
#pragma once
#include "compiler/Frontend/Axis.h"
#include "compiler/Frontend/Constant.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <vector>

namespace moe::frontend {

struct Expr;
struct Builtin;
struct Symbol;
using ExprPtr = std::unique_ptr<Expr>;

/// One argument of a call: `x`, `expert -> device`, `among = groups`, `overflow = next s`.
struct Argument {
  llvm::StringRef name; // empty when positional
  llvm::SMLoc loc;      // of the name, or of the value
  bool next = false;    // the word `next` stood before the value
  ExprPtr value;
  ExprPtr coarse; // what stands after `->`, or null
};

/// An axis argument after name resolution: remove `axis`, or coarsen it to `coarse`.
struct AxisRange {
  const Axis *axis = nullptr;
  const Axis *coarse = nullptr;
};

struct Expr {
  enum class Kind { Number, Name, Member, Unary, Binary, Call, Gather };
  Kind kind = Kind::Number;
  llvm::SMLoc loc;        // where a caret belongs: the operator of a binary, else the first character
  llvm::StringRef text;   // Number: its spelling; Name; Member: the part before the dot; Call: the function
  llvm::StringRef member; // Member: the part after the dot
  Operator op = Operator::Add;
  std::vector<ExprPtr> operands; // Unary 1; Binary 2; Gather: value, selection
  std::vector<Argument> arguments;
  unsigned depth = 1; // height of the tree below; bounded by the parser, so that recursion is safe

  // Sema:
  Type type;
  std::optional<Constant> constant;       // the value, when it is known at compile time (always a scalar)
  const Symbol *symbol = nullptr;         // Name
  const Builtin *builtin = nullptr;       // Call
  llvm::SmallVector<AxisRange, 2> over;   // Call: its axis arguments, in order; what a reduction without any works over
  int64_t k = 0;                          // topk, sum_top, kth, first: how many; shift: how far; uniform, normal: which
                                          // stream; limit: rounds; permute: pad
  double real = 0;                        // standardize: eps; quantile: q
  llvm::SmallVector<int32_t, 2> elements; // append
};

/// element '[' axes ']'
struct TypeSpec {
  struct Dim {
    llvm::StringRef axis, member; // `token`, `route.slot`
    llvm::SMLoc loc;
    bool plusOne = false; // sequence + 1
  };
  llvm::StringRef element;
  llvm::SMLoc loc;
  std::vector<Dim> dims;
};

struct Statement {
  enum class Kind { Axis, Const, Param, Input, State, Value, Loss, Metric, Update, Output, Mask, Gradient };
  Kind kind = Kind::Value;
  llvm::SMLoc loc, nameLoc;
  llvm::StringRef name; // of what it defines; Update, Mask and a bare Output: what it refers to
  std::string text;     // the statement on one line, without comments

  ExprPtr size;       // Axis: `[size]`
  llvm::StringRef of; // Axis: the finer axis
  llvm::SMLoc ofLoc;
  bool hasMap = false; // Axis: `= [ … ]`
  std::vector<ExprPtr> map;
  ExprPtr by;                   // Axis: `by …`; Mask: `by NAME`
  std::optional<TypeSpec> type; // Param, Input, State; Output (element only)
  ExprPtr value;                // the expression after `=`, null for a bare Output and an Input
  std::vector<ExprPtr> list;    // Gradient: names

  // Sema:
  bool ok = false;            // checked without error
  Symbol *symbol = nullptr;   // what it defines; of a bare Output: what it refers to
  const Axis *axis = nullptr; // Axis; of a bitmap Output: its words
};

struct Gate {
  llvm::StringRef name;
  llvm::SMLoc loc;
  std::vector<Statement> statements;
  std::vector<llvm::StringRef> poisoned; // names whose definition could not be parsed
  std::vector<llvm::StringRef> words;    // every name that occurs, for fresh names
};

} // namespace moe::frontend
