// The functions of the language: names, argument counts and kinds. One table, read by the checker and by its messages.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace moe::frontend {

/// Which checking and lowering rule a function follows.
enum class Group {
  Pointwise,
  Clamp,
  MinMax,
  Where,
  Mod,
  Reduce,
  Argmax,
  Quantile,
  Along,
  Standardize,
  Shift,
  Index,
  Bucket,
  Topk,
  SumTop,
  Kth,
  Scatter,
  Chosen,
  Count,
  First,
  Filter,
  Append,
  Forced,
  Limit,
  Dropped,
  Permute,
  Random,
  Detach,
  Size,
  Expand
};

struct Builtin {
  llvm::StringRef name;
  Group group;
  unsigned minimum, maximum; // positional arguments
  llvm::StringRef usage;     // shown in messages
  llvm::StringRef named;     // named arguments, separated by blanks
};

/// The function of that name, or null.
const Builtin *findBuiltin(llvm::StringRef name);
llvm::ArrayRef<Builtin> allBuiltins();

} // namespace moe::frontend
