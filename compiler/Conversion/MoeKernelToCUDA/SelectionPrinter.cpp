// Selections: topk as rounds of a maximum over integer keys in registers, and what its marks give; gathers; slices.
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

//===-- Marks
//-------------------------------------------------------------------------------------------------------===//

/// Statement over all elements of a row for each position of `indices` that is not negative; `at` is the position.
static Lines forEachPosition(const RowLayout &layout, const RowLayout &slots, const std::string &indices,
                             const std::string &statement) {
  Lines code;
  std::string slot = slots.values == 1  ? indices
                     : slots.lanes == 1 ? indices + "[k]"
                                        : indices + "[k / " + text(slots.lanes) + "]";
  if (slots.values > 1)
    llvm::append_range(code, unrollPragma(slots));
  code.push_back("for (int k = 0; k < " + text(slots.size) + "; ++k) {");
  std::string lane = slots.values == 1 ? "k" : "k % " + text(slots.lanes);
  code.push_back(indented(
      "const int at = " +
      (slots.lanes == 1 ? slot : "moe_from_lane<" + text(slots.lanes) + ">(" + slot + ", " + lane + ")") + ";"));
  if (layout.values > 1) {
    llvm::append_range(code, unrollPragma(layout));
    code.push_back(indented("for (int j = 0; j < " + text(layout.values) + "; ++j)"));
  }
  code.push_back(indented(statement, layout.values > 1 ? 2 : 1));
  code.push_back("}");
  return code;
}

void RegionPrinter::printChosen(ChosenOp op) {
  if (op.getResult().use_empty())
    return;
  auto key = keysOf.find(op.getIndices());
  auto topk = op.getIndices().getDefiningOp<TopkOp>();
  RowLayout layout = layoutOf(op.getResult());
  if (key != keysOf.end() && rowSize(topk.getInput()) == layout.size) {
    note(op);
    rows[op.getResult()] = Row{key->second, layout.values > 1, true};
    return;
  }
  std::string indices = registers(op.getIndices()).base;
  note(op);
  std::string name = declareRow(op.getResult(), "chosen", layout.values == 1 ? " = false" : " = {}");
  std::string target = name + (layout.values == 1 ? "" : "[j]");
  std::string here = positionOf(layout, {"j"}).text;
  statements(
      forEachPosition(layout, layoutOf(op.getIndices()), indices, "if (" + here + " == at) " + target + " = true;"));
}

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

//===-- Elements at positions
//---------------------------------------------------------------------------------------===//

/// Whether all positions of these slots are in the row: those of a topk that no mask can leave short of elements.
static bool areAllFound(Value indices) {
  if (auto slice = indices.getDefiningOp<SliceOp>())
    return areAllFound(slice.getInput());
  auto topk = indices.getDefiningOp<TopkOp>();
  return topk && !topk.getMask();
}

void RegionPrinter::printPick(Value result, Value input, Value indices) {
  RowLayout layout = layoutOf(input), slots = layoutOf(indices);
  Row source = registers(input), at = registers(indices);
  std::string type = elementTypeName(input);
  bool guarded = slots.isPadded() || !areAllFound(indices);
  std::string position = at.base + (at.indexed ? "[j]" : ""), value;
  if (layout.values == 1 && layout.lanes > 1) {
    value = "moe_from_lane<" + text(layout.lanes) + ">(" + source.base + (source.marks ? " == 0" : "") + ", " +
            position + ")";
    openLoop(slots, result.getDefiningOp());
    return defineRow(result, "picked",
                     guarded ? select({position + " < 0", Precedence::Relation}, {"0"}, {value}) : value);
  }
  std::string start = stageRow(input);
  std::string word = type == "double" ? "2 * " + position : position;
  value = "moe_get<" + type + ">(shared, " + start + word + ")";
  Expression zero(type == "float" ? "0.0f" : type == "bool" ? "false" : "0");
  openLoop(slots, result.getDefiningOp());
  defineRow(result, "picked", guarded ? select({position + " < 0", Precedence::Relation}, zero, {value}) : value);
  loop->after.push_back("moe_sync_warp();");
}

void RegionPrinter::printGather(GatherOp op) {
  if (op.getResult().use_empty())
    return;
  registers(op.getInput());
  note(op);
  printPick(op.getResult(), op.getInput(), op.getIndices());
  closeLoop();
}

void RegionPrinter::printSlice(SliceOp op) {
  if (op.getResult().use_empty())
    return;
  RowLayout from = layoutOf(op.getInput()), to = layoutOf(op.getResult());
  Row source = registers(op.getInput());
  note(op);
  bool sameLanes = from.lanes == 1 || (from.width == 1 && to.width == 1);
  if (sameLanes) {
    if (source.indexed && to.values == 1)
      source = Row{source.base + "[0]", false, source.marks};
    rows[op.getResult()] = source;
    return;
  }
  std::string start = stageRow(op.getInput());
  std::string type = elementTypeName(op.getInput()), here = positionOf(to, {"j"}).text;
  std::string word = type == "double" ? "2 * (" + here + ")" : here;
  openLoop(to, op);
  Expression value("moe_get<" + type + ">(shared, " + start + word + ")");
  if (to.isPadded())
    value = select({here + " < " + text(to.size), Precedence::Relation}, value, {"0"});
  defineRow(op.getResult(), "part", value);
  loop->after.push_back("moe_sync_warp();");
  closeLoop();
}

void RegionPrinter::printExtract(ExtractOp op) {
  if (op.getResult().use_empty())
    return;
  RowLayout layout = layoutOf(op.getInput());
  Row source = registers(op.getInput());
  note(op);
  int64_t position = op.getPosition(), w = layout.width, vector = w * layout.lanes;
  int64_t lane = position / w % layout.lanes, j = position / vector * w + position % w;
  std::string value = source.base + (source.indexed ? "[" + text(j) + "]" : "") + (source.marks ? " == 0" : "");
  if (layout.lanes > 1)
    value = "moe_from_lane<" + text(layout.lanes) + ">(" + value + ", " + text(lane) + ")";
  named(op.getResult(), {value}, "element");
}
