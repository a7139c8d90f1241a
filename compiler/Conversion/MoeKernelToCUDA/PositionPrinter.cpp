// Rows and positions in them: marks of the elements that a row of positions names, elements at positions and back
// (gather and scatter), parts of rows.
//
// Slots go into a row through this row's part of shared memory, where each lane finds its own elements; only where
// slots and values per lane are few, every lane compares every position with its own.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static std::string text(int64_t number) { return std::to_string(number); }
static int64_t rowSize(Value row) { return cast<RowType>(row.getType()).getSize(); }
static std::string elementTypeName(Value row) { return cTypeName(cast<RowType>(row.getType()).getElementType()).str(); }

//===-- Slots to elements
//---------------------------------------------------------------------------------------===//

Lines moe::forEachPosition(const RowLayout &layout, const RowLayout &slots, const std::string &indices,
                           const std::string &statement, StringRef valueType, StringRef values) {
  Lines code;
  std::string w = text(slots.width), vector = text(slots.width * slots.lanes);
  std::string slot = slots.values == 1  ? ""
                     : slots.lanes == 1 ? "[k]"
                     : slots.width == 1 ? "[k / " + vector + "]"
                                        : "[k / " + vector + " * " + w + " + k % " + w + "]";
  std::string lane = slots.values == 1  ? "k"
                     : slots.width == 1 ? "k % " + text(slots.lanes)
                                        : "k / " + w + " % " + text(slots.lanes);
  auto ofSlot = [&](const std::string &registers) {
    if (slots.lanes == 1)
      return registers + slot;
    return "moe_from_lane<" + text(slots.lanes) + ">(" + registers + slot + ", " + lane + ")";
  };
  if (slots.values > 1 || !values.empty())
    llvm::append_range(code, unrollPragma(slots));
  code.push_back("for (int k = 0; k < " + text(slots.size) + "; ++k) {");
  code.push_back(indented("const int at = " + ofSlot(indices) + ";"));
  if (!values.empty())
    code.push_back(indented("const " + valueType.str() + " value = " + ofSlot(values.str()) + ";"));
  if (layout.values > 1) {
    llvm::append_range(code, unrollPragma(layout));
    code.push_back(indented("for (int j = 0; j < " + text(layout.values) + "; ++j)"));
  }
  code.push_back(indented(statement, layout.values > 1 ? 2 : 1));
  code.push_back("}");
  return code;
}

/// Whether slots go into a row of `layout` through shared memory: the instructions of a lane there (clear, exchange,
/// read, and what surrounds them) against one comparison and one selection for each slot and value.
static bool isStaged(const RowLayout &layout, const RowLayout &slots) {
  int64_t compared = slots.size * (2 * layout.values + (layout.lanes > 1 ? 2 : 0));
  int64_t staged = layout.lanes == 1 ? 5 * slots.size + layout.values / 2 + 4
                                     : 2 * llvm::divideCeil(layout.values, 4) + 9 * slots.values + 8;
  return compared > staged;
}

/// Pointer to the registers of a row.
static std::string pointerTo(const std::string &base, bool indexed) { return indexed ? base : "&" + base; }

/// Reads `result` from this row's part of shared memory, in the order of its elements.
void RegionPrinter::printStagedRow(Value result, const std::string &name, StringRef type) {
  RowLayout layout = layoutOf(result);
  std::string start = reserveStage(layout, type == "double"), position = positionOf(layout, {"j"}).text;
  std::string guard = layout.isPadded() ? "if (" + position + " < " + text(layout.size) + ") " : "";
  bool vector =
      type == "float" && layout.values % 4 == 0 && layout.size % 4 == 0 && (layout.width % 4 == 0 || layout.lanes == 1);
  std::string word = type == "double" ? "2 * (" + position + ")" : position;
  std::string read = vector ? "moe_get4(shared, " + start + word + ", &" + name + "[j]);"
                            : name + (layout.values == 1 ? "" : "[j]") + " = moe_get<" + type.str() + ">(shared, " +
                                  start + word + ");";
  Lines code;
  if (layout.values > 1) {
    code = unrollPragma(layout);
    code.push_back(loopHeader(layout.values, "j", vector ? 4 : 1));
  }
  code.push_back(indented(guard + read, layout.values > 1));
  if (layout.lanes > 1)
    code.push_back("moe_sync_warp();");
  statements(code);
}

/// How many slots the functions of rows.cuh look at: all that a row has room for where they lie in vectors, of which
/// those that are none hold -1.
static int64_t slotsOf(const RowLayout &slots) { return slots.width > 1 ? slots.values * slots.lanes : slots.size; }

void RegionPrinter::printChosenStaged(ChosenOp op, const std::string &name) {
  RowLayout layout = layoutOf(op.getResult()), slots = layoutOf(op.getIndices());
  const Row &at = registers(op.getIndices());
  statement("moe_mark<" + text(layout.size) + ", " + text(layout.lanes) + ", " + text(slotsOf(slots)) + ">(shared, " +
            stageStart() + ", " + (layout.lanes == 1 ? "0" : "lane") + ", " + pointerTo(at.base, at.indexed) + ");");
  printStagedRow(op.getResult(), name, "bool");
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
  bool staged = isStaged(layout, layoutOf(op.getIndices()));
  std::string none = layout.values == 1 ? " = false" : " = {}";
  std::string name = declareRow(op.getResult(), "chosen", staged && !layout.isPadded() ? "" : none);
  if (staged)
    return printChosenStaged(op, name);
  std::string target = name + (layout.values == 1 ? "" : "[j]");
  std::string here = positionOf(layout, {"j"}).text;
  statements(
      forEachPosition(layout, layoutOf(op.getIndices()), indices, "if (" + here + " == at) " + target + " = true;"));
}

/// Whether no two of these slots can name one element: those of a topk, here or in the program that has saved them.
static bool areDistinct(Value indices) {
  Operation *op = indices.getDefiningOp();
  if (auto slice = dyn_cast<SliceOp>(op))
    return areDistinct(slice.getInput());
  auto load = dyn_cast<LoadOp>(op);
  if (!load)
    return isa<TopkOp>(op);
  auto program = load->getParentOfType<ProgramOp>();
  std::optional<StringRef> forward = program.getBackwardOf();
  if (!forward || lookupBuffer(load, load.getBuffer()).getRole() != Role::Saved)
    return false;
  auto saver = dyn_cast_or_null<ProgramOp>(
      SymbolTable::lookupNearestSymbolFrom(program->getParentOp(), StringAttr::get(program.getContext(), *forward)));
  bool stored = false, distinct = true;
  if (saver)
    saver.walk([&](StoreOp store) {
      if (store.getBuffer() != load.getBuffer())
        return;
      stored = true;
      distinct &= areDistinct(store.getValue());
    });
  return stored && distinct;
}

void RegionPrinter::printScatterStaged(ScatterOp op, const std::string &name) {
  RowLayout layout = layoutOf(op.getResult()), slots = layoutOf(op.getIndices());
  Row at = registers(op.getIndices()), value = registers(op.getInput());
  std::string function = layout.lanes == 1              ? "moe_scatter_in_order"
                         : areDistinct(op.getIndices()) ? "moe_scatter_distinct"
                                                        : "moe_scatter";
  bool vectors = slots.width > 1 && layout.lanes > 1 && !areDistinct(op.getIndices());
  statement(function + "<" + text(layout.size) + ", " + text(layout.lanes) + ", " + text(slotsOf(slots)) +
            (vectors ? ", " + text(slots.width) : "") + ">(shared, " + stageStart() + ", " +
            (layout.lanes == 1 ? "0" : "lane") + ", " + pointerTo(value.base, value.indexed) + ", " +
            pointerTo(at.base, at.indexed) + ");");
  printStagedRow(op.getResult(), name, elementTypeName(op.getResult()));
}

void RegionPrinter::printScatter(ScatterOp op) {
  if (op.getResult().use_empty())
    return;
  RowLayout layout = layoutOf(op.getResult()), slots = layoutOf(op.getIndices());
  std::string indices = registers(op.getIndices()).base, values = registers(op.getInput()).base;
  note(op);
  bool staged = isStaged(layout, slots);
  std::string none = layout.values == 1 ? " = 0" : " = {}";
  std::string name = declareRow(op.getResult(), "scattered", staged && !layout.isPadded() ? "" : none);
  if (staged)
    return printScatterStaged(op, name);
  std::string target = name + (layout.values == 1 ? "" : "[j]"), here = positionOf(layout, {"j"}).text;
  statements(forEachPosition(layout, slots, indices, "if (" + here + " == at) " + target + " += value;",
                             elementTypeName(op.getResult()), values));
}

//===-- Elements at positions
//---------------------------------------------------------------------------------------===//

/// Whether a topk has made these positions, so that they are in a row of `size` or negative.
static bool isSelected(Value indices, int64_t size) {
  if (auto slice = indices.getDefiningOp<SliceOp>())
    return isSelected(slice.getInput(), size);
  auto topk = indices.getDefiningOp<TopkOp>();
  return topk && rowSize(topk.getInput()) <= size;
}

/// Whether all of them are in the row: those of a topk that no mask can leave short of elements.
static bool areAllFound(Value indices, int64_t size) {
  if (auto slice = indices.getDefiningOp<SliceOp>())
    return areAllFound(slice.getInput(), size);
  return isSelected(indices, size) && !indices.getDefiningOp<TopkOp>().getMask();
}

void RegionPrinter::printPick(Value result, Value input, Value indices) {
  RowLayout layout = layoutOf(input), slots = layoutOf(indices);
  Row source = registers(input), at = registers(indices);
  std::string type = elementTypeName(input);
  bool guarded = slots.isPadded() || !areAllFound(indices, layout.size);
  std::string position = at.base + (at.indexed ? "[j]" : ""), value;
  // Positions that a caller has given may be anything.
  Expression missing = isSelected(indices, layout.size)
                           ? Expression(position + " < 0", Precedence::Relation)
                           : Expression("(unsigned)" + position + " >= " + text(layout.size), Precedence::Relation);
  if (layout.values == 1 && layout.lanes > 1) {
    value = "moe_from_lane<" + text(layout.lanes) + ">(" + source.base + (source.marks ? " == 0" : "") + ", " +
            position + ")";
    openLoop(slots, result.getDefiningOp());
    if (!guarded)
      return defineRow(result, "picked", {value});
    std::string there = names.fresh("there"); // all lanes take part in the shuffle, whatever their position
    inLoop("const " + type + " " + there + " = " + value + ";");
    return defineRow(result, "picked", select(missing, {"0"}, {there}));
  }
  std::string start = stageRow(input);
  std::string word = type == "double" ? "2 * " + position : position;
  value = "moe_get<" + type + ">(shared, " + start + word + ")";
  Expression zero(type == "float" ? "0.0f" : type == "bool" ? "false" : "0");
  openLoop(slots, result.getDefiningOp());
  defineRow(result, "picked", guarded ? select(missing, zero, {value}) : value);
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

void RegionPrinter::printConcat(ConcatOp op) {
  if (op.getResult().use_empty())
    return;
  RowLayout layout = layoutOf(op.getResult()), head = layoutOf(op.getFirst());
  Row first = registers(op.getFirst()), second = registers(op.getSecond());
  std::string size = text(head.size), j = layout.values == 1 ? "0" : "j";
  note(op);
  auto at = [](const Row &row, const std::string &index) {
    return Expression(row.base + (row.indexed ? "[" + index + "]" : "") + (row.marks ? " == 0" : ""),
                      row.marks ? Precedence::Equality : Precedence::Primary);
  };
  if (layout.lanes == 1) {
    openLoop(layout, op);
    Expression inFirst(j + " < " + size, Precedence::Relation);
    defineRow(op.getResult(), "both", select(inFirst, at(first, j), at(second, j + " - " + size)));
    return closeLoop();
  }
  if (layout.values == 1) { // and so are they: one value in each lane
    openLoop(layout, op);
    std::string moved = names.fresh("moved"), type = elementTypeName(op.getResult()); // all lanes take part
    inLoop("const " + type + " " + moved + " = moe_from_lane<" + text(layout.lanes) + ">(" + at(second, j).text +
           ", lane - " + size + ");");
    defineRow(op.getResult(), "both", select({"lane < " + size, Precedence::Relation}, at(first, j), {moved}));
    return closeLoop();
  }
  printConcatStaged(op, first, second);
}

void RegionPrinter::printConcatStaged(ConcatOp op, const Row &first, const Row &second) {
  RowLayout layout = layoutOf(op.getResult());
  std::string type = elementTypeName(op.getResult());
  std::string start = reserveStage(layout, type == "double"), scale = type == "double" ? "2 * " : "";
  auto put = [&](const Row &row, const RowLayout &part, int64_t offset) {
    std::string position = positionOf(part, {"j"}).text;
    std::string guard = part.isPadded() ? "if (" + position + " < " + text(part.size) + ") " : "";
    std::string word = (offset ? text(offset) + " + " : "") + position;
    Lines code = part.values > 1 ? unrollPragma(part) : Lines();
    if (part.values > 1)
      code.push_back(loopHeader(part.values));
    code.push_back(indented(guard + "moe_put(shared, " + start + scale + (scale.empty() ? word : "(" + word + ")") +
                                ", " + row.base + (row.indexed ? "[j]" : "") + (row.marks ? " == 0" : "") + ");",
                            part.values > 1));
    statements(code);
  };
  put(first, layoutOf(op.getFirst()), 0);
  put(second, layoutOf(op.getSecond()), layoutOf(op.getFirst()).size);
  statement("moe_sync_warp();");
  std::string name = declareRow(op.getResult(), "both", layout.isPadded() ? layout.values == 1 ? " = 0" : " = {}" : "");
  printStagedRow(op.getResult(), name, type);
}

/// The ranks of this row's slots among those of the round, and of all rounds before.
void RegionPrinter::printRank(RankOp op) {
  if (op.getResult().use_empty())
    return;
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  RowLayout slots = layoutOf(op.getIndices());
  Row at = registers(op.getIndices());
  std::string symbol = accumulator.getSymName().str();
  RankUse use{accumulator, names.fresh(symbol + "_counts"), names.fresh(symbol + "_round"), slots.size};
  ranks.push_back(use);
  note(op);
  std::string name = declareRow(op.getResult(), "rank");
  statement("moe_rank<" + text(accumulator.getCount()) + ", " + text(slots.lanes) + ", " + text(slots.size) + ", " +
            text(slots.width) + ", round_rows>(shared, " + use.counts + ", " + use.round + ", " +
            (slots.lanes == 1 ? "0" : "lane") + ", live, " + pointerTo(at.base, at.indexed) + ", " +
            pointerTo(name, slots.values > 1) + ");");
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
