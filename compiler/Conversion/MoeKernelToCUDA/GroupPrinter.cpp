// Groups of elements: reductions to a row of groups, sums of the greatest of each group, and expansion back. Three
// forms: all of a row in one lane; groups that are equal blocks of whole vectors and of a power of two of lanes
// (shuffles); and any other grouping, through shared memory.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static std::string text(int64_t number) { return std::to_string(number); }
static std::string quotient(const std::string &dividend, int64_t divisor) {
  return divisor == 1 ? dividend : dividend + " / " + text(divisor);
}
static int64_t rowSize(Value row) { return cast<RowType>(row.getType()).getSize(); }
static Type elementType(Value row) { return cast<RowType>(row.getType()).getElementType(); }

/// Gives a row of `layout` its part of shared memory, and the prefix of words in it: "stage + ".
std::string RegionPrinter::reserveStage(const RowLayout &layout, bool isDouble) {
  int64_t size = llvm::alignTo(layout.values * layout.lanes * (isDouble ? 2 : 1), 4);
  stageWords = std::max(stageWords, size);
  return kind == RegionKind::Finish ? "" : "stage + ";
}

/// Puts a row into this row's part of shared memory, in the order of its elements, for reading by other lanes of the
/// warp. Gives the word at which the row starts. Whoever reads it ends with moe_sync_warp.
std::string RegionPrinter::stageRow(Value row) {
  RowLayout layout = layoutOf(row);
  int64_t words = elementType(row).isF64() ? 2 : 1;
  Row source = registers(row);
  std::string start = reserveStage(layout, words == 2);
  std::string scale = words == 2 ? "2 * " : "";
  Lines code = unrollPragma(layout);
  bool vector = source.indexed && !source.marks && elementType(row).isF32() && layout.values % 4 == 0 &&
                (layout.width % 4 == 0 || layout.lanes == 1);
  if (layout.values == 1) {
    std::string position = positionOf(layout, {"j"}).text;
    code = {"moe_put(shared, " + start + scale + position + ", " + source.base + (source.marks ? " == 0" : "") + ");"};
  } else if (vector) {
    code.push_back(loopHeader(layout.values, "j", 4));
    code.push_back(
        indented("moe_put4(shared, " + start + positionOf(layout, {"j"}).text + ", &" + source.base + "[j]);"));
  } else {
    std::string position = positionOf(layout, {"j"}).text;
    if (words == 2)
      position = "2 * (" + position + ")";
    code.push_back(loopHeader(layout.values));
    code.push_back(indented("moe_put(shared, " + start + position + ", " + source.base + "[j]" +
                            (source.marks ? " == 0" : "") + ");"));
  }
  code.push_back("moe_sync_warp();");
  statements(code);
  return start;
}

//===-- Reductions
//--------------------------------------------------------------------------------------------------===//

/// Registers of `count` groups; with `start`, at their neutral elements.
std::string RegionPrinter::groupDeclaration(const GroupWork &work, StringRef name, int64_t count, bool start) const {
  Type type = elementType(work.input);
  std::string cType = work.top ? type.isF64() ? "unsigned long long" : "unsigned" : cTypeName(type).str();
  int64_t size = count * std::max<int64_t>(1, work.top);
  std::string declaration = cType + " " + name.str() + (size == 1 ? "" : "[" + text(size) + "]");
  if (!start)
    return declaration + ";";
  if (work.top || work.combine == Combine::Sum)
    return declaration + (size == 1 ? " = 0;" : " = {};");
  std::string neutral = neutralElement(work.combine, type);
  if (size == 1)
    return declaration + " = " + neutral + ";";
  std::string list = neutral;
  for (int64_t n = 1; n < size; ++n)
    list += ", " + neutral;
  return declaration + " = {" + list + "};";
}

bool RegionPrinter::GroupWork::isOrderedSum() const {
  return !top && combine == Combine::Sum && isa<FloatType>(elementType(input));
}

/// Adds `element` to group `index` ("" where there is one).
std::string RegionPrinter::groupUpdate(const GroupWork &work, StringRef target, StringRef index, StringRef element) {
  if (!work.top)
    return updateStatement(work.combine, target.str() + (index.empty() ? "" : "[" + index.str() + "]"),
                           Expression(element.str()));
  std::string into = target.str();
  if (work.top == 1)
    into = "&" + into + (index.empty() ? "" : "[" + index.str() + "]");
  else if (!index.empty())
    into = "&" + into + "[" + index.str() + " * " + text(work.top) + "]";
  return "moe_top_insert<" + text(work.top) + ">(" + into + ", moe_key(" + element.str() + "));";
}

void RegionPrinter::printGroups(const GroupWork &work) {
  if (work.result.use_empty())
    return;
  Operation *op = work.result.getDefiningOp();
  RowLayout layout = layoutOf(work.input);
  int64_t count = rowSize(work.result), size = layout.size;
  bool equal = areEqualBlocks(work.groups, size, count);
  int64_t vectors = equal && size / count % layout.width == 0 ? size / count / layout.width : 0;
  registers(work.input);
  note(op);
  std::string name = freshName(work.result, work.top ? "top_sum" : combineName(work.combine));
  rows[work.result] = Row{name, layoutOf(work.result).values > 1};
  if (plan.getLanes() == 1)
    printGroupsInLane(work, name);
  else if (vectors && llvm::isPowerOf2_64(vectors) && vectors <= plan.getLanes() && !layout.isLooped())
    printGroupsInBlocks(work, name);
  else
    printGroupsStaged(work, name);
}

/// One lane holds the row and all groups, of floats to add up.
void RegionPrinter::printGroupSumsInLane(const GroupWork &work, const std::string &name) {
  const Row &input = rows.find(work.input)->second;
  int64_t count = rowSize(work.result), size = rowSize(work.input);
  std::string type = cTypeName(elementType(work.input)).str();
  auto sum = [&](int64_t members, const std::string &first) {
    return members == 1 ? "*(" + first + ")" : "moe_sum_row<1, 1, " + text(members) + ">(" + first + ")";
  };
  std::string into = count == 1 ? "const " + type + " " + name : name + "[j]";
  Lines code;
  if (count > 1)
    code.push_back(type + " " + name + "[" + text(count) + "];");
  if (areEqualBlocks(work.groups, size, count)) {
    std::string first = !input.indexed ? "&" + input.base : input.base;
    if (count > 1) {
      code.push_back("#pragma unroll");
      code.push_back(loopHeader(count));
      first += " + j * " + text(size / count);
    }
    code.push_back(indented(into + " = " + sum(size / count, first) + ";", count > 1));
    return statements(code);
  }
  std::string members = names.fresh(name + "_members"), list;
  int64_t n = 0;
  SmallVector<int64_t> starts(1, 0);
  SmallVector<int32_t> groupOf = groupsOf(work.groups, size, count);
  for (int64_t g = 0; g < count; ++g) {
    for (auto [e, group] : llvm::enumerate(groupOf))
      if (group == g)
        list += (n++ ? ", " : "") + input.base + (input.indexed ? "[" + text(e) + "]" : "");
    starts.push_back(n);
  }
  code.push_back("const " + type + " " + members + "[" + text(n) + "] = {" + list + "};");
  for (int64_t g = 0; g < count; ++g)
    code.push_back(
        (count == 1 ? into : name + "[" + text(g) + "]") + " = " +
        (starts[g] == starts[g + 1] ? "0" : sum(starts[g + 1] - starts[g], members + " + " + text(starts[g]))) + ";");
  statements(code);
}

/// One lane holds the row and all groups.
void RegionPrinter::printGroupsInLane(const GroupWork &work, const std::string &name) {
  RowLayout layout = layoutOf(work.input);
  const Row &input = rows.find(work.input)->second;
  int64_t count = rowSize(work.result), size = layout.size;
  if (work.isOrderedSum())
    return printGroupSumsInLane(work, name);
  std::string target = work.top ? names.fresh(name + "_keys") : name;
  Lines code{groupDeclaration(work, target, count, true)};
  std::string element = input.indexed ? input.base + "[j]" : input.base;
  if (areEqualBlocks(work.groups, size, count) && layout.values > 1) {
    code.push_back("#pragma unroll");
    code.push_back(loopHeader(size));
    code.push_back(indented(groupUpdate(work, target, count == 1 ? "" : quotient("j", size / count), element)));
  } else {
    for (auto [e, group] : llvm::enumerate(groupsOf(work.groups, size, count)))
      code.push_back(groupUpdate(work, target, count == 1 ? "" : text(group),
                                 input.indexed ? input.base + "[" + text(e) + "]" : input.base));
  }
  if (work.top) {
    std::string top = text(work.top);
    StringRef type = cTypeName(elementType(work.input));
    std::string sum = "moe_top_sum<" + top + ">(";
    if (count == 1) {
      code.push_back("const " + type.str() + " " + name + " = " + sum + (work.top == 1 ? "&" : "") + target + ");");
    } else {
      code.push_back(type.str() + " " + name + "[" + text(count) + "];");
      code.push_back("#pragma unroll");
      code.push_back(loopHeader(count));
      code.push_back(
          indented(name + "[j] = " + sum + "&" + target + "[j" + (work.top == 1 ? "" : " * " + top) + "]);"));
    }
  }
  statements(code);
}

/// The lane that holds group `lane` of a chunk with `perChunk` groups of `groupLanes` lanes each.
static std::string groupLane(int64_t perChunk, int64_t lanes, int64_t groupLanes) {
  if (perChunk == 1)
    return "0";
  std::string lane = perChunk == lanes ? "lane" : "lane % " + text(perChunk);
  return groupLanes > 1 ? lane + " * " + text(groupLanes) : lane;
}

/// Hands group g to lane g. Group jj * lanes + lane is in chunk jj * groupLanes + lane / perChunk, in lane
/// (lane % perChunk) * groupLanes there, as `whole`; `code` has opened a loop over the chunks where there are several.
void RegionPrinter::handOutGroups(const GroupWork &work, const std::string &name, const std::string &whole,
                                  Lines code) {
  RowLayout layout = layoutOf(work.input), groups = layoutOf(work.result);
  int64_t lanes = layout.lanes, groupLanes = layout.size / groups.size / layout.width, perChunk = lanes / groupLanes;
  std::string from = groupLane(perChunk, lanes, groupLanes);
  std::string moved = "moe_from_lane<" + text(lanes) + ">(" + whole + ", " + from + ")";
  if (layout.values == layout.width) {
    code.push_back(name + " = " + moved + ";");
    return statements(code);
  }
  std::string received = names.fresh(name + "_received");
  code.push_back(
      indented("const " + cTypeName(elementType(work.input)).str() + " " + received + " = " + moved + ";", 1));
  for (int64_t j = 0; j < groups.values; ++j) {
    std::string chunk = perChunk == lanes ? "" : quotient("lane", perChunk);
    if (j > 0 || chunk.empty())
      chunk = chunk.empty() ? text(j * groupLanes) : text(j * groupLanes) + " + " + chunk;
    code.push_back(indented("if (c == " + chunk + ") " + name + (groups.values == 1 ? "" : "[" + text(j) + "]") +
                                " = " + received + ";",
                            1));
  }
  code.push_back("}");
  statements(code);
}

/// Each group is whole vectors of neighbouring lanes: reduce within vectors, then over those lanes.
void RegionPrinter::printGroupsInBlocks(const GroupWork &work, const std::string &name) {
  RowLayout layout = layoutOf(work.input), groups = layoutOf(work.result);
  const Row &input = rows.find(work.input)->second;
  int64_t width = layout.width, chunks = layout.values / width, groupLanes = layout.size / groups.size / width;
  std::string part = names.fresh(name + "_part"), index = chunks == 1 ? "" : quotient("j", width);
  std::string type = cTypeName(elementType(work.input)).str(), laneCount = text(groupLanes);
  bool ordered = work.isOrderedSum();
  Lines code;
  if (!ordered)
    code.push_back(groupDeclaration(work, part, chunks, true));
  std::string update = groupUpdate(work, part, index, input.indexed ? input.base + "[j]" : input.base);
  if (ordered) {
    // Added up below, a chunk at a time.
  } else if (layout.values == 1) {
    code.push_back(update);
  } else {
    code.push_back("#pragma unroll");
    code.push_back(loopHeader(layout.values));
    code.push_back(indented(update));
  }
  code.push_back(type + " " + name + (groups.values == 1 ? " = 0;" : "[" + text(groups.values) + "] = {};"));
  bool several = chunks > 1;
  if (several) {
    code.push_back("#pragma unroll");
    code.push_back(loopHeader(chunks, "c") + " {");
  }
  int level = several;
  std::string element = part + (several ? work.top > 1 ? "[c * " + text(work.top) + "]" : "[c]" : "");
  std::string whole = names.fresh(name + "_whole");
  if (work.top) {
    std::string pointer = several || work.top == 1 ? "&" + element : part;
    if (groupLanes > 1)
      code.push_back(indented("moe_top_lanes<" + text(work.top) + ", " + laneCount + ">(" + pointer + ");", level));
    code.push_back(
        indented("const " + type + " " + whole + " = moe_top_sum<" + text(work.top) + ">(" + pointer + ");", level));
  } else if (ordered) {
    std::string vector = (input.indexed ? "" : "&") + input.base + (several ? " + c * " + text(width) : "");
    code.push_back(indented("const " + type + " " + whole + " = moe_sum_row<" + laneCount + ", " + text(width) + ", " +
                                text(width) + ">(" + vector + ");",
                            level));
  } else if (groupLanes > 1) {
    code.push_back(indented(("const " + type + " " + whole + " = moe_" + combineName(work.combine) + "_lanes<" +
                             laneCount + ">(" + element + ");")
                                .str(),
                            level));
  } else {
    whole = element;
  }
  handOutGroups(work, name, whole, code);
}

/// Where in a staged row the elements of a group are.
RegionPrinter::StagedGroup RegionPrinter::stagedGroup(const GroupWork &work, const std::string &name,
                                                      const std::string &group) {
  int64_t size = rowSize(work.input), count = rowSize(work.result), most = size / count;
  if (areEqualBlocks(work.groups, size, count))
    return {group + " * " + text(most), "", text(most), most};
  SmallVector<int32_t> groupOf = groupsOf(work.groups, size, count), order(size), ends(1, 0);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int32_t a, int32_t b) { return std::pair(groupOf[a], a) < std::pair(groupOf[b], b); });
  most = 0;
  for (int64_t g = 0; g < count; ++g) {
    int64_t members = llvm::count(groupOf, g);
    ends.push_back(ends.back() + members);
    most = std::max(most, members);
  }
  std::string members = program.table(name + "_members", order), starts = program.table(name + "_starts", ends);
  std::string first = "moe_constant(" + starts + ", " + group + ")";
  return {first, members, "moe_constant(" + starts + ", " + group + " + 1) - " + first, most};
}

/// Lane g reads the elements of group g from shared memory, in their order.
void RegionPrinter::printGroupsStaged(const GroupWork &work, const std::string &name) {
  RowLayout groups = layoutOf(work.result);
  std::string start = stageRow(work.input);
  std::string type = cTypeName(elementType(work.input)).str(), scale = type == "double" ? "2 * " : "";
  std::string group = groups.values == 1 ? "lane" : "(" + positionOf(groups, {"j"}).text + ")";
  bool ordered = work.isOrderedSum(), several = groups.values > 1;
  std::string target = !several && !work.top ? name : names.fresh(name + "_group");
  StagedGroup staged = stagedGroup(work, name, group);
  Lines code;
  if (several || work.top)
    code.push_back(type + " " + name + (several ? "[" + text(groups.values) + "] = {};" : " = 0;"));
  if (several) {
    llvm::append_range(code, unrollPragma(groups));
    code.push_back(loopHeader(groups.values) + " {");
  }
  int level = several;
  code.push_back(indented(groupDeclaration(work, target, 1, true), level));
  code.push_back(indented(
      groups.isPadded() ? "if (" + positionOf(groups, {"j"}).text + " < " + text(groups.size) + ") {" : "{", level));
  code.push_back(indented("const int first = " + staged.first + ", members = " + staged.count + ";", level + 1));
  std::string at = staged.table.empty() ? "first + n" : "moe_constant(" + staged.table + ", first + n)";
  if (!scale.empty())
    at = scale + "(" + at + ")";
  std::string value = "moe_get<" + type + ">(shared, " + start + at + ")";
  if (ordered) {
    code.push_back(indented(target + " = moe_sum_members<" + type + ", " + text(staged.most) +
                                ">(members, [&](int n) { return " + value + "; });",
                            level + 1));
  } else {
    code.push_back(indented("for (int n = 0; n < members; ++n)", level + 1));
    code.push_back(indented(groupUpdate(work, target, "", value), level + 2));
  }
  code.push_back(indented("}", level));
  std::string result = name + (several ? "[j]" : "");
  if (work.top)
    code.push_back(indented(
        result + " = moe_top_sum<" + text(work.top) + ">(" + (work.top == 1 ? "&" : "") + target + ");", level));
  else if (several)
    code.push_back(indented(result + " = " + target + ";", level));
  if (several)
    code.push_back("}");
  code.push_back("moe_sync_warp();");
  statements(code);
}

void RegionPrinter::printGroupReduce(kernel::ReduceOp op) {
  printGroups({op.getInput(), op.getResult(), op.getGroups(), op.getKind(), 0});
}

void RegionPrinter::printGroupTopSum(GroupTopSumOp op) {
  printGroups({op.getInput(), op.getResult(), op.getGroups(), Combine::Sum, static_cast<int64_t>(op.getN())});
}

//===-- Expansion
//---------------------------------------------------------------------------------------------------===//

/// One lane holds the row and all groups.
void RegionPrinter::printExpandInLane(ExpandOp op) {
  RowLayout layout = layoutOf(op.getResult()), groups = layoutOf(op.getInput());
  Row input = registers(op.getInput());
  std::string mark = input.marks ? " == 0" : "";
  std::string name = declareRow(op.getResult(), "spread", layout.values == 1 ? " = " + input.base + mark : "");
  if (layout.values == 1)
    return;
  if (areEqualBlocks(op.getGroups(), layout.size, groups.size)) {
    std::string group = groups.values == 1 ? "" : "[" + quotient("j", layout.size / groups.size) + "]";
    return statements(
        {"#pragma unroll", loopHeader(layout.values), indented(name + "[j] = " + input.base + group + mark + ";")});
  }
  Lines code;
  for (auto [e, group] : llvm::enumerate(groupsOf(op.getGroups(), layout.size, groups.size)))
    code.push_back(name + "[" + text(e) + "] = " + input.base + (groups.values == 1 ? "" : "[" + text(group) + "]") +
                   mark + ";");
  statements(code);
}

void RegionPrinter::printExpand(ExpandOp op) {
  if (op.getResult().use_empty())
    return;
  RowLayout layout = layoutOf(op.getResult()), groups = layoutOf(op.getInput());
  int64_t blockSize = layout.size / groups.size;
  bool equal = areEqualBlocks(op.getGroups(), layout.size, groups.size);
  Row input = registers(op.getInput());
  note(op);
  std::string mark = input.marks ? " == 0" : "", type = cTypeName(elementType(op.getInput())).str();
  if (plan.getLanes() == 1)
    return printExpandInLane(op);
  if (equal && groups.values == 1 && blockSize % layout.width == 0) {
    openLoop(layout, op);
    std::string lanes = "moe_from_lane<" + text(layout.lanes) + ">(" + input.base + mark + ", ";
    if (layout.width == 1) {
      std::string position = positionOf(layout, {"j"}).text;
      if (layout.values > 1 && blockSize > 1)
        position = "(" + position + ")";
      return defineRow(op.getResult(), "spread", lanes + quotient(position, blockSize) + ")");
    }
    // The elements of a vector are in one group: one shuffle for all of them.
    std::string value = names.fresh("value");
    beforeLoop(type + " " + value + " = 0;");
    std::string head = layout.values == layout.width ? "j == 0" : "j % " + text(layout.width) + " == 0";
    loop->usesPosition = true;
    inLoop("if (" + head + ") " + value + " = " + lanes + "i / " + text(blockSize) + ");");
    return defineRow(op.getResult(), "spread", value);
  }
  std::string start = stageRow(op.getInput());
  std::string position = positionOf(layout, {"j"}).text;
  std::string name = declareRow(op.getResult(), "spread", layout.values == 1 ? " = 0" : " = {}");
  std::string group = equal ? layout.values > 1 && blockSize > 1 ? quotient("(" + position + ")", blockSize)
                                                                 : quotient(position, blockSize)
                            : "moe_constant(" +
                                  program.table(name + "_group", groupsOf(op.getGroups(), layout.size, groups.size)) +
                                  ", " + position + ")";
  if (type == "double")
    group = "2 * (" + group + ")";
  std::string guard = layout.isPadded() ? "if (" + position + " < " + text(layout.size) + ") " : "";
  std::string assign =
      guard + name + (layout.values == 1 ? "" : "[j]") + " = moe_get<" + type + ">(shared, " + start + group + ");";
  Lines code;
  if (layout.values > 1) {
    code = unrollPragma(layout);
    code.push_back(loopHeader(layout.values));
    assign = indented(assign);
  }
  code.push_back(assign);
  code.push_back("moe_sync_warp();");
  statements(code);
}
