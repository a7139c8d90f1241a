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
  if (buffer.getType().isInteger(1))
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
  std::string row;   ///< "" for an array without tokens
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
  return type.str() + " " + name.str() + bracketed(values) + (values == 1 ? " = 0;" : " = {};");
}

Lines RegionPrinter::loadRaw(const TokenLoad &load, StringRef name, StringRef row) const {
  std::string from = program.parameters.lookup(load.buffer.getSymName());
  std::string base = name.str();
  if (!load.isRow)
    return {base + " = moe_load1(" + from + ", " + row.str() + ");"};
  int64_t width = accessWidth(load.buffer, load.layout);
  RowAccess access{load.layout, width, row.str(), ""};
  return access.print([&](const std::string &index, const std::string &j) {
    if (width == 1)
      return base + (load.layout.values == 1 ? "" : "[" + j + "]") + " = moe_load1(" + from + ", " + index + ")";
    std::string into = rawValues(load) == 1 ? "&" + base
                       : j == "0"           ? base
                                            : "&" + base + (isPacked(load) ? "[j / 2]" : "[j]");
    return "moe_load" + std::to_string(width) + "(" + from + ", " + index + ", " + into + ")";
  });
}

Lines RegionPrinter::convertRaw(const TokenLoad &load) const {
  int64_t values = load.isRow ? load.layout.values : 1;
  StringRef type = isHalf(load.buffer) ? "float" : cTypeName(load.buffer.getType());
  StringRef convert = load.buffer.getType().isBF16() ? "moe_bf16" : "moe_f16";
  auto value = [&](const std::string &j) {
    if (!isHalf(load.buffer))
      return load.raw + (values == 1 ? "" : "[" + j + "]");
    std::string word = load.raw + (rawValues(load) == 1 ? "" : isPacked(load) ? "[" + j + " / 2]" : "[" + j + "]");
    return convert.str() + "(" + word + ", " + (isPacked(load) ? j + " % 2" : "0") + ")";
  };
  if (values == 1)
    return {"const " + type.str() + " " + load.name + " = " + value("0") + ";"};
  Lines text{type.str() + " " + load.name + bracketed(values) + ";"};
  llvm::append_range(text, unrollPragma(load.layout));
  text.push_back(loopHeader(values));
  text.push_back(indented(load.name + "[j] = " + value("j") + ";"));
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

//===-- Arrays without tokens
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
  Lines &target = finish ? lines : invariants;
  closeLoop();
  llvm::append_range(target, takeComments());
  auto row = dyn_cast<RowType>(op.getResult().getType());
  std::string name = names.fresh(buffer.getSymName()),
              type = cTypeName(row ? row.getElementType() : op.getResult().getType()).str();
  if (!row) {
    target.push_back("const " + type + " " + name + " = " + loaded(buffer, from, "0").text + ";");
    scalars[op.getResult()] = Expression(name);
    return;
  }
  RowLayout layout = plan.of(row.getSize());
  target.push_back(type + " " + name + bracketed(layout.values) + (layout.values == 1 ? " = 0;" : " = {};"));
  RowAccess access{layout, 1, "", ""};
  llvm::append_range(target, access.print([&](const std::string &index, const std::string &j) {
    return name + (layout.values == 1 ? "" : "[" + j + "]") + " = " + loaded(buffer, from, index).text;
  }));
  rows[op.getResult()] = Row{name, layout.values > 1};
}

void RegionPrinter::printLoad(LoadOp op) {
  if (op.getResult().use_empty())
    return;
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  if (buffer.isPerToken())
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

void RegionPrinter::printStore(StoreOp op) {
  BufferOp buffer = lookupBuffer(op, op.getBuffer());
  std::string into = program.parameters.lookup(buffer.getSymName());
  bool perToken = buffer.isPerToken();
  std::string live = hasMissingRows() ? "live" : "";
  closeLoop();
  note(op);
  auto row = dyn_cast<RowType>(op.getValue().getType());
  if (!row) {
    Expression value = stored(buffer, scalar(op.getValue()));
    std::string once = live;
    if (plan.getLanes() > 1)
      once += (live.empty() ? "" : " && ") + std::string("lane == 0");
    statement((once.empty() ? "" : "if (" + once + ") ") + "moe_store1(" + into + ", " + (perToken ? "row" : "0") +
              ", " + value.text + ");");
    return;
  }
  RowLayout layout = plan.of(row.getSize());
  const Row &source = registers(op.getValue());
  bool vector = source.indexed && !source.marks && (buffer.getType().isF32() || buffer.getType().isInteger(32));
  int64_t width = vector ? accessWidth(buffer, layout) : 1;
  RowAccess access{layout, width, perToken ? "row" : "", live};
  statements(access.print([&](const std::string &index, const std::string &j) {
    if (width > 1)
      return "moe_store" + std::to_string(width) + "(" + into + ", " + index + ", " +
             (j == "0" ? source.base : "&" + source.base + "[j]") + ")";
    std::string value = source.base + (source.indexed ? "[" + j + "]" : "") + (source.marks ? " == 0" : "");
    return "moe_store1(" + into + ", " + index + ", " + stored(buffer, {value}).text + ")";
  }));
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

void RegionPrinter::printRead(ReadOp op) {
  if (op.getResult().use_empty())
    return;
  AccumulatorOp accumulator = lookupAccumulator(op, op.getAccumulator());
  StringRef type = cTypeName(accumulator.getType());
  closeLoop();
  note(op);
  std::string from = "moe_at<const " + type.str() + ">(accumulators, " +
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
