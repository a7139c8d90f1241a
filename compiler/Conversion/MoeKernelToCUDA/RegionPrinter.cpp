// Loops, statements, comments and element-wise work. Memory is in MemoryPrinter.cpp, groups in GroupPrinter.cpp,
// selections in SelectionPrinter.cpp.
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

/// Longer expressions are cut in two.
static constexpr size_t maxExpressionLength = 84;

//===-- Text
//--------------------------------------------------------------------------------------------------------===//

std::string moe::indented(StringRef text, int levels) { return std::string(2 * levels, ' ') + text.str(); }

Expression moe::positionOf(const RowLayout &layout, const Expression &j) {
  auto number = [](int64_t value) { return Expression(std::to_string(value)); };
  auto times = [&](const Expression &a, int64_t b) {
    return b == 1 ? a : binary(a, "*", number(b), Precedence::Multiply);
  };
  Expression lane("lane");
  if (layout.lanes == 1)
    return layout.values == 1 ? number(0) : j;
  if (layout.values == 1)
    return lane;
  int64_t w = layout.width;
  if (layout.values == w)
    return j.text == "0" ? times(lane, w) : binary(times(lane, w), "+", j, Precedence::Add);
  if (w == 1)
    return binary(times(j, layout.lanes), "+", lane, Precedence::Add);
  Expression chunk = times(binary(j, "/", number(w), Precedence::Multiply), w * layout.lanes);
  Expression start = binary(chunk, "+", times(lane, w), Precedence::Add);
  return binary(start, "+", binary(j, "%", number(w), Precedence::Multiply), Precedence::Add);
}

Lines moe::unrollPragma(const RowLayout &layout) { return layout.isLooped() ? Lines{} : Lines{"#pragma unroll"}; }

StringRef moe::combineName(Combine combine) { return stringifyCombine(combine); }

std::string moe::accumulatedName(AccumulatorOp accumulator) {
  std::string suffix = ("_" + combineName(accumulator.getCombine())).str();
  StringRef name = accumulator.getSymName();
  return name.ends_with(suffix) ? name.str() : name.str() + suffix;
}

std::string moe::updateStatement(Combine combine, StringRef target, const Expression &value) {
  if (combine == Combine::Sum)
    return target.str() + " += " + value.text + ";";
  return target.str() + " = " + call(("moe_" + combineName(combine)).str(), {Expression(target.str()), value}).text +
         ";";
}

std::string moe::neutralElement(Combine combine, Type type) {
  if (combine == Combine::Sum)
    return type.isF32() ? "0.0f" : type.isF64() ? "0.0" : "0";
  if (combine == Combine::Min)
    return type.isInteger(32) ? "MOE_INT_MAX" : "MOE_INFINITY";
  return type.isInteger(32) ? "MOE_INT_MIN" : "-MOE_INFINITY";
}

std::string ProgramText::table(StringRef wanted, ArrayRef<int32_t> elements) {
  std::string &name = tableNames[std::vector<int32_t>(elements)];
  if (!name.empty())
    return name;
  name = names.fresh(wanted);
  tables.push_back("static __device__ const int " + name + "[" + std::to_string(elements.size()) + "] = {");
  std::string line = "   ";
  for (auto [n, element] : llvm::enumerate(elements)) {
    std::string text = " " + std::to_string(element) + (n + 1 < elements.size() ? "," : "};");
    if (line.size() + text.size() > 118) {
      tables.push_back(line);
      line = "   ";
    }
    line += text;
  }
  tables.push_back(line);
  return name;
}

//===-- Loops and statements
//----------------------------------------------------------------------------------------===//

RegionPrinter::RegionPrinter(Block &block, const LayoutPlan &plan, ProgramText &program, RegionKind kind)
    : block(block), plan(plan), program(program), names(program.names), wanted(block),
      accumulatorLayout(block.getParentOp()->getParentOfType<ProgramOp>()), kind(kind),
      inRounds(!block.getOps<RankOp>().empty()) {
  if (kind == RegionKind::Rows)
    hoisted = hoistedOperations(block);
}

RegionPrinter::Loop &RegionPrinter::openLoop(const RowLayout &layout, Operation *user) {
  if (loop && (loop->layout.size != layout.size || dependsOnOpenLoop(user)))
    closeLoop();
  if (!loop)
    loop.emplace().layout = layout;
  return *loop;
}

std::string RegionPrinter::loopHeader(int64_t values, StringRef index, int64_t step) const {
  std::string i = index.str();
  return "for (int " + i + " = 0; " + i + " < " + std::to_string(values) + "; " +
         (step == 1 ? "++" + i : i + " += " + std::to_string(step)) + ")";
}

void RegionPrinter::closeLoop() {
  if (!loop)
    return;
  Loop closed = std::move(*loop);
  loop.reset();
  llvm::append_range(lines, closed.before);
  const RowLayout &layout = closed.layout;
  if (closed.usesPosition)
    closed.body.insert(closed.body.begin(), "const int i = " + positionOf(layout, {"j"}).text + ";");
  if (layout.values == 1) {
    llvm::append_range(lines, closed.body);
  } else if (!closed.body.empty()) {
    llvm::append_range(lines, unrollPragma(layout));
    bool braces = closed.body.size() > 1;
    lines.push_back(loopHeader(layout.values) + (braces ? " {" : ""));
    for (const std::string &line : closed.body)
      lines.push_back(indented(line));
    if (braces)
      lines.push_back("}");
  }
  llvm::append_range(lines, closed.after);
}

void RegionPrinter::note(Operation *op) {
  for (StringRef statement : statementsOf(op->getLoc()))
    if (!statement.starts_with("gate ") && noted.insert(statement).second)
      comments.push_back("// " + statement.str());
}

Lines RegionPrinter::takeComments() { return std::exchange(comments, {}); }

void RegionPrinter::beforeLoop(std::string statement) {
  llvm::append_range(loop->body.empty() ? loop->before : loop->body, takeComments());
  loop->before.push_back(std::move(statement));
}

void RegionPrinter::inLoop(std::string statement) {
  bool first = loop->body.empty() && loop->layout.values > 1;
  llvm::append_range(first ? loop->before : loop->body, takeComments());
  loop->body.push_back(std::move(statement));
}

void RegionPrinter::statement(std::string text) { statements({std::move(text)}); }

void RegionPrinter::statements(const Lines &text) {
  closeLoop();
  llvm::append_range(lines, takeComments());
  llvm::append_range(lines, text);
}

bool RegionPrinter::dependsOnOpenLoop(Value value) const {
  if (!loop || loop->pending.contains(value))
    return loop.has_value();
  if (rows.contains(value) || scalars.contains(value) || !value.getDefiningOp())
    return false;
  return dependsOnOpenLoop(value.getDefiningOp());
}

bool RegionPrinter::dependsOnOpenLoop(Operation *op) const {
  return op
      ->walk([&](Operation *inner) {
        bool depends = llvm::any_of(inner->getOperands(), [&](Value operand) {
          bool inside = operand.getParentRegion() != op->getParentRegion();
          return !inside && dependsOnOpenLoop(operand);
        });
        return depends ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

//===-- Values
//------------------------------------------------------------------------------------------------------===//

std::string RegionPrinter::freshName(Value value, StringRef kind) { return names.fresh(wanted.of(value, kind)); }

/// A sum of floats, which has an order (docs/numerics.md).
static bool isFloatSum(kernel::ReduceOp op) {
  return op.getKind() == Combine::Sum && isa<FloatType>(cast<RowType>(op.getInput().getType()).getElementType());
}

/// A map whose only result has one user that goes through its elements once, in a loop.
bool RegionPrinter::isInlined(Operation *op) const {
  auto map = dyn_cast_or_null<MapOp>(op);
  if (!map || map->getNumResults() != 1 || !map.getResult(0).hasOneUse())
    return false;
  Operation *user = *map->user_begin();
  if (rateOf(op) != rateOf(block.findAncestorOpInBlock(*user)))
    return false;
  if (auto reduce = dyn_cast<kernel::ReduceOp>(user))
    return !isa<RowType>(reduce.getResult().getType()) &&
           !(isFloatSum(reduce) && layoutOf(reduce.getInput()).values > 1);
  return user->getBlock() == op->getBlock() && isa<MapOp, AccumulateOp>(user);
}

static bool isSimple(const Expression &text) {
  return llvm::all_of(text.text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '[' || c == ']'; });
}

Expression RegionPrinter::named(Value value, Expression text, StringRef kind) {
  std::string name = freshName(value, kind);
  std::string line = "const " + cTypeName(value.getType()).str() + " " + name + " = " + text.text + ";";
  if (loop)
    inLoop(line);
  else
    statement(line);
  return scalars[value] = Expression(name);
}

static StringRef kindOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<arith::CmpFOp, arith::CmpIOp>([](auto) { return "condition"; })
      .Case<arith::DivFOp>([](auto) { return "quotient"; })
      .Case<math::ExpOp, math::Exp2Op>([](auto) { return "power"; })
      .Case<math::LogOp>([](auto) { return "logarithm"; })
      .Case<SizeOp>([](auto) { return "tokens"; })
      .Default([](auto) { return "t"; });
}

Expression RegionPrinter::position(IndexOp op) const {
  Expression token = binary({"first_token"}, "+", {"row"}, Precedence::Add);
  auto upper = [](const Expression &wide) { return binary(wide, ">>", {"32"}, Precedence::Shift); };
  switch (op.getWhat()) {
  case Position::Token:
    return moe::cast("int", {"row"});
  case Position::Piece:
    return moe::cast("int", {"piece"});
  case Position::PieceBegin:
    return moe::cast("int", {"piece_begin"});
  case Position::PieceSize:
    return moe::cast("int", binary({"piece_end"}, "-", {"piece_begin"}, Precedence::Add));
  case Position::PieceCount:
    return moe::cast("int", {"piece_count"});
  case Position::SeedLow:
    return moe::cast("int", {"seed"});
  case Position::SeedHigh:
    return moe::cast("int", upper({"seed"}));
  case Position::Offset:
    return moe::cast("int", {"offset"});
  case Position::TokenLow:
    return moe::cast("int", token);
  case Position::TokenHigh:
    return moe::cast("int", upper(token));
  }
  llvm_unreachable("all positions are above");
}

/// The lower or the upper half of a product of two words.
Expression RegionPrinter::wideProduct(arith::MulUIExtendedOp op, Value value, ArrayRef<Expression> operands) {
  if (!op.getLow().getType().isInteger(32)) {
    unsupported = unsupported ? unsupported : op;
    return {"0"};
  }
  return call(value == op.getLow() ? "moe_mul_words" : "moe_mul_high", operands);
}

Expression RegionPrinter::evaluate(Operation *op, Value value) {
  SmallVector<Expression> operands;
  for (Value operand : op->getOperands())
    operands.push_back(scalar(operand));
  note(op);
  if (isa<SizeOp>(op)) {
    std::string totals = totalsBlock(block.getParentOp());
    bool isHere = kind != RegionKind::Finish || (totals == "collected" && levelOf(op) == 0);
    return cast("int", Expression(isHere ? "token_count" : "moe_load1(moe_at<const long long>(" + totals + ", 0), 0)"));
  }
  if (auto index = dyn_cast<IndexOp>(op))
    return position(index);
  if (auto product = dyn_cast<arith::MulUIExtendedOp>(op))
    return wideProduct(product, value, operands);
  if (std::optional<Expression> text = printScalarOperation(op, operands))
    return *text;
  unsupported = unsupported ? unsupported : op;
  return {"0"};
}

Expression RegionPrinter::scalar(Value value) {
  if (auto it = scalars.find(value); it != scalars.end())
    return it->second;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto map = cast<MapOp>(argument.getOwner()->getParentOp());
    Expression text = element(map.getInputs()[argument.getArgNumber()]);
    if (!isSimple(text) && !value.hasOneUse())
      return named(value, text, "x");
    return scalars[value] = text;
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::ConstantOp>(op))
    return *printScalarOperation(op, {});
  if (isa<PositionOp>(op)) {
    if (loop->layout.values == 1 || loop->layout.lanes == 1)
      return positionOf(loop->layout, {"j"});
    loop->usesPosition = true;
    return {"i"};
  }
  Expression text = evaluate(op, value);
  return value.hasOneUse() && text.text.size() <= maxExpressionLength ? text : named(value, text, kindOf(op));
}

Expression RegionPrinter::element(Value row) {
  auto it = rows.find(row);
  if (it != rows.end()) {
    std::string text = it->second.base + (it->second.indexed ? "[j]" : "");
    return it->second.marks ? Expression(text + " == 0", Precedence::Equality) : Expression(text);
  }
  auto map = cast<MapOp>(row.getDefiningOp());
  return scalar(map.getBlock()->getTerminator()->getOperand(0));
}

RegionPrinter::Row &RegionPrinter::registers(Value row) {
  closeLoop();
  return rows.find(row)->second;
}

std::string RegionPrinter::declareRow(Value row, StringRef kind, StringRef start) {
  RowLayout layout = layoutOf(row);
  std::string name = freshName(row, kind);
  std::string size = layout.values == 1 ? "" : "[" + std::to_string(layout.values) + "]";
  StringRef type = cTypeName(cast<RowType>(row.getType()).getElementType());
  std::string line = type.str() + " " + name + size + start.str() + ";";
  if (loop)
    beforeLoop(line);
  else
    statement(line);
  rows[row] = Row{name, layout.values > 1};
  return name;
}

void RegionPrinter::defineRow(Value row, StringRef kind, const Expression &text) {
  RowLayout layout = layoutOf(row);
  if (layout.values > 1) {
    std::string name = declareRow(row, kind);
    inLoop(name + "[j] = " + text.text + ";");
    return;
  }
  std::string name = freshName(row, kind);
  StringRef type = cTypeName(cast<RowType>(row.getType()).getElementType());
  inLoop("const " + type.str() + " " + name + " = " + text.text + ";");
  rows[row] = Row{name};
}

//===-- Element-wise work
//-------------------------------------------------------------------------------------------===//

void RegionPrinter::printMap(MapOp op) {
  if (isInlined(op) || op.use_empty())
    return;
  openLoop(layoutOf(op.getResult(0)), op);
  Operation *yield = op.getBlock()->getTerminator();
  // Values with several uses first, in order; what is left is part of the expressions that use it.
  for (Operation &inner : op.getBlock()->without_terminator()) {
    for (auto [result, value] : llvm::zip_equal(op.getResults(), yield->getOperands()))
      if (value.getDefiningOp() == &inner && !result.use_empty() && !rows.contains(result)) {
        Expression text = isa<arith::ConstantOp, PositionOp>(inner) ? scalar(value) : evaluate(&inner, value);
        defineRow(result, kindOf(&inner), text);
        scalars[value] = element(result);
      }
    for (Value value : inner.getResults())
      if (!isa<arith::ConstantOp, PositionOp>(inner) && !value.hasOneUse() && !value.use_empty())
        scalar(value);
  }
  for (auto [result, value] : llvm::zip_equal(op.getResults(), yield->getOperands()))
    if (!result.use_empty() && !rows.contains(result))
      defineRow(result, "x", scalar(value));
}

void RegionPrinter::printScalar(Operation &op) {
  for (Value value : op.getResults()) {
    if (isa<arith::ConstantOp>(op) || value.use_empty())
      continue;
    Operation *user = *value.user_begin();
    if (value.hasOneUse() && user->getBlock() == op.getBlock() && rateOf(user) == rateOf(&op) && !isa<SizeOp>(op))
      continue;
    closeLoop();
    named(value, evaluate(&op, value), kindOf(&op));
  }
}

/// A sum along a row of floats: in the order of docs/numerics.md, whatever the layout is.
void RegionPrinter::printRowSum(kernel::ReduceOp op) {
  RowLayout layout = layoutOf(op.getInput());
  std::string type = cTypeName(op.getResult().getType()).str(), absent = type == "double" ? "-0.0" : "-0.0f";
  std::string inside = positionOf(layout, {"j"}).text + " < " + std::to_string(layout.size);
  openLoop(layout, op);
  note(op);
  std::string name = freshName(op.getResult(), combineName(Combine::Sum));
  scalars[op.getResult()] = Expression(name);
  if (layout.values == 1) {
    Expression value = element(op.getInput());
    if (layout.isPadded())
      value = select({inside, Precedence::Relation}, value, {absent});
    if (layout.lanes > 1)
      value = call("moe_sum_lanes<" + std::to_string(layout.lanes) + ">", {value});
    return inLoop("const " + type + " " + name + " = " + value.text + ";");
  }
  std::string terms = rows.find(op.getInput())->second.base;
  if (layout.isPadded()) {
    std::string padded = names.fresh(name + "_terms");
    beforeLoop(type + " " + padded + "[" + std::to_string(layout.values) + "];");
    // Only the last vectors of a lane may lie behind the row.
    int64_t whole = layout.size / (layout.width * layout.lanes) * layout.width;
    if (whole > 0)
      inside = "j < " + std::to_string(whole) + " || " + inside;
    inLoop(padded + "[j] = " + inside + " ? " + terms + "[j] : " + absent + ";");
    terms = padded;
  }
  loop->after.push_back("const " + type + " " + name + " = moe_sum_row<" + std::to_string(layout.lanes) + ", " +
                        std::to_string(layout.width) + ", " + std::to_string(layout.values) + ">(" + terms + ");");
  loop->pending.insert(op.getResult());
}

void RegionPrinter::printReduce(kernel::ReduceOp op) {
  if (op.getResult().use_empty())
    return;
  if (isa<RowType>(op.getResult().getType()))
    return printGroupReduce(op);
  if (isFloatSum(op))
    return printRowSum(op);
  RowLayout layout = layoutOf(op.getInput());
  Combine kind = op.getKind();
  Type type = op.getResult().getType();
  openLoop(layout, op);
  note(op);
  Expression value = element(op.getInput());
  std::string name = freshName(op.getResult(), combineName(kind));
  std::string lanes = ("moe_" + combineName(kind) + "_lanes<" + Twine(plan.getLanes()) + ">").str();
  scalars[op.getResult()] = Expression(name);
  std::string inside = positionOf(layout, {"j"}).text + " < " + std::to_string(layout.size);
  if (layout.values == 1) {
    if (layout.isPadded())
      value = select({inside, Precedence::Relation}, value, {neutralElement(kind, type)});
    inLoop("const " + cTypeName(type).str() + " " + name + " = " +
           (plan.getLanes() > 1 ? call(lanes, {value}) : value).text + ";");
    return;
  }
  beforeLoop(cTypeName(type).str() + " " + name + " = " + neutralElement(kind, type) + ";");
  inLoop((layout.isPadded() ? "if (" + inside + ") " : "") + updateStatement(kind, name, value));
  if (plan.getLanes() > 1)
    loop->after.push_back(name + " = " + lanes + "(" + name + ");");
  loop->pending.insert(op.getResult());
}

LogicalResult RegionPrinter::printOperation(Operation &op) {
  llvm::TypeSwitch<Operation *>(&op)
      .Case<MapOp>([&](MapOp map) { printMap(map); })
      .Case<kernel::ReduceOp>([&](auto reduce) { printReduce(reduce); })
      .Case<LoadOp>([&](auto load) { printLoad(load); })
      .Case<LoadAtOp>([&](auto load) { printLoadAt(load); })
      .Case<StoreOp>([&](auto store) { printStore(store); })
      .Case<StoreAtOp>([&](auto store) { printStoreAt(store); })
      .Case<AccumulateOp>([&](auto accumulate) { printAccumulate(accumulate); })
      .Case<CountOp>([&](auto count) { printCount(count); })
      .Case<ReadOp>([&](auto read) { printRead(read); })
      .Case<GroupTopSumOp>([&](auto sum) { printGroupTopSum(sum); })
      .Case<ExpandOp>([&](auto expand) { printExpand(expand); })
      .Case<TopkOp>([&](auto topk) { printTopk(topk); })
      .Case<ChosenOp>([&](auto chosen) { printChosen(chosen); })
      .Case<ScatterOp>([&](auto scatter) { printScatter(scatter); })
      .Case<GatherOp>([&](auto gather) { printGather(gather); })
      .Case<SliceOp>([&](auto slice) { printSlice(slice); })
      .Case<ConcatOp>([&](auto concat) { printConcat(concat); })
      .Case<RankOp>([&](auto rank) { printRank(rank); })
      .Case<ExtractOp>([&](auto extract) { printExtract(extract); })
      .Default([&](Operation *other) {
        if (other->getNumResults() > 0 && !isa<RowType>(other->getResult(0).getType()))
          printScalar(*other);
        else
          unsupported = other;
      });
  if (unsupported)
    return unsupported->emitError("'") << unsupported->getName() << "' has no CUDA form in a row; "
                                       << "use the operations of moe_kernel, and scalar arith and math";
  return success();
}

/// All updates of states take the old ones, wherever they stand.
void RegionPrinter::printOldStates() {
  if (!block.getParentOp()->getParentOfType<ProgramOp>().getStepOf())
    return;
  for (auto load : block.getOps<LoadOp>())
    if (lookupBuffer(load, load.getBuffer()).getRole() == Role::State)
      printLoad(load);
}

LogicalResult RegionPrinter::print() {
  for (auto [rate, into] : {std::pair(Rate::Call, &invariants), std::pair(Rate::Piece, &pieceInvariants),
                            std::pair(Rate::Row, static_cast<Lines *>(nullptr))}) {
    if (!into)
      printOldStates();
    for (Operation &op : block)
      if (rateOf(&op) == rate && failed(printOperation(op)))
        return failure();
    closeLoop();
    if (into)
      *into = std::exchange(lines, {});
  }
  return success();
}
