// Choice of identifiers.
#include "compiler/Conversion/MoeKernelToCUDA/Names.h"
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

SmallVector<StringRef> moe::statementsOf(Location loc) {
  SmallVector<StringRef> result;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part); name && !llvm::is_contained(result, name.getName().getValue()))
      result.push_back(name.getName().getValue());
    return WalkResult::advance();
  });
  return result;
}

std::string moe::definedName(StringRef statement) {
  auto [left, right] = statement.split(" = ");
  if (right.empty())
    return "";
  left = left.split(" : ").first.trim();
  return left.substr(left.find_last_of(' ') + 1).str();
}

Names::Names() {
  // Words of C++ and CUDA, and the variables that every kernel has.
  for (StringRef word :
       {"auto",      "bool",     "break",    "case",     "char",      "class",        "const",     "continue",
        "default",   "delete",   "do",       "double",   "else",      "enum",         "extern",    "false",
        "float",     "for",      "if",       "inline",   "int",       "long",         "new",       "operator",
        "private",   "public",   "register", "return",   "short",     "signed",       "sizeof",    "static",
        "struct",    "switch",   "template", "this",     "true",      "typedef",      "union",     "unsigned",
        "using",     "virtual",  "void",     "volatile", "while",     "and",          "or",        "not",
        "threadIdx", "blockIdx", "blockDim", "gridDim",  "warpSize",  "accumulators", "workspace", "token_count",
        "phase",     "shared",   "partials", "lane",     "warp",      "row",          "begin",     "end",
        "first",     "best",     "start",    "next",     "first_row", "live",         "stage",     "block",
        "i",         "j",        "k",        "at",       "asm",       "namespace",    "typename",  "try",
        "throw",     "catch",    "friend",   "goto",     "explicit",  "mutable",      "protected", "exp",
        "log",       "sqrt",     "abs",      "min",      "max",       "pow"})
    taken.insert(word);
}

std::string Names::fresh(StringRef wanted) {
  std::string base;
  for (char c : wanted)
    base += llvm::isAlnum(c) ? c : '_';
  if (base.empty() || llvm::isDigit(base[0]))
    base = "v" + base;
  std::string name = base;
  for (int n = 2; !taken.insert(name).second; ++n)
    name = base + (llvm::isDigit(base.back()) ? "_" : "") + std::to_string(n);
  return name;
}

WantedNames::WantedNames(Block &block) {
  for (Operation &op : block) {
    if (auto map = dyn_cast<MapOp>(op)) {
      for (auto [result, yielded] : llvm::zip_equal(map.getResults(), map.getBlock()->getTerminator()->getOperands()))
        collect(result, yielded.getDefiningOp() ? yielded.getDefiningOp()->getLoc() : map.getLoc());
      for (Operation &inner : *map.getBlock())
        for (Value value : inner.getResults())
          if (!llvm::is_contained(map.getBlock()->getTerminator()->getOperands(), value))
            collect(value, inner.getLoc());
      continue;
    }
    for (Value value : llvm::reverse(op.getResults()))
      collect(value, op.getLoc());
    if (auto store = dyn_cast<StoreOp>(op))
      storedTo.try_emplace(store.getValue(), store.getBuffer().str());
  }
}

void WantedNames::collect(Value value, Location loc) {
  for (StringRef statement : statementsOf(loc)) {
    if (definedName(statement).empty())
      continue;
    statementOf[value] = statement.str();
    Value &last = lastOf[statement];
    if (!last || last.getParentBlock() == value.getParentBlock() || !isa<MapOp>(value.getParentBlock()->getParentOp()))
      last = value;
  }
}

std::string WantedNames::of(Value value, StringRef kind) const {
  auto statement = statementOf.find(value);
  if (statement != statementOf.end()) {
    std::string name = definedName(statement->second);
    return lastOf.lookup(statement->second) == value ? name : name + "_" + kind.str();
  }
  auto buffer = storedTo.find(value);
  return buffer != storedTo.end() ? buffer->second : kind.str();
}
