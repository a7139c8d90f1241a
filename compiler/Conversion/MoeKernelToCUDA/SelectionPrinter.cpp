// Selections: topk as rounds of a maximum over integer keys in registers, and counts of what its marks give.
//
// A key is taken by setting it to 0 (rows.cuh has the order of keys). So at the end the keys that are 0 mark the
// selected elements, and `chosen` and `count` need neither the positions nor another search.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static std::string text(int64_t number) { return std::to_string(number); }
static int64_t rowSize(Value row) { return cast<RowType>(row.getType()).getSize(); }
static std::string elementTypeName(Value row) { return cTypeName(cast<RowType>(row.getType()).getElementType()).str(); }

/// Rounds of a topk are unrolled up to this many comparisons.
static constexpr int64_t maxUnrolledRounds = 256;

//===-- topk
//--------------------------------------------------------------------------------------------------------===//

/// Whether something needs the positions of a topk, or only which elements it takes.
static bool needsPositions(TopkOp op) {
  int64_t size = rowSize(op.getInput());
  return !op.getValues().use_empty() || llvm::any_of(op.getIndices().getUsers(), [&](Operation *user) {
    if (auto chosen = dyn_cast<ChosenOp>(user))
      return rowSize(chosen.getResult()) != size;
    if (auto count = dyn_cast<CountOp>(user))
      return lookupAccumulator(count, count.getAccumulator()).getCount() != size;
    return true;
  });
}

void RegionPrinter::printTopk(TopkOp op) {
  RowLayout layout = layoutOf(op.getInput());
  std::string name = freshName(op.getIndices(), "route"), key = names.fresh(name + "_key");
  std::string keyType = elementTypeName(op.getInput()) == "double" ? "unsigned long long" : "unsigned";
  openLoop(layout, op);
  note(op);
  Expression value = call("moe_key", {element(op.getInput())});
  std::string condition;
  if (layout.isPadded())
    condition = positionOf(layout, {"j"}).text + " < " + text(layout.size);
  if (op.getMask())
    condition += (condition.empty() ? "" : " && ") + element(op.getMask()).text;
  if (!condition.empty())
    value = select({condition, Precedence::And}, value, {"1"});
  if (layout.values == 1) {
    inLoop(keyType + " " + key + " = " + value.text + ";");
  } else {
    beforeLoop(keyType + " " + key + "[" + text(layout.values) + "];");
    inLoop(key + "[j] = " + value.text + ";");
  }
  closeLoop();
  keysOf[op.getIndices()] = key;
  rows[op.getIndices()] = Row{name, layoutOf(op.getIndices()).values > 1};
  printTopkRounds(op, key, name);
  if (!op.getValues().use_empty())
    printPick(op.getValues(), op.getInput(), op.getIndices());
}

/// The statement that keeps `first` as slot k.
static Lines keepSlot(const RowLayout &slots, const std::string &name) {
  if (slots.lanes == 1)
    return {slots.values == 1 ? name + " = first;" : name + "[k] = first;"};
  if (slots.values == 1)
    return {"if (lane == k) " + name + " = first;"};
  Lines code = unrollPragma(slots);
  code.push_back("for (int slot = 0; slot < " + text(slots.values) + "; ++slot)");
  code.push_back(indented("if (" + positionOf(slots, {"slot"}).text + " == k) " + name + "[slot] = first;"));
  return code;
}

void RegionPrinter::printTopkRounds(TopkOp op, const std::string &key, const std::string &name) {
  RowLayout layout = layoutOf(op.getInput()), slots = layoutOf(op.getIndices());
  bool isDouble = elementTypeName(op.getInput()) == "double";
  std::string lanes = "_lanes<" + text(layout.lanes) + ">", keyType = isDouble ? "unsigned long long" : "unsigned";
  bool single = layout.values == 1;
  std::string here = positionOf(layout, {"j"}).text, element = key + (single ? "" : "[j]");
  Lines pragma = single ? Lines{} : unrollPragma(layout);
  auto forEach = [&](Lines &code, const std::string &header, const std::string &body) {
    llvm::append_range(code, pragma);
    if (!single)
      code.push_back(indented(header));
    code.push_back(indented(body, single ? 1 : 2));
  };
  std::string up = loopHeader(layout.values), down = "for (int j = " + text(layout.values - 1) + "; j >= 0; --j)";
  Lines code;
  bool positions = needsPositions(op);
  if (positions && slots.values == 1) {
    code.push_back("int " + name + " = -1;");
  } else if (positions) {
    code.push_back("int " + name + "[" + text(slots.values) + "];");
    if (slots.isPadded() || slots.lanes > 1) {
      llvm::append_range(code, unrollPragma(slots));
      code.push_back(loopHeader(slots.values));
      code.push_back(indented(name + "[j] = -1;"));
    }
  }
  if (slots.size * layout.values <= maxUnrolledRounds || slots.lanes == 1)
    llvm::append_range(code, unrollPragma(layout));
  code.push_back(loopHeader(slots.size, "k") + " {");
  code.push_back(indented("// the greatest key, and the first position that has it"));
  if (single) {
    code.push_back(indented("const " + keyType +
                            " best = " + (layout.lanes > 1 ? "moe_max" + lanes + "(" + key + ")" : key) + ";"));
  } else {
    code.push_back(indented(keyType + " best = 0;"));
    forEach(code, up, "best = moe_max(best, " + element + ");");
    if (layout.lanes > 1)
      code.push_back(indented("best = moe_max" + lanes + "(best);"));
  }
  if (single) {
    std::string mine = element + " == best ? " + here + " : " + text(layout.size);
    code.push_back(indented("int first = " + (layout.lanes > 1 ? "moe_min" + lanes + "(" + mine + ")" : mine) + ";"));
  } else {
    code.push_back(indented("int first = " + text(layout.size) + ";"));
    forEach(code, down, "if (" + element + " == best) first = " + here + ";");
    if (layout.lanes > 1)
      code.push_back(indented("first = moe_min" + lanes + "(first);"));
  }
  if (op.getMask())
    code.push_back(indented("if (best == 1) first = -1;"));
  forEach(code, up, "if (" + here + " == first) " + element + " = 0;");
  for (const std::string &line : positions ? keepSlot(slots, name) : Lines())
    code.push_back(line[0] == '#' ? line : indented(line));
  code.push_back("}");
  statements(code);
}

//===-- Counts
//------------------------------------------------------------------------------------------------------===//

void RegionPrinter::printCount(CountOp op) {
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  RowLayout layout = plan.of(accumulator.getCount());
  std::string &name = accumulators[accumulator.getSymNameAttr()];
  if (name.empty())
    name = names.fresh(accumulatedName(accumulator));
  std::string target = name + (layout.values == 1 ? "" : "[j]"), live = hasMissingRows() ? "live" : "";
  auto key = keysOf.find(op.getIndices());
  auto topk = op.getIndices().getDefiningOp<TopkOp>();
  if (key != keysOf.end() && rowSize(topk.getInput()) == layout.size) {
    openLoop(layout, op);
    note(op);
    inLoop((live.empty() ? "" : "if (live) ") + target + " += " + key->second + (layout.values == 1 ? "" : "[j]") +
           " == 0;");
    return;
  }
  std::string indices = registers(op.getIndices()).base;
  note(op);
  std::string here = positionOf(layout, {"j"}).text;
  std::string condition = (live.empty() ? "" : "live && ") + here + " == at";
  statements(forEachPosition(layout, layoutOf(op.getIndices()), indices, "if (" + condition + ") ++" + target + ";"));
}
