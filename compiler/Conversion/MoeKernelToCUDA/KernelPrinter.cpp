// Kernels around the regions: parameters, the row loop with its prefetch, and the way of the accumulators from
// registers through shared memory to the workspace, for which rows.cuh has the code that all gates share.
#include "compiler/Conversion/MoeKernelToCUDA/KernelPrinter.h"
#include "llvm/Support/MathExtras.h"
#include <regex>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

/// A row is loaded ahead only where it takes at most so many registers.
static constexpr int64_t maxPrefetchRegisters = 16;

static std::string text(int64_t number) { return std::to_string(number); }

//===-- Sizes
//-------------------------------------------------------------------------------------------------------===//

KernelPrinter::KernelPrinter(PassOp pass, std::string name, ProgramText &program)
    : needs(pass), pass(pass), name(std::move(name)), isLast(isLastPass(pass)), countsTokens(keepsTokenCount(pass)),
      program(program), rows(pass.getRows().front(), LayoutPlan::forRows(pass), program, RegionKind::Rows),
      finish(pass.getFinish().front(), LayoutPlan::forFinish(), program, RegionKind::Finish) {
  if (!pass.getPieces().empty() && !pass.getPieces().front().empty())
    pieces.emplace(pass.getPieces().front(), LayoutPlan::forFinish(), program, RegionKind::Pieces);
}

int64_t KernelPrinter::rankedQuadsOf(const std::vector<PassAccumulator> &list) {
  int64_t quads = 0;
  for (const PassAccumulator &accumulator : list)
    quads += AccumulatorOp(accumulator.op).getRanked() ? accumulator.quads : 0;
  return quads;
}

/// Places what a region adds to; what the rows add to as well has its place already.
void KernelPrinter::placeRegion(const RegionPrinter &region, bool fromPieces) {
  AccumulatorLayout homes(programOp());
  for (auto &[symbol, registers] : region.accumulators) {
    AccumulatorOp op = lookupAccumulator(pass, symbol.getValue());
    PassAccumulator accumulator{op,
                                registers,
                                0,
                                static_cast<int64_t>(llvm::divideCeil(op.getCount() * elementBytes(op.getType()), 16)),
                                static_cast<int64_t>(homes.offsetOf(symbol.getValue()) / 16),
                                fromPieces};
    bool isJoined = fromPieces && rows.accumulators.count(symbol);
    (isJoined ? joined : op.getPerPiece() ? perPiece : placed).push_back(accumulator);
  }
}

/// Those that the rows alone add to, then those of the pieces; ranked ones first, so that they are neighbours.
void KernelPrinter::placeAccumulators() {
  auto isOfPieces = [&](const PassAccumulator &a) {
    return a.fromPieces || llvm::any_of(joined, [&](const PassAccumulator &j) { return j.op == a.op; });
  };
  auto order = [&](std::vector<PassAccumulator> &list) {
    llvm::sort(list, [&](const PassAccumulator &a, const PassAccumulator &b) {
      return std::tuple(isOfPieces(a), !AccumulatorOp(a.op).getRanked(), a.home) <
             std::tuple(isOfPieces(b), !AccumulatorOp(b.op).getRanked(), b.home);
    });
    int64_t quads = 0;
    for (PassAccumulator &accumulator : list)
      accumulator.quad = std::exchange(quads, quads + accumulator.quads);
    return quads;
  };
  partialQuads = order(placed);
  for (PassAccumulator &part : joined)
    part.quad = llvm::find_if(placed, [&](const PassAccumulator &a) { return a.op == part.op; })->quad;
  rowQuads = 0;
  for (const PassAccumulator &accumulator : placed)
    rowQuads += isOfPieces(accumulator) ? 0 : accumulator.quads;
  pieceQuads = order(perPiece);
}

LogicalResult KernelPrinter::printRegions() {
  if (failed(rows.print()))
    return failure();
  placeRegion(rows, false);
  placeAccumulators();
  if (pieces) {
    for (PassAccumulator &accumulator : perPiece)
      pieces->totalWords[accumulator.op.getSymName()] = 4 * accumulator.quad;
    pieces->avoidNamesOf(rows);
    if (failed(pieces->print()))
      return failure();
    placeRegion(*pieces, true);
    placeAccumulators();
  }
  for (auto *list : {&placed, &perPiece})
    for (PassAccumulator &accumulator : *list)
      if (accumulator.op.getRanked())
        program.rankedQuad[accumulator.op.getSymName()] =
            std::exchange(program.nextRankedQuad, program.nextRankedQuad + accumulator.quads);
  placeEarlier();
  return finish.print();
}

/// The most values of one row that a lane holds.
int64_t KernelPrinter::mostValues() {
  int64_t most = 1;
  for (Operation &op : pass.getRows().front())
    for (Type type : llvm::concat<const Type>(op.getOperandTypes(), op.getResultTypes()))
      if (auto row = dyn_cast<RowType>(type))
        most = std::max(most, rows.getPlan().of(row.getSize()).values);
  return most;
}

/// Words of shared memory of a block: the rows that are staged, then what pieces and ranks need; or what meets when the
/// rows are done.
int64_t KernelPrinter::sharedNeed(int64_t threads) {
  int64_t warps = threads / 32, stage = warps * rows.stageWords * rowsPerWarp();
  int64_t words = llvm::alignTo(stage, 4);
  if (needs.pieces)
    words = std::max<int64_t>(words + warps * (4 * pieceQuads + (pieces ? pieces->stageWords : 0)), 2 * warps);
  for (const RankUse &rank : rows.ranks)
    words += llvm::alignTo(rank.accumulator.getCount(), 4) + llvm::alignTo(roundRows(threads) * rank.slots, 4);
  bool together = needs.pieces || !rows.ranks.empty();
  return std::max<int64_t>({collects() ? 4 : 0, together ? words : stage, needs.pieces ? 2 * warps : 0,
                            direct ? 0 : warps * 4 * partialQuads, rankedCalls() > 0 ? 4 * threads : 0,
                            finish.stageWords});
}

void KernelPrinter::placeShared() {
  meetWord = llvm::alignTo(warps() * rows.stageWords * rowsPerWarp(), 4);
  pieceStageWord = meetWord + warps() * 4 * pieceQuads;
  rankWord = pieceStageWord + warps() * (pieces ? pieces->stageWords : 0);
}

LogicalResult KernelPrinter::chooseBlock() {
  int64_t stage = rows.stageWords * rowsPerWarp(), merge = 4 * partialQuads;
  threads = chooseThreads(std::max(stage, merge), mostValues() > RowLayout::maxUnrolledValues);
  bool extended = needs.pieces || !rows.ranks.empty() || rankedCalls() > 0;
  while (extended && threads > 32 && sharedNeed(threads) > sharedWords)
    threads /= 2;
  direct = threads == 32 && merge > sharedWords;
  sharedSize = sharedNeed(threads);
  placeShared();
  info = {
      name,          static_cast<uint32_t>(threads),      static_cast<uint32_t>(threads / lanes()), 0, maxCudaBlocks,
      needs.flags(), static_cast<uint32_t>(levelOf(pass))};
  if (sharedSize > sharedWords && !extended)
    return pass.emitError("stages rows of ")
           << 4 * std::max(rows.stageWords, finish.stageWords) << " bytes in shared memory, of which a block has "
           << 4 * sharedWords << "; use fewer elements or f32";
  if (sharedSize > sharedWords || (direct && extended))
    return reportSharedMemory(4 * std::max(sharedSize, merge));
  return success();
}

/// What takes the shared memory that a block does not have.
LogicalResult KernelPrinter::reportSharedMemory(int64_t bytes) {
  InFlightDiagnostic error = pass.emitError("needs ")
                             << bytes << " bytes of shared memory with one warp in a block, of which a block has "
                             << 4 * sharedWords;
  for (const PassAccumulator &accumulator : perPiece)
    error << ", " << 16 * accumulator.quads << " of them for '" << AccumulatorOp(accumulator.op).getSymName()
          << "' of one piece";
  for (const RankUse &rank : rows.ranks)
    error << ", " << 4 * rank.accumulator.getCount() << " of them to rank in '"
          << AccumulatorOp(rank.accumulator).getSymName() << "'";
  return error << "; use fewer elements, or collect less for each piece";
}

bool KernelPrinter::prefetches() const {
  int64_t registers = 0;
  for (const TokenLoad &load : rows.tokenLoads)
    registers += rows.rawRegisters(load);
  return registers <= maxPrefetchRegisters;
}

//===-- Layout of partial results
//-----------------------------------------------------------------------------------===//

StringRef moe::functorName(Combine combine) {
  switch (combine) {
  case Combine::Sum:
    return "moe_Sum";
  case Combine::Max:
    return "moe_Max";
  case Combine::Min:
    return "moe_Min";
  case Combine::MaxNum:
    return "moe_MaxNum";
  }
  llvm_unreachable("all combinations are above");
}

/// A function of `quad`: one line per accumulator, but one for neighbours that have the same.
void KernelPrinter::printLayoutFunction(const std::vector<PassAccumulator> &list, StringRef signature,
                                        llvm::function_ref<std::string(const PassAccumulator &)> body) {
  layout.push_back(indented(("static MOE_DEVICE " + signature + " {").str()));
  for (size_t n = 0; n < list.size(); ++n) {
    std::string statement = body(list[n]), comment = AccumulatorOp(list[n].op).getSymName().str();
    while (n + 1 < list.size() && body(list[n + 1]) == statement)
      comment += ", " + AccumulatorOp(list[++n].op).getSymName().str();
    bool final = n + 1 == list.size();
    std::string condition = final ? "" : "if (quad < " + text(list[n].quad + list[n].quads) + ") ";
    layout.push_back(indented(condition + statement + " // " + comment, 2));
  }
  layout.push_back(indented("}"));
}

void KernelPrinter::printLayout(const std::vector<PassAccumulator> &list, const std::string &structure, bool handsOn) {
  layout.push_back("struct " + structure + " {");
  printLayoutFunction(list, "moe_quad neutral(int quad)", [](const PassAccumulator &a) {
    AccumulatorOp op = a.op;
    std::string zero = op.getCombine() == Combine::Sum ? "0" : neutralElement(op.getCombine(), op.getType());
    std::string type = op.getCombine() == Combine::Sum ? "int" : cTypeName(op.getType()).str();
    return "return moe_fill<" + type + ">(" + zero + ");";
  });
  printLayoutFunction(list, "void combine(int quad, moe_quad &into, const moe_quad &from)",
                      [](const PassAccumulator &a) {
                        AccumulatorOp op = a.op;
                        return ("return moe_combine<" + functorName(op.getCombine()) + ", " + cTypeName(op.getType()) +
                                ">(into, from);")
                            .str();
                      });
  if (handsOn)
    printLayoutFunction(list, "int at(int quad)",
                        [](const PassAccumulator &a) { return "return quad + " + text(a.home - a.quad) + ";"; });
  layout.push_back("};");
}

//===-- Rows
//--------------------------------------------------------------------------------------------------------===//

void KernelPrinter::printLoadAhead(StringRef row, StringRef end, int level) {
  Lines loads;
  for (const TokenLoad &load : rows.tokenLoads)
    llvm::append_range(loads, rows.loadRaw(load, load.raw, row));
  if (loads.empty())
    return;
  if (names(loads, placeOf(row)))
    loads.insert(loads.begin(), placeDeclaration(row));
  bool braces = loads.size() > 1;
  put(("if (" + row + " < " + end + ")" + (braces ? " {" : "")).str(), level);
  put(loads, level + 1);
  if (braces)
    put("}", level);
}

/// Declares the registers of accumulators, at their neutral elements.
void KernelPrinter::printRegisters(const std::vector<PassAccumulator> &list, int level) {
  for (const PassAccumulator &accumulator : list) {
    AccumulatorOp op = accumulator.op;
    RowLayout row = (accumulator.fromPieces ? pieces->getPlan() : rows.getPlan()).of(op.getCount());
    int64_t values = row.values;
    Type type = op.getType();
    bool isArray = !op.getSizes().empty() && values > 1;
    std::string neutral = neutralElement(op.getCombine(), type);
    std::string head = cTypeName(type).str() + " " + accumulator.registers;
    if (!isArray) {
      put(head + " = " + neutral + ";", level);
    } else if (op.getCombine() == Combine::Sum) {
      put(head + "[" + text(values) + "] = {};", level);
    } else {
      put(head + "[" + text(values) + "];", level);
      put(unrollPragma(row), level);
      put("for (int j = 0; j < " + text(values) + "; ++j)", level);
      put(accumulator.registers + "[j] = " + neutral + ";", level + 1);
    }
  }
}

void KernelPrinter::printBlockRange(int level) {
  put("// this block's tokens", level);
  put("const long long begin = token_count * blockIdx.x / gridDim.x;", level);
  put("const long long end = token_count * (blockIdx.x + 1) / gridDim.x;", level);
}

void KernelPrinter::printRowLoop() {
  printRegisters(placed, 2);
  if (rows.lines.empty() && rows.tokenLoads.empty()) // a gate without tokens has no loop over them
    return;
  put(rows.invariants, 2);
  printBlockRange(2);
  printStartRanks(false, 2);
  printRows("begin", "end", 2);
}

/// The head of the loop over rows [begin, end).
void KernelPrinter::printRowHeader(const std::string &begin, const std::string &end, bool ahead, int level) {
  std::string group = lanes() == 1 ? "threadIdx.x" : "threadIdx.x / " + text(lanes());
  int64_t step = threads / lanes();
  if (!rows.hasMissingRows()) {
    put("for (long long row = " + (ahead ? "start" : begin + " + " + group) + "; row < " + end +
            "; row += " + text(step) + ") {",
        level);
    return;
  }
  std::string warpRows = rowsPerWarp() == 32 ? "threadIdx.x / 32 * 32" : "threadIdx.x / 32 * " + text(rowsPerWarp());
  std::string first = rows.hasRounds() ? begin : begin + " + " + warpRows;
  std::string lane = "threadIdx.x % 32" + (lanes() == 1 ? "" : " / " + text(lanes()));
  put("for (long long first_row = " + first + "; first_row < " + end + "; first_row += " + text(step) + ") {", level);
  put("const long long row = first_row + " + (rows.hasRounds() ? group : lane) + ";", level + 1);
  put("const bool live = row < " + end + ";", level + 1);
}

void KernelPrinter::printRows(const std::string &begin, const std::string &end, int level) {
  bool ahead = prefetches() && !rows.tokenLoads.empty();
  std::string group = lanes() == 1 ? "threadIdx.x" : "threadIdx.x / " + text(lanes());
  if (ahead) {
    for (const TokenLoad &load : rows.tokenLoads)
      put(rows.declareRaw(load, load.raw), level);
    put("const long long start = " + begin + " + " + group + ";", level);
    printLoadAhead("start", end, level);
  }
  printRowHeader(begin, end, ahead, level);
  size_t head = code.size();
  for (const TokenLoad &load : rows.tokenLoads) {
    if (!ahead) {
      put(rows.declareRaw(load, load.raw), level + 1);
      Lines reads = rows.loadRaw(load, load.raw, "row");
      if (rows.hasMissingRows())
        put(reads.size() > 1 ? "if (live) {" : "if (live)", level + 1);
      put(reads, level + 1 + rows.hasMissingRows());
      if (rows.hasMissingRows() && reads.size() > 1)
        put("}", level + 1);
    }
    put(rows.convertRaw(load), level + 1);
  }
  if (ahead) {
    put("// the next row is on its way while this one is worked on", level + 1);
    put("const long long next = row + " + text(threads / lanes()) + ";", level + 1);
    printLoadAhead("next", end, level + 1);
  }
  put(rows.lines, level + 1);
  if (names({code.begin() + static_cast<ptrdiff_t>(head), code.end()}, placeOf("row")))
    code.insert(code.begin() + static_cast<ptrdiff_t>(head), indented(placeDeclaration("row"), level + 1));
  put("}", level);
}

//===-- From registers to the workspace
//-----------------------------------------------------------------------------===//

/// Puts one element at `position` of an accumulator's part, which starts behind `start`, or onto what stands there.
std::string KernelPrinter::publishStatement(const PassAccumulator &accumulator, const std::string &start,
                                            const std::string &position, const std::string &value, bool onto) {
  AccumulatorOp op = accumulator.op;
  std::string cType = cTypeName(op.getType()).str();
  if (direct)
    return "moe_store1(moe_at<" + cType + ">(partials, (blockIdx.x * " + text(partialQuads) + "ll + " +
           text(accumulator.quad) + ") * 16), " + position + ", " + value + ");";
  std::string word = start + (accumulator.quad > 0 ? " + " + text(4 * accumulator.quad) : "");
  std::string at = word + " + " + (op.getType().isF64() ? "2 * (" + position + ")" : position);
  if (!onto)
    return "moe_put(shared, " + at + ", " + value + ");";
  return "moe_put(shared, " + at + ", " + functorName(op.getCombine()).str() + "::apply(moe_get<" + cType +
         ">(shared, " + at + "), " + value + "));";
}

/// Puts the registers of one accumulator where those of all warps meet: `start` is the first word of this warp. `onto`:
/// to what stands there already.
void KernelPrinter::printPublishOne(const PassAccumulator &accumulator, const std::string &start, int level,
                                    bool onto) {
  AccumulatorOp op = accumulator.op;
  Type type = op.getType();
  std::string cType = cTypeName(type).str();
  int64_t perElement = type.isF64() ? 2 : 1, perQuad = 4 / perElement;
  int64_t count = op.getCount(), padding = accumulator.quads * perQuad - count;
  int64_t held = accumulator.fromPieces ? 32 : lanes();
  auto store = [&](const std::string &position, const std::string &value) {
    return publishStatement(accumulator, start, position, value, onto);
  };
  std::string overRows = ("moe_" + combineName(op.getCombine()) + "_rows<" + Twine(held) + ">(").str();
  auto merged = [&](const std::string &value) { return held == 32 ? value : overRows + value + ")"; };
  std::string zero = neutralElement(Combine::Sum, type);
  if (op.getSizes().empty()) {
    std::string whole = accumulator.registers;
    if (onto) {
      put("if (threadIdx.x % 32 == 0)", level);
      put(store("0", whole), level + 1);
      return;
    }
    if (held < 32) {
      whole = accumulator.registers + "_warp";
      put("const " + cType + " " + whole + " = " + merged(accumulator.registers) + ";", level);
    }
    put("if (threadIdx.x % 32 < " + text(perQuad) + ")", level);
    put(store("threadIdx.x % 32", "threadIdx.x % 32 == 0 ? " + whole + " : " + zero), level + 1);
    return;
  }
  RowLayout row = (accumulator.fromPieces ? pieces->getPlan() : rows.getPlan()).of(count);
  std::string position = positionOf(row, {"j"}).text, guard;
  if (held < 32)
    guard = "threadIdx.x % 32 < " + text(held);
  else if (accumulator.fromPieces || lanes() < 32)
    position = std::regex_replace(position, std::regex("\\blane\\b"), "threadIdx.x % 32");
  if (row.isPadded())
    guard += (guard.empty() ? "" : " && ") + position + " < " + text(count);
  std::string registers = accumulator.registers + (row.values == 1 ? "" : "[j]");
  // All lanes take part in the merge over rows, even where only the first ones store.
  bool braces = held < 32;
  if (row.values > 1) {
    put(unrollPragma(row), level);
    put("for (int j = 0; j < " + text(row.values) + "; ++j)" + (braces ? " {" : ""), level);
  } else if (braces) {
    put("{", level);
  }
  int inner = level + (row.values > 1 || braces);
  if (braces)
    put("const " + cType + " whole = " + merged(registers) + ";", inner);
  put((guard.empty() ? "" : "if (" + guard + ") ") + store(position, braces ? "whole" : registers), inner);
  if (braces)
    put("}", level);
  if (padding > 0 && !onto) {
    put("if (threadIdx.x % 32 < " + text(padding) + ")", level);
    put(store(text(count) + " + threadIdx.x % 32", zero), level + 1);
  }
}

/// Puts the registers of all accumulators where the warps meet.
void KernelPrinter::printPublishAll(int level) {
  if (!direct) {
    put("moe_sync_block();", level);
    put("const int words = threadIdx.x / 32 * " + text(4 * partialQuads) + ";", level);
  }
  for (const PassAccumulator &accumulator : placed)
    printPublishOne(accumulator, "words", level);
  if (!joined.empty())
    put("moe_sync_warp(); // what the pieces have left, onto that", level);
  for (const PassAccumulator &part : joined)
    printPublishOne(part, "words", level, /*onto=*/true);
}

void KernelPrinter::printPublish() {
  // Parts of pieces meet in the last block, whether the call collects anything or not.
  bool inScope = cuts() && !placed.empty();
  int level = inScope ? 3 : 2;
  if (isLast && !cuts())
    put(Lines{"if (accumulators == nullptr)", "  return;"}, 2);
  else if (inScope)
    put(isLast ? "if (accumulators != nullptr) {" : "{", 2);
  if (!placed.empty()) {
    put("// what the rows have left in registers: over the rows of a warp, over warps, then to the workspace", level);
    printPublishAll(level);
    if (!direct)
      put("moe_publish<" + name + "_layout, " + text(partialQuads) + ", " + text(warps()) + ">(shared, partials);",
          level);
    if (inScope)
      put("}", 2);
  }
  put("if (!moe_arrive_last(moe_at<unsigned>(workspace, 0), shared))", 2);
  put("return;", 3);
  printRankedTotals();
  if (cuts())
    printCutPieces();
}

/// All parameters of a kernel, in lines.
static std::string signature(const KernelParameterText &parameters, const PassNeeds &needs) {
  std::string list = indented(parameters.arrays, 2);
  SmallVector<StringRef> more;
  if (needs.pieces)
    more.push_back("long long piece_count");
  if (needs.layers)
    more.push_back("long long layer_tokens");
  if (needs.random)
    more.append({"unsigned long long seed", "unsigned offset", "long long first_token"});
  for (StringRef parameter : more) {
    bool fits = list.size() - list.find_last_of('\n') + parameter.size() < 112;
    list += (fits ? ", " : ",\n    ") + parameter.str();
  }
  return list;
}

/// The statements of the kernel.
void KernelPrinter::printBody() {
  put(isLast ? "if (phase & MOE_ACCUMULATE) {" : "{", 1);
  if (lanes() > 1)
    put("const int lane = threadIdx.x % " + text(lanes()) + "; // of the " + text(lanes()) + " lanes that hold a row",
        2);
  if (rows.stageWords > 0)
    put("const int stage = threadIdx.x / " + text(lanes()) + " * " + text(rows.stageWords) +
            "; // this row's part of shared",
        2);
  if (needs.pieces)
    printPieceLoop();
  else
    printRowLoop();
  if (collects()) {
    printPublish();
    if (isLast) {
      put("} else if (blockIdx.x > 0) {", 1);
      put("return;", 2);
    }
  }
  put("}", 1);
  printCollect();
  printFinish();
}

LogicalResult KernelPrinter::print(const KernelParameterText &parameters, int64_t before) {
  if (failed(printRegions()) || failed(chooseBlock()))
    return failure();
  if (!placed.empty()) {
    layout.push_back("// What one block hands on, in quads of 16 bytes.");
    printLayout(placed, name + "_layout", true);
  }
  if (!earlier.empty()) {
    layout.push_back("// What the kernels before have collected in this call.");
    printLayout(earlier, name + "_earlier_layout", true);
  }
  if (cuts()) {
    layout.push_back("// What belongs to one piece.");
    printLayout(perPiece, name + "_piece_layout", false);
  }
  if (pieces)
    printPieceFunction(parameters);
  code.push_back("extern \"C\" __global__ void __launch_bounds__(" + text(threads) + ", " + text(residentBlocks()) +
                 ") " + name + "(");
  code.push_back(signature(parameters, needs) + ") {");
  if (sharedSize > 0)
    put("__shared__ __align__(16) unsigned shared[" + text(sharedSize) + "];", 1);
  if (!placed.empty())
    put("moe_quad *const partials = moe_at<moe_quad>(workspace, " + text(before) + ");", 1);
  size_t head = code.size();
  printPlaces(before);
  printBody();
  declareCollected(head);
  code.push_back("}");
  return success();
}

/// One warp; its states are read before the first of them is written.
LogicalResult KernelPrinter::printStep(const KernelParameterText &parameters) {
  if (failed(finish.print()))
    return failure();
  threads = 32;
  sharedSize = finish.stageWords;
  info = {name, 32, 1, 0, 1, 0};
  if (sharedSize > sharedWords)
    return pass.emitError("stages rows of ") << 4 * sharedSize << " bytes in shared memory, of which a block has "
                                             << 4 * sharedWords << "; use fewer elements or f32";
  code.push_back("// The new values of the states: one warp.");
  code.push_back("extern \"C\" __global__ void __launch_bounds__(32, 1) " + name + "(");
  code.push_back(signature(parameters, needs) + ") {");
  if (sharedSize > 0)
    put("__shared__ __align__(16) unsigned shared[" + text(sharedSize) + "];", 1);
  put("const int lane = threadIdx.x;", 1);
  put(finish.lines, 1);
  code.push_back("}");
  return success();
}
