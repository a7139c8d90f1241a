// Pieces and ranks in a kernel: the walk over the pieces of a block's tokens, the function that finishes one piece,
// what the last block does for pieces that blocks have cut, and the counters that ranks go on from. pieces.cuh and
// ranks.cuh have the code that all gates share.
#include "compiler/Conversion/MoeKernelToCUDA/KernelPrinter.h"
#include "llvm/Support/MathExtras.h"
#include <regex>

using namespace mlir;
using namespace moe;
using namespace moe::kernel;

static std::string text(int64_t number) { return std::to_string(number); }

//===-- What a pass needs
//-----------------------------------------------------------------------------------------------===//

/// Whether an operation is about a piece.
static bool isAboutPieces(Operation *op) {
  if (auto load = dyn_cast<LoadOp>(op))
    return isPerPiece(lookupBuffer(load, load.getBuffer()), op);
  if (auto accumulate = dyn_cast<AccumulateOp>(op))
    return lookupAccumulator(op, accumulate.getAccumulator()).getPerPiece();
  if (auto count = dyn_cast<CountOp>(op))
    return lookupAccumulator(op, count.getAccumulator()).getPerPiece();
  if (auto rank = dyn_cast<RankOp>(op))
    return lookupAccumulator(op, rank.getAccumulator()).getPerPiece();
  auto index = dyn_cast<IndexOp>(op);
  return index && (index.getWhat() == Position::Piece || index.getWhat() == Position::PieceBegin ||
                   index.getWhat() == Position::PieceSize || index.getWhat() == Position::PieceCount);
}

/// Whether an operation finds a row in an array of one layer.
static bool isAboutLayers(Operation *op) {
  if (auto load = dyn_cast<LoadOp>(op))
    return comesInLayers(lookupBuffer(load, load.getBuffer()));
  if (auto load = dyn_cast<LoadAtOp>(op))
    return comesInLayers(lookupBuffer(load, load.getBuffer()));
  auto store = dyn_cast<StoreOp>(op);
  return store && comesInLayers(lookupBuffer(store, store.getBuffer()));
}

Division moe::divisionOf(PassOp pass) {
  auto program = pass->getParentOfType<ProgramOp>();
  auto of = [](auto op) {
    return Division{op.getOffsets().value_or(StringRef()), static_cast<int64_t>(op.getLength().value_or(0)),
                    static_cast<int64_t>(op.getCount().value_or(0))};
  };
  int64_t level = levelOf(pass);
  if (level == 0)
    return of(program);
  for (PiecesOp pieces : program.getOps<PiecesOp>())
    if (--level == 0)
      return of(pieces);
  return {};
}

PassNeeds::PassNeeds(PassOp pass)
    : pieces((!pass.getPieces().empty() && !pass.getPieces().front().empty()) || looksAtOffsets(pass)), random(false),
      layers(false) {
  pass.walk([&](Operation *op) {
    pieces |= isAboutPieces(op);
    layers |= isAboutLayers(op);
    auto index = dyn_cast<IndexOp>(op);
    random |= index && (index.getWhat() == Position::SeedLow || index.getWhat() == Position::SeedHigh ||
                        index.getWhat() == Position::Offset || index.getWhat() == Position::TokenLow ||
                        index.getWhat() == Position::TokenHigh);
  });
}

bool KernelPrinter::hasBitArithmetic() const {
  auto uses = [](const Lines &lines) {
    return llvm::any_of(lines, [](const std::string &line) {
      return line.find("_words(") != std::string::npos || line.find("moe_mul_high(") != std::string::npos;
    });
  };
  return uses(code) || uses(layout);
}

int64_t moe::rankedBytes(const ProgramText &program) { return maxCudaBlocks * program.rankedQuads * 16; }

/// The parts of all blocks, and one more where the last block finishes pieces; then what it merges for them.
int64_t KernelPrinter::handedBytes() const {
  int64_t parts = maxCudaBlocks + (cuts() && rowQuads < partialQuads ? 1 : 0);
  return 16 * (parts * partialQuads + (cuts() ? maxCudaBlocks * (2 * pieceQuads + 1) : 0));
}

//===-- Places
//----------------------------------------------------------------------------------------------------===//

void KernelPrinter::printPlaces(int64_t before) {
  if (cuts())
    put("moe_quad *const ends = moe_at<moe_quad>(workspace, " +
            text(before + handedBytes() - maxCudaBlocks * (2 * pieceQuads + 1) * 16) + "); // of pieces",
        1);
  if (hasRanks())
    put("moe_quad *const counted = moe_at<moe_quad>(workspace, " + text(before - rankedBytes(program)) +
            "); // in the blocks before",
        1);
  if (!rows.ranks.empty())
    put("constexpr int round_rows = " + text(roundRows(threads)) + ";", 1);
  int64_t word = rankWord;
  for (const RankUse &rank : rows.ranks) {
    int64_t counts = word, round = counts + llvm::alignTo(rank.accumulator.getCount(), 4);
    put("constexpr int " + rank.counts + " = " + text(counts) + ", " + rank.round + " = " + text(round) + "; // words",
        1);
    word = round + llvm::alignTo(roundRows(threads) * rank.slots, 4);
  }
  if (saysBadOffsets())
    put("bool bad = false;", 1);
}

void KernelPrinter::printStartRanks(bool ofPiece, int level) {
  for (const RankUse &rank : rows.ranks) {
    if (rank.accumulator.getPerPiece() != ofPiece)
      continue;
    int64_t quad = program.rankedQuad.lookup(rank.accumulator.getSymName());
    std::string place =
        "counted + " + (quad ? text(quad) + " + " : std::string()) + "blockIdx.x * " + text(program.rankedQuads) + "ll";
    put("moe_start_ranks<" + text(rank.accumulator.getCount()) + ", " + text(threads) + ">(shared, " + rank.counts +
            ", " + (ofPiece ? "piece_begin < begin" : "true") + ", " + place + ");",
        level);
  }
}

/// Where the counts of a ranked accumulator and of its neighbours stand, for the first block.
std::string KernelPrinter::countedFrom(const PassAccumulator &first) const {
  int64_t quad = program.rankedQuad.lookup(AccumulatorOp(first.op).getSymName());
  return quad ? "counted + " + text(quad) : "counted";
}

/// The counts of all blocks before each one.
void KernelPrinter::printRankedTotals() {
  int64_t quads = rankedCalls();
  if (quads == 0)
    return;
  put("// what the blocks before each one have counted", 2);
  put("moe_sum_before<" + text(partialQuads) + ", 0, " + text(quads) + ", " + text(program.rankedQuads) + ", " +
          text(threads) + ">(",
      2);
  put(countedFrom(placed.front()) + ", partials, gridDim.x, shared);", 4);
}

//===-- The walk
//--------------------------------------------------------------------------------------------------===//

void KernelPrinter::printPieceLoop() {
  Division division = divisionOf(pass);
  printRegisters(placed, 2);
  printRegisters(joined, 2);
  put(rows.invariants, 2);
  printBlockRange(2);
  if (!division.offsets.empty())
    put("const moe_offset_pieces pieces = moe_read_offsets<" + text(threads) + ">(" +
            program.parameters.lookup(division.offsets) + ", piece_count, token_count, begin, shared);",
        2);
  else if (division.length)
    put("const moe_even_pieces<" + text(division.length) + "> pieces;", 2);
  else
    put("const moe_equal_pieces pieces = {token_count / " + text(division.count) + "};", 2);
  if (saysBadOffsets())
    put("bad = pieces.bad;", 2);
  printStartRanks(false, 2);
  put("const bool is_last = blockIdx.x == gridDim.x - 1;", 2);
  if (cuts())
    put("bool cut = false; // whether the last piece begins here and goes on in another block", 2);
  put("long long piece = pieces.first(begin), piece_begin = 0, piece_end = pieces.begin(piece);", 2);
  put("for (; piece < piece_count && (begin < end || is_last) && (piece_end < end || is_last); ++piece) {", 2);
  put("piece_begin = piece_end;", 3);
  put("piece_end = pieces.end(piece, piece_begin);", 3);
  put("// the tokens of this piece in this block", 3);
  put("const long long from = moe_later(piece_begin, begin), to = moe_earlier(piece_end, end);", 3);
  printRegisters(perPiece, 3);
  put(rows.pieceInvariants, 3);
  printStartRanks(true, 3);
  if (!rows.lines.empty() || !rows.tokenLoads.empty())
    printRows("from", "to", 3);
  printPieceEnd();
  put("}", 2);
  if (cuts())
    put("moe_say_cut<" + text(pieceQuads) + ">(ends, {cut ? piece - 1 : -1, piece_begin, piece_end});", 2);
}

/// What has become of a piece: done here, or to be merged.
void KernelPrinter::printPieceEnd() {
  if (!cuts()) {
    if (!pieces)
      return;
    put("if (piece_begin >= begin && threadIdx.x < 32) // one warp finishes it", 3);
    put(pieceCall("0", text(pieceStageWord)), 4);
    return;
  }
  put("// what its rows have left: over the rows of a warp, then over warps", 3);
  put("const int piece_words = " + (meetWord ? text(meetWord) + " + " : std::string()) + "threadIdx.x / 32 * " +
          text(4 * pieceQuads) + ";",
      3);
  for (const PassAccumulator &accumulator : perPiece)
    printPublishOne(accumulator, "piece_words", 3);
  put("const bool begins_here = piece_begin >= begin, goes_on = !begins_here || piece_end > end;", 3);
  put("moe_meet<" + name + "_piece_layout, " + text(pieceQuads) + ", " + text(warps()) + ">(", 3);
  put("shared, " + text(meetWord) + ", goes_on,", 5);
  put("ends + (blockIdx.x * " + text(2 * pieceQuads + 1) + "ll + (begins_here ? " + text(1 + pieceQuads) + " : 1)));",
      5);
  put("cut = begins_here && goes_on;", 3);
  if (!pieces)
    return;
  put("if (!goes_on && threadIdx.x < 32) // one warp finishes it", 3);
  put(pieceCall(text(meetWord), text(pieceStageWord)), 4);
}

//===-- One piece
//-------------------------------------------------------------------------------------------------===//

/// The parameters of the function of a piece that its text names.
static std::vector<std::pair<std::string, std::string>> candidates(const KernelParameterText &parameters,
                                                                   const PassNeeds &needs) {
  std::vector<std::pair<std::string, std::string>> list; // type, name
  auto add = [&](StringRef declaration) {
    size_t split = declaration.find_last_of(" *");
    list.emplace_back(declaration.substr(0, split + 1).str(), declaration.substr(split + 1).str());
  };
  SmallVector<StringRef> arrays;
  StringRef(parameters.ofPiece).split(arrays, ", ", -1, false);
  for (StringRef array : arrays)
    add(array);
  for (const char *fixed : {"long long token_count", "int phase", "long long piece_count"})
    add(fixed);
  if (needs.random)
    for (const char *fixed : {"unsigned long long seed", "unsigned offset"})
      add(fixed);
  return list;
}

bool moe::names(const Lines &lines, const std::string &name) {
  std::regex word("\\b" + name + "\\b");
  return llvm::any_of(lines, [&](const std::string &line) { return std::regex_search(line, word); });
}

/// The registers that the pieces region adds to.
std::vector<PassAccumulator> KernelPrinter::addedToByPieces() const {
  std::vector<PassAccumulator> list;
  llvm::copy_if(placed, std::back_inserter(list), [](const PassAccumulator &a) { return a.fromPieces; });
  llvm::append_range(list, joined);
  return list;
}

void KernelPrinter::printPieceFunction(const KernelParameterText &parameters) {
  std::string list, call;
  auto add = [&](const std::string &declaration, const std::string &argument) {
    list += (list.empty() ? "" : ", ") + declaration;
    call += (call.empty() ? "" : ", ") + argument;
  };
  for (auto &[type, parameter] : candidates(parameters, needs))
    if (names(pieces->lines, parameter))
      add(type + parameter, parameter);
  add("unsigned *shared", "shared");
  for (const char *word : {"total", "stage"})
    if (names(pieces->lines, word))
      add("int " + std::string(word), "@" + std::string(word));
  for (const char *word : {"piece", "piece_begin", "piece_end"})
    if (names(pieces->lines, word))
      add("long long " + std::string(word), word);
  for (const PassAccumulator &accumulator : addedToByPieces()) {
    AccumulatorOp op = accumulator.op;
    int64_t values = pieces->getPlan().of(op.getCount()).values;
    bool isArray = !op.getSizes().empty() && values > 1;
    std::string type = cTypeName(op.getType()).str();
    add(type + (isArray ? " (&" : " &") + accumulator.registers + (isArray ? ")[" + text(values) + "]" : ""),
        accumulator.registers);
  }
  pieceArguments = call;
  layout.push_back("");
  layout.push_back("// One piece whose tokens are all in: one warp.");
  std::string line = "static MOE_DEVICE void " + name + "_piece(";
  SmallVector<StringRef> parts;
  StringRef(list).split(parts, ", ");
  for (auto [n, part] : llvm::enumerate(parts)) {
    std::string next = part.str() + (n + 1 < parts.size() ? "," : ") {");
    if (line.size() + next.size() > 118) {
      layout.push_back(line);
      line = "   ";
    }
    line += (line.back() == '(' ? "" : " ") + next;
  }
  layout.push_back(line);
  layout.push_back("  const int lane = threadIdx.x % 32;");
  for (const std::string &statement : pieces->lines)
    layout.push_back(statement.starts_with("#") ? statement : indented(statement));
  if (cuts())
    layout.push_back("  moe_sync_warp(); // its accumulators are read");
  layout.push_back("}");
}

std::string KernelPrinter::pieceCall(const std::string &total, const std::string &stage) const {
  std::string arguments = std::regex_replace(pieceArguments, std::regex("@total"), total);
  return name + "_piece(" + std::regex_replace(arguments, std::regex("@stage"), stage) + ");";
}

//===-- The last block
//--------------------------------------------------------------------------------------------===//

/// Each warp merges and finishes pieces that several blocks have parts of; what these add to the results of all tokens
/// is one more part of them.
void KernelPrinter::printCutPieces() {
  std::string quads = text(pieceQuads), words = meetWord ? text(meetWord) + " + " : "";
  put("// pieces that blocks have cut: each warp merges those that begin in some of the blocks", 2);
  std::vector<PassAccumulator> fromPieces = addedToByPieces();
  for (const PassAccumulator &accumulator : fromPieces) {
    AccumulatorOp op = accumulator.op;
    int64_t values = op.getSizes().empty() ? 1 : pieces->getPlan().of(op.getCount()).values;
    std::string neutral = neutralElement(op.getCombine(), op.getType());
    if (values > 1)
      put(unrollPragma(pieces->getPlan().of(op.getCount())), 2);
    if (values > 1)
      put("for (int j = 0; j < " + text(values) + "; ++j)", 2);
    put(accumulator.registers + (values > 1 ? "[j]" : "") + " = " + neutral + ";", values > 1 ? 3 : 2);
  }
  put("for (int block = threadIdx.x / 32; block < gridDim.x; block += " + text(warps()) + ") {", 2);
  put("const moe_cut cut = moe_cut_piece<" + quads + ">(ends, block);", 3);
  put("if (cut.piece < 0)", 3);
  put("continue;", 4);
  for (auto [word, member] : {std::pair("piece", "piece"), {"piece_begin", "begin"}, {"piece_end", "end"}})
    if (pieces && names({pieceArguments}, word))
      put("const long long " + std::string(word) + " = cut." + member + ";", 3);
  put("const int total = " + words + "threadIdx.x / 32 * " + text(4 * pieceQuads) + ";", 3);
  int64_t ranked = rankedPieces();
  put("moe_merge_ends<" + name + "_piece_layout, " + quads + ", " + text(ranked) + ", " + text(program.rankedQuads) +
          ">(",
      3);
  put("shared, total, ends, block, cut.end, token_count, " + (ranked ? countedFrom(perPiece.front()) : "nullptr") +
          ");",
      5);
  if (pieces) {
    std::string stage = "threadIdx.x / 32 * " + text(pieces->stageWords);
    put(pieceCall("total", pieceStageWord ? text(pieceStageWord) + " + " + stage : stage), 3);
  }
  put("}", 2);
  if (isLast) {
    put("if (accumulators == nullptr)", 2);
    put("return;", 3);
  }
  if (fromPieces.empty()) {
    put("moe_sync_block();", 2);
    return;
  }
  put("moe_sync_block();", 2);
  put("const int words = threadIdx.x / 32 * " + text(4 * partialQuads) + ";", 2);
  for (const PassAccumulator &accumulator : fromPieces)
    printPublishOne(accumulator, "words", 2);
  put("moe_publish_last<" + name + "_layout, " + text(partialQuads) + ", " + text(rowQuads) + ", " + text(warps()) +
          ">(shared, partials);",
      2);
}
