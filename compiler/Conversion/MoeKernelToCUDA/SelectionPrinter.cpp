// Selections: topk as rounds of a maximum over integer keys in registers, and counts of what its marks give.
//
// A key is taken by setting it to 0 (rows.cuh has the order of keys). So at the end the keys that are 0 mark the
// selected elements, and `chosen` and `count` need neither the positions nor another search.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"
#include "llvm/Support/MathExtras.h"

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

/// Statements that make all slots of a topk empty; `declare` them before.
static Lines emptySlots(const RowLayout &slots, const std::string &name, bool declare) {
  if (slots.values == 1)
    return {(declare ? "int " : "") + name + " = -1;"};
  Lines code;
  if (declare)
    code.push_back("int " + name + "[" + text(slots.values) + "];");
  llvm::append_range(code, unrollPragma(slots));
  code.push_back("for (int j = 0; j < " + text(slots.values) + "; ++j)");
  code.push_back(indented(name + "[j] = -1;"));
  return code;
}

/// Comparisons of Batcher's odd-even mergesort.
static int64_t mergeComparisons(int64_t values) {
  int64_t count = 0;
  for (int64_t run = 1; run < values; run *= 2)
    for (int64_t step = run; step >= 1; step /= 2)
      for (int64_t n = step % run; n + step < values; ++n)
        count += (n - step % run) % (2 * step) < step && n / (2 * run) == (n + step) / (2 * run);
  return count;
}

/// Whether a topk sorts the keys of each lane first and takes the heads of these lists, or searches all keys in every
/// round: the instructions of a lane for the one and for the other. A comparison of the sort is 2 instructions and 3
/// more with places, a round 5 and its way over the lanes twice, a list moves up by one for each key that a later round
/// may need.
static bool usesLists(const RowLayout &layout, int64_t rounds, bool isDouble, bool positions) {
  constexpr int64_t maxListValues = 8; // with more, registers leave room for one block on a multiprocessor only
  if (isDouble || layout.values < 2 || layout.values > maxListValues)
    return false;
  int64_t lanes = layout.lanes == 32 ? 1 : 2 * static_cast<int64_t>(llvm::Log2_64(layout.lanes));
  int64_t lists =
      (positions ? 5 : 2) * mergeComparisons(layout.values) + rounds * (2 * lanes + 5) + 3 * layout.values + 4;
  for (int64_t k = 0; k + 1 < rounds; ++k)
    lists += (positions ? 2 : 1) * std::min(layout.values - 1, rounds - 1 - k);
  return 10 * lists < 9 * rounds * (5 * layout.values + 2 * lanes + 3);
}

void RegionPrinter::printTopkRounds(TopkOp op, const std::string &key, const std::string &name) {
  RowLayout layout = layoutOf(op.getInput()), slots = layoutOf(op.getIndices());
  bool isDouble = elementTypeName(op.getInput()) == "double", positions = needsPositions(op);
  bool isFilled = slots.values > 1 && !slots.isPadded() && slots.lanes == 1; // every slot by some round
  bool lists = usesLists(layout, slots.size, isDouble, positions);
  if (positions && isFilled && !lists)
    statement("int " + name + "[" + text(slots.values) + "];");
  else if (positions)
    statements(emptySlots(slots, name, true));
  if (lists)
    return printTopkLists(op, key, name);
  Lines code;
  if (slots.size * layout.values <= maxUnrolledRounds || slots.lanes == 1)
    code = unrollPragma(layout);
  llvm::append_range(code, topkRounds(op, key, name));
  statements(code);
}

/// A loop that searches all keys for each slot.
Lines RegionPrinter::topkRounds(TopkOp op, const std::string &key, const std::string &name) {
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
  Lines code{loopHeader(slots.size, "k") + " {"};
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
  for (const std::string &line : needsPositions(op) ? keepSlot(slots, name) : Lines())
    code.push_back(line[0] == '#' ? line : indented(line));
  code.push_back("}");
  return code;
}

/// Sorts the keys of each lane; every round then looks at the heads of these lists only. Where it matters which of two
/// equal keys comes first and the heads do not tell, the search over all keys decides.
void RegionPrinter::printTopkLists(TopkOp op, const std::string &key, const std::string &name) {
  RowLayout layout = layoutOf(op.getInput()), slots = layoutOf(op.getIndices());
  std::string list = names.fresh(name + "_list"), least = names.fresh(name + "_least"), values = text(layout.values);
  bool several = layout.lanes > 1, positions = needsPositions(op);
  std::string place = positions ? names.fresh(name + "_place") : "",
              tied = positions ? names.fresh(name + "_tied") : "";
  std::string lanes = "_lanes<" + text(layout.lanes) + ">", head = list + "[0]";
  Lines code{"// the greatest key of each lane first", "unsigned " + list + "[" + values + "], " + least + " = 0;"};
  auto inside = [&](const Lines &lines) {
    for (const std::string &line : lines)
      code.push_back(line[0] == '#' ? line : indented(line));
  };
  if (positions)
    llvm::append_range(code, Lines{"int " + place + "[" + values + "];", "bool " + tied + " = false;"});
  llvm::append_range(code, Lines{"#pragma unroll", loopHeader(layout.values) + " {"});
  inside({list + "[j] = " + key + "[j];"});
  if (positions)
    inside({place + "[j] = " + positionOf(layout, {"j"}).text + ";"});
  code.push_back("}");
  code.push_back("moe_sort<" + values + ">(" + list + (positions ? ", " + place : "") + ");");
  llvm::append_range(code, Lines{"#pragma unroll", loopHeader(slots.size, "k") + " {"});
  inside({"// the greatest key, and the first " + std::string(positions ? "position" : "lane") + " that has it",
          least + " = " + (several ? "moe_max" + lanes + "(" + head + ")" : head) + ";"});
  // Without positions any of several equal keys does: they are all taken, or the search decides.
  std::string which = positions ? place + "[0]" : "lane", none = text(positions ? layout.size : layout.lanes);
  if (several) {
    inside({"const int first = moe_min" + lanes + "(" + head + " == " + least + " ? " + which + " : " + none + ");",
            "const bool mine = " + which + " == first;"});
  } else if (positions) {
    inside({"const int first = " + place + "[0];"});
  }
  std::string mine = several ? "mine" : "true";
  if (positions)
    inside({"if (" + (several ? "mine && " : std::string()) + list + "[1] == " + least + ") " + tied + " = true;"});
  inside({"moe_drop<" + values + ">(" + list + ", " + mine + ");"});
  if (positions)
    inside({"moe_drop<" + values + ">(" + place + ", " + mine + ");"});
  inside(positions ? keepSlot(slots, name) : Lines());
  code.push_back("}");
  std::string unclear = (positions ? tied + " || " : "") + head + " == " + least;
  code.push_back("if (moe_any(" + unclear + (op.getMask() ? " || " + least + " == 1" : "") + ")) { // equal keys");
  if (positions)
    inside(emptySlots(slots, name, false));
  // Slots that one lane holds are registers, so that their numbers have to be known.
  inside({slots.lanes == 1 ? "#pragma unroll" : "#pragma unroll 1"});
  inside(topkRounds(op, key, name));
  code.push_back("} else {");
  inside({"#pragma unroll", loopHeader(layout.values),
          indented("if (" + key + "[j] >= " + least + ") " + key + "[j] = 0;")});
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
