// Loads, stores and accumulators. A row in memory is read and written in vectors as wide as its layout and alignment
// allow; bf16 and f16 stay packed in words until the row is used.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static bool isHalf(BufferOp buffer) { return buffer.getType().isBF16() || buffer.getType().isF16(); }

static std::string bracketed(int64_t size) { return size == 1 ? "" : "[" + std::to_string(size) + "]"; }

/// Elements of one access to a row of `buffer`: at most 16 bytes, and consecutive in one lane.
static int64_t accessWidth(BufferOp buffer, const RowLayout &layout) {
  if (!hasVectors(buffer.getType()))
    return 1;
  int64_t width = 16 / static_cast<int64_t>(elementBytes(buffer.getType()));
  int64_t consecutive = layout.lanes == 1 ? width : layout.width;
  while (width > consecutive || layout.size % width != 0 || layout.values % width != 0)
    width /= 2;
  return width;
}

/// Address of an element of a buffer: `row * 64 + position`; without tokens just the position.
static std::string indexOf(StringRef row, int64_t size, const Expression &position) {
  if (row.empty())
    return position.text;
  std::string start = size == 1 ? row.str() : row.str() + " * " + std::to_string(size);
  return position.text == "0" ? start : start + " + " + position.text;
}

namespace {
/// One access of each lane to its part of a row: `if (guard) access(index, j)`, in a loop where a lane has several.
struct RowAccess {
  const RowLayout &layout;
  int64_t width;
  std::string row;   ///< "" for one row only
  std::string guard; ///< "" for none

  Lines print(llvm::function_ref<std::string(const std::string &index, const std::string &j)> access) const {
    bool single = layout.values == width;
    std::string j = single ? "0" : "j";
    Expression position = positionOf(layout, {j});
    std::string condition = guard;
    if (layout.isPadded())
      condition += (guard.empty() ? "" : " && ") + position.text + " < " + std::to_string(layout.size);
    std::string text =
        (condition.empty() ? "" : "if (" + condition + ") ") + access(indexOf(row, layout.size, position), j) + ";";
    if (single)
      return {text};
    Lines lines = unrollPragma(layout);
    std::string step = width == 1 ? "++j" : "j += " + std::to_string(width);
    lines.push_back("for (int j = 0; j < " + std::to_string(layout.values) + "; " + step + ")");
    lines.push_back(indented(text));
    return lines;
  }
};
} // namespace

bool moe::comesInLayers(BufferOp buffer) {
  Role role = buffer.getRole();
  return buffer->getParentOfType<ProgramOp>().getLayers() && buffer.getLevel() == 0 &&
         (role == Role::Input || role == Role::Output);
}

std::string moe::placeOf(StringRef row) { return row.str() + "_place"; }

std::string moe::placeDeclaration(StringRef row) {
  return "const moe_place " + placeOf(row) + " = moe_place_of(" + row.str() + ", layer_tokens);";
}

std::string RegionPrinter::rowOf(BufferOp buffer) const {
  Operation *pass = block.getParentOp();
  return isPerRow(buffer, pass) ? "row" : isPerPiece(buffer, pass) ? "piece" : "";
}

std::string RegionPrinter::arrayAt(BufferOp buffer, StringRef row) const {
  std::string array = program.parameters.lookup(buffer.getSymName());
  return comesInLayers(buffer) ? array + ".at[" + placeOf(row) + ".layer]" : array;
}

std::string RegionPrinter::rowIn(BufferOp buffer, StringRef row) const {
  return comesInLayers(buffer) ? placeOf(row) + ".row" : row.str();
}

//===-- Inputs with a row per token
//---------------------------------------------------------------------------------===//

static bool isPacked(const TokenLoad &load) {
  return isHalf(load.buffer) && load.isRow && accessWidth(load.buffer, load.layout) > 1;
}

static int64_t rawValues(const TokenLoad &load) {
  int64_t values = load.isRow ? load.layout.values : 1;
  return isPacked(load) ? values / 2 : values;
}

int64_t RegionPrinter::rawRegisters(const TokenLoad &load) const {
  return rawValues(load) * (load.buffer.getType().isF64() ? 2 : 1);
}

std::string RegionPrinter::declareRaw(const TokenLoad &load, StringRef name) const {
  StringRef type = isHalf(load.buffer) ? "unsigned" : cTypeName(load.buffer.getType());
  int64_t values = rawValues(load);
  std::string declaration = type.str() + " " + name.str() + bracketed(values);
  // Where there is no row, positions name nothing.
  if (load.isRow && load.buffer.getType().isInteger(32) && values <= RowLayout::maxUnrolledValues) {
    std::string list = "-1";
    for (int64_t n = 1; n < values; ++n)
      list += ", -1";
    return declaration + " = " + (values == 1 ? list : "{" + list + "}") + ";";
  }
  return declaration + (values == 1 ? " = 0;" : " = {};");
}

Lines RegionPrinter::loadRaw(const TokenLoad &load, StringRef name, StringRef row) const {
  std::string from = arrayAt(load.buffer, row), here = rowIn(load.buffer, row);
  std::string base = name.str();
  if (!load.isRow)
    return {base + " = moe_load1(" + from + ", " + (here.empty() ? "0" : here) + ");"};
  int64_t width = accessWidth(load.buffer, load.layout);
  RowAccess access{load.layout, width, here, ""};
  return access.print([&](const std::string &index, const std::string &j) {
    if (width == 1)
      return base + (load.layout.values == 1 ? "" : "[" + j + "]") + " = moe_load1(" + from + ", " + index + ")";
    std::string into = rawValues(load) == 1 ? "&" + base
                       : j == "0"           ? base
                                            : "&" + base + (isPacked(load) ? "[j / 2]" : "[j]");
    return "moe_load" + std::to_string(width) + "(" + from + ", " + index + ", " + into + ")";
  });
}

Expression RegionPrinter::converted(const TokenLoad &load, const std::string &j) const {
  int64_t values = load.isRow ? load.layout.values : 1;
  if (!isHalf(load.buffer))
    return load.raw + (values == 1 ? "" : "[" + j + "]");
  std::string word = load.raw + (rawValues(load) == 1 ? "" : isPacked(load) ? "[" + j + " / 2]" : "[" + j + "]");
  std::string half = isPacked(load) ? j + " % 2" : "0";
  return call(load.buffer.getType().isBF16() ? "moe_bf16" : "moe_f16", {{word}, {half}});
}

Lines RegionPrinter::convertRaw(const TokenLoad &load) const {
  int64_t values = load.isRow ? load.layout.values : 1;
  StringRef type = isHalf(load.buffer) ? "float" : cTypeName(load.buffer.getType());
  if (values == 1)
    return {"const " + type.str() + " " + load.name + " = " + converted(load, "0").text + ";"};
  Lines text{type.str() + " " + load.name + bracketed(values) + ";"};
  llvm::append_range(text, unrollPragma(load.layout));
  text.push_back(loopHeader(values));
  text.push_back(indented(load.name + "[j] = " + converted(load, "j").text + ";"));
  return text;
}

void RegionPrinter::printTokenLoad(LoadOp op, BufferOp buffer) {
  auto row = dyn_cast<RowType>(op.getResult().getType());
  auto known = llvm::find_if(tokenLoads, [&](const TokenLoad &load) { return load.buffer == buffer; });
  if (known == tokenLoads.end()) {
    RowLayout layout = row ? plan.of(row.getSize()) : RowLayout{1, plan.getLanes(), 1, 1};
    std::string name = names.fresh(buffer.getSymName());
    tokenLoads.push_back({buffer, layout, static_cast<bool>(row), name, names.fresh(name + "_next")});
    known = std::prev(tokenLoads.end());
  }
  if (row)
    rows[op.getResult()] = Row{known->name, known->layout.values > 1};
  else
    scalars[op.getResult()] = Expression(known->name);
}

/// The row of another token; where there is no such token, 0.
void RegionPrinter::printLoadAt(LoadAtOp op) {
  if (op.getResult().use_empty())
    return;
  closeLoop();
  note(op);
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  auto row = dyn_cast<RowType>(op.getResult().getType());
  RowLayout layout = row ? plan.of(row.getSize()) : RowLayout{1, plan.getLanes(), 1, 1};
  std::string name = names.fresh(buffer.getSymName().str() + "_there"), token = names.fresh(name + "_token");
  TokenLoad load{buffer, layout, static_cast<bool>(row), name, names.fresh(name + "_raw")};
  std::string type = isHalf(buffer) ? "unsigned" : cTypeName(buffer.getType()).str();
  statement("const long long " + token + " = " + scalar(op.getToken()).text + ";");
  Lines code{type + " " + load.raw + bracketed(rawValues(load)) + (rawValues(load) == 1 ? " = 0;" : " = {};")};
  code.push_back("if (" + std::string(hasMissingRows() ? "live && " : "") + token + " >= 0 && " + token +
                 " < token_count) {");
  if (comesInLayers(buffer))
    code.push_back(indented(placeDeclaration(token)));
  for (const std::string &line : loadRaw(load, load.raw, token))
    code.push_back(line.starts_with("#") ? line : indented(line));
  code.push_back("}");
  llvm::append_range(code, convertRaw(load));
  statements(code);
  if (row)
    rows[op.getResult()] = Row{name, layout.values > 1};
  else
    scalars[op.getResult()] = Expression(name);
}

//===-- Arrays without tokens, or with a row per piece
//---------------------------------------------------------------------------------------===//

static Expression loaded(BufferOp buffer, const std::string &from, const std::string &index) {
  Expression raw = call("moe_load1", {{from}, {index}});
  if (buffer.getType().isBF16())
    return call("moe_bf16", {raw, {"0"}});
  if (buffer.getType().isF16())
    return call("moe_f16", {raw, {"0"}});
  return buffer.getType().isInteger(1) ? binary(raw, "!=", {"0"}, Precedence::Equality) : raw;
}

void RegionPrinter::printWholeLoad(LoadOp op, BufferOp buffer) {
  std::string from = program.parameters.lookup(buffer.getSymName());
  if (buffer.getRole() == Role::Param) {
    scalars[op.getResult()] = Expression(from);
    return;
  }
  closeLoop();
  auto row = dyn_cast<RowType>(op.getResult().getType());
  std::string here = rowOf(buffer), name = names.fresh(buffer.getSymName()),
              type = cTypeName(row ? row.getElementType() : op.getResult().getType()).str();
  if (!row) {
    statement("const " + type + " " + name + " = " + loaded(buffer, from, here.empty() ? "0" : here).text + ";");
    scalars[op.getResult()] = Expression(name);
    return;
  }
  RowLayout layout = plan.of(row.getSize());
  Lines code{type + " " + name + bracketed(layout.values) + (layout.values == 1 ? " = 0;" : " = {};")};
  int64_t width = layout.values == 1 || isHalf(buffer) ? 1 : accessWidth(buffer, layout);
  RowAccess access{layout, width, here, ""};
  llvm::append_range(code, access.print([&](const std::string &index, const std::string &j) {
    if (width > 1)
      return "moe_load" + std::to_string(width) + "(" + from + ", " + index + ", " +
             (j == "0" ? name : "&" + name + "[j]") + ")";
    return name + (layout.values == 1 ? "" : "[" + j + "]") + " = " + loaded(buffer, from, index).text;
  }));
  statements(code);
  rows[op.getResult()] = Row{name, layout.values > 1};
}

void RegionPrinter::printLoad(LoadOp op) {
  if (op.getResult().use_empty() || rows.contains(op.getResult()) || scalars.contains(op.getResult()))
    return;
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  if (isPerRow(buffer, op))
    return printTokenLoad(op, buffer);
  if (buffer.getRole() != Role::Param)
    note(op);
  printWholeLoad(op, buffer);
}

//===-- Outputs
//-----------------------------------------------------------------------------------------------------===//

static Expression stored(BufferOp buffer, const Expression &value) {
  if (buffer.getType().isBF16())
    return call("moe_to_bf16", {value});
  return buffer.getType().isF16() ? call("moe_to_f16", {value}) : value;
}

static std::string conditional(const std::string &guard, const std::string &statement) {
  return (guard.empty() ? "" : "if (" + guard + ") ") + statement;
}

static std::string both(const std::string &first, const std::string &second) {
  return first.empty() || second.empty() ? first + second : first + " && " + second;
}

/// Registers of `source` plus, where the call adds (MOE_ADD), what stands in the buffer.
RegionPrinter::Row RegionPrinter::addedOnto(BufferOp buffer, const RowLayout &layout, bool isRow, const Row &source) {
  std::string total = names.fresh((buffer.getSymName() + "_total").str()),
              type = isHalf(buffer) ? "float" : cTypeName(buffer.getType()).str();
  TokenLoad before{buffer, layout, isRow, "", names.fresh((buffer.getSymName() + "_before").str())};
  std::string condition = "phase & MOE_ADD";
  if (hasMissingRows())
    condition += " && live";
  if (!isRow && plan.getLanes() > 1)
    condition += " && lane == 0";
  int64_t values = isRow ? layout.values : 1;
  Lines pragma = values > 1 ? unrollPragma(layout) : Lines(), code;
  std::string at = values > 1 ? "[j]" : "";
  auto forEach = [&](const std::string &text, int level) {
    llvm::append_range(code, pragma);
    if (values > 1)
      code.push_back(indented(loopHeader(values), level));
    code.push_back(indented(text, level + (values > 1)));
  };
  if (values == 1) {
    code.push_back(type + " " + total + " = " + source.base + ";");
  } else {
    code.push_back(type + " " + total + bracketed(values) + ";");
    forEach(total + "[j] = " + source.base + "[j];", 0);
  }
  code.push_back("if (" + condition + ") { // onto what stands there");
  code.push_back(indented(declareRaw(before, before.raw)));
  for (const std::string &line : loadRaw(before, before.raw, rowOf(buffer)))
    code.push_back(line.starts_with("#") ? line : indented(line));
  forEach(total + at + " += " + converted(before, values == 1 ? "0" : "j").text + ";", 1);
  code.push_back("}");
  statements(code);
  return Row{total, values > 1};
}

void RegionPrinter::printScalarStore(StoreOp op, BufferOp buffer, const std::string &guard) {
  std::string here = rowOf(buffer), into = arrayAt(buffer, here);
  Expression value = scalar(op.getValue());
  if (buffer.getAdds()) {
    RowLayout one{1, plan.getLanes(), 1, 1};
    value = Expression(addedOnto(buffer, one, false, Row{value.text}).base);
  }
  std::string once = plan.getLanes() > 1 ? both(guard, "lane == 0") : guard, at = rowIn(buffer, here);
  statement(conditional(once, "moe_store1(" + into + ", " + (at.empty() ? "0" : at) + ", " +
                                  stored(buffer, value).text + ");"));
}

/// Packs a row of bf16 or f16 two to a word; gives the registers.
std::string RegionPrinter::packed(BufferOp buffer, const RowLayout &layout, const std::string &source) {
  std::string name = names.fresh((buffer.getSymName() + "_packed").str());
  Lines code{"unsigned " + name + bracketed(layout.values / 2) + ";"};
  llvm::append_range(code, unrollPragma(layout));
  code.push_back(loopHeader(layout.values, "j", 2));
  code.push_back(indented(name + (layout.values == 2 ? "" : "[j / 2]") + " = " +
                          (buffer.getType().isBF16() ? "moe_pack_bf16(" : "moe_pack_f16(") + source + "[j], " + source +
                          "[j + 1]);"));
  statements(code);
  return layout.values == 2 ? "&" + name : name;
}

void RegionPrinter::printRowStore(StoreOp op, BufferOp buffer, const std::string &guard) {
  std::string here = rowOf(buffer), into = arrayAt(buffer, here);
  RowLayout layout = layoutOf(op.getValue());
  Row source = registers(op.getValue());
  if (buffer.getAdds())
    source = addedOnto(buffer, layout, true, source);
  int64_t width = source.indexed && !source.marks ? accessWidth(buffer, layout) : 1;
  bool halves = width > 1 && isHalf(buffer);
  std::string from = halves ? packed(buffer, layout, source.base) : source.base;
  RowAccess access{layout, width, rowIn(buffer, here), guard};
  statements(access.print([&](const std::string &index, const std::string &j) {
    if (width > 1)
      return "moe_store" + std::to_string(width) + "(" + into + ", " + index + ", " +
             (j == "0" ? from : "&" + from + (halves ? "[j / 2]" : "[j]")) + ")";
    std::string value = source.base + (source.indexed ? "[" + j + "]" : "") + (source.marks ? " == 0" : "");
    return "moe_store1(" + into + ", " + index + ", " + stored(buffer, {value}).text + ")";
  }));
}

void RegionPrinter::printStore(StoreOp op) {
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  std::string guard = hasMissingRows() ? "live" : "";
  if (comesInLayers(buffer) && !buffer.getLayered()) // the same for all layers: the first one writes it
    guard = both(guard, placeOf("row") + ".layer == 0");
  if (buffer.getRole() == Role::Saved) // the caller may not want to keep it
    guard = both(guard, program.parameters.lookup(buffer.getSymName()) + " != nullptr");
  closeLoop();
  note(op);
  if (buffer.getRole() == Role::State && !std::exchange(statesAreRead, true))
    statement("moe_sync_warp(); // all lanes have read the old states");
  if (isa<RowType>(op.getValue().getType()))
    printRowStore(op, buffer, guard);
  else
    printScalarStore(op, buffer, guard);
}

/// Each slot of a lane goes to its own place, if there is one.
void RegionPrinter::printStoreAt(StoreAtOp op) {
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  RowLayout layout = layoutOf(op.getPositions());
  Row value = registers(op.getValues()), at = registers(op.getPositions());
  note(op);
  std::string size = std::to_string(static_cast<int64_t>(*buffer.getPerToken())) + " * token_count + " +
                     std::to_string(static_cast<int64_t>(*buffer.getExtra()));
  auto element = [](const Row &row) { return row.base + (row.indexed ? "[j]" : ""); };
  std::string guard = hasMissingRows() ? "live" : "";
  if (layout.isPadded())
    guard = both(guard, positionOf(layout, {"j"}).text + " < " + std::to_string(layout.size));
  guard = both(guard, "(unsigned)" + element(at) + " < " + size);
  Lines code = layout.values > 1 ? unrollPragma(layout) : Lines();
  if (layout.values > 1)
    code.push_back(loopHeader(layout.values));
  code.push_back(indented("if (" + guard + ") moe_store1(" + program.parameters.lookup(buffer.getSymName()) + ", " +
                              element(at) + ", " + element(value) + ");",
                          layout.values > 1));
  statements(code);
}

//===-- Accumulators
//------------------------------------------------------------------------------------------------===//

void RegionPrinter::printAccumulate(AccumulateOp op) {
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  Combine combine = accumulator.getCombine();
  std::string &name = accumulators[accumulator.getSymNameAttr()];
  if (name.empty())
    name = names.fresh(accumulatedName(accumulator));
  std::string guard = hasMissingRows() ? "if (live) " : "";
  if (!isa<RowType>(op.getValue().getType())) {
    closeLoop();
    note(op);
    Expression value = scalar(op.getValue());
    statement(guard + updateStatement(combine, name, value));
    return;
  }
  RowLayout layout = layoutOf(op.getValue());
  openLoop(layout, op);
  note(op);
  Expression value = element(op.getValue());
  inLoop(guard + updateStatement(combine, name + (layout.values == 1 ? "" : "[j]"), value));
}

/// Reads an accumulator of a piece, which is complete in shared memory.
void RegionPrinter::printReadOfPiece(ReadOp op) {
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  std::string type = cTypeName(accumulator.getType()).str(), name = names.fresh(accumulatedName(accumulator));
  int64_t offset = totalWords.lookup(op.getAccumulator());
  std::string start = offset ? "total + " + std::to_string(offset) : "total";
  std::string scale = accumulator.getType().isF64() ? "2 * (" : "";
  auto row = dyn_cast<RowType>(op.getResult().getType());
  if (!row) {
    statement("const " + type + " " + name + " = moe_get<" + type + ">(shared, " + start + ");");
    scalars[op.getResult()] = Expression(name);
    return;
  }
  RowLayout layout = plan.of(row.getSize());
  Lines text{type + " " + name + bracketed(layout.values) + (layout.values == 1 ? " = 0;" : " = {};")};
  RowAccess access{layout, 1, "", ""};
  llvm::append_range(text, access.print([&](const std::string &index, const std::string &j) {
    return name + (layout.values == 1 ? "" : "[" + j + "]") + " = moe_get<" + type + ">(shared, " + start + " + " +
           scale + index + (scale.empty() ? ")" : "))");
  }));
  statements(text);
  rows[op.getResult()] = Row{name, layout.values > 1};
}

void RegionPrinter::printRead(ReadOp op) {
  if (op.getResult().use_empty())
    return;
  if (kind == RegionKind::Pieces) {
    closeLoop();
    note(op);
    return printReadOfPiece(op);
  }
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  StringRef type = cTypeName(accumulator.getType());
  closeLoop();
  note(op);
  std::string from = "moe_at<const " + type.str() + ">(" + totalsBlock(block.getParentOp()) + ", " +
                     std::to_string(accumulatorLayout.offsetOf(accumulator.getSymName())) + ")";
  std::string name = names.fresh(accumulatedName(accumulator));
  auto row = dyn_cast<RowType>(op.getResult().getType());
  if (!row) {
    statement("const " + type.str() + " " + name + " = moe_load1(" + from + ", 0);");
    scalars[op.getResult()] = Expression(name);
    return;
  }
  RowLayout layout = plan.of(row.getSize());
  Lines text{type.str() + " " + name + bracketed(layout.values) + (layout.values == 1 ? " = 0;" : " = {};")};
  RowAccess access{layout, 1, "", ""};
  llvm::append_range(text, access.print([&](const std::string &index, const std::string &j) {
    return name + (layout.values == 1 ? "" : "[" + j + "]") + " = moe_load1(" + from + ", " + index + ")";
  }));
  statements(text);
  rows[op.getResult()] = Row{name, layout.values > 1};
}
