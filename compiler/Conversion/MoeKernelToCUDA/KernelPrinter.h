// Prints the kernel of one pass around its regions: the loop over rows (KernelPrinter.cpp), pieces and ranks
// (PiecePrinter.cpp). ProgramPrinter.cpp puts kernels together.
#pragma once
#include "compiler/Conversion/MoeKernelToCUDA/MoeKernelToCUDA.h"
#include "compiler/Conversion/MoeKernelToCUDA/RegionPrinter.h"

namespace moe {

/// An accumulator of one pass: its registers in the row loop and its place among the partial results of a block.
struct PassAccumulator {
  kernel::AccumulatorOp op;
  std::string registers;
  int64_t quad; ///< first quad (16 bytes) of the partial results
  int64_t quads;
  int64_t home;    ///< first quad in the caller's accumulator block
  bool fromPieces; ///< the pieces region adds to it, in registers that lie over a warp
};

/// What a pass needs of its call, beside its arrays.
struct PassNeeds {
  explicit PassNeeds(kernel::PassOp pass);
  bool pieces; ///< it walks over pieces
  bool random; ///< seed, offset, number of the first token
};

/// The arrays and call parameters that kernels of one program declare.
struct KernelParameterText {
  std::string arrays;  ///< "float alpha, const float *__restrict__ x_in, …", in lines
  std::string ofPiece; ///< the same, on one line, for the function of a piece
};

class KernelPrinter {
public:
  KernelPrinter(kernel::PassOp pass, std::string name, ProgramText &program, bool countsTokens);
  /// `before`: bytes of the workspace before what the blocks hand on.
  mlir::LogicalResult print(const KernelParameterText &parameters, int64_t before);
  /// The kernel of a step program: one warp, the finish region.
  mlir::LogicalResult printStep(const KernelParameterText &parameters);

  Lines layout; ///< the Layout structures of rows.cuh, and the function of a piece
  Lines code;   ///< the kernel
  CudaKernelInfo info;
  /// Bytes of the workspace that the blocks hand on through.
  int64_t handedBytes() const;
  const PassNeeds needs;
  bool hasRanks() const { return !rows.ranks.empty() || rankedCalls() + rankedPieces() > 0; }
  bool hasBitArithmetic() const;

private:
  mlir::LogicalResult placeAccumulators();
  /// Whether blocks hand anything on, so that one of them is the last.
  bool collects() { return !placed.empty() || cuts() || countsTokens || !pass.getFinish().front().empty(); }
  /// Whether blocks hand on parts of pieces.
  bool cuts() const { return !perPiece.empty(); }
  mlir::LogicalResult chooseBlock();
  void placeShared();
  int64_t sharedNeed(int64_t threads);
  int64_t roundRows(int64_t threads) const { return threads / lanes(); }
  int64_t mostValues();
  /// Blocks that registers shall leave room for on a multiprocessor: two, where rows are short enough.
  int64_t residentBlocks() { return threads == 256 && mostValues() <= 8 ? 2 : 1; }
  void printLayout(const std::vector<PassAccumulator> &list, const std::string &structure, bool handsOn);
  void printLayoutFunction(const std::vector<PassAccumulator> &list, llvm::StringRef signature,
                           llvm::function_ref<std::string(const PassAccumulator &)> body);
  void printRegisters(const std::vector<PassAccumulator> &list, int level);
  void printBlockRange(int level);
  void printRowLoop();
  void printRows(const std::string &begin, const std::string &end, int level);
  void printRowHeader(const std::string &begin, const std::string &end, bool ahead, int level);
  void printLoadAhead(llvm::StringRef row, llvm::StringRef end, int level);
  void printPublish();
  void printPublishAll(int level);
  void printPublishOne(const PassAccumulator &accumulator, const std::string &word, int level);
  void printCollect();
  void printFinish();

  // Pieces and ranks (PiecePrinter.cpp).
  void printPlaces(int64_t before);
  void printPieceLoop();
  void printPieceEnd();
  void printPieceFunction(const KernelParameterText &parameters);
  std::string pieceCall(const std::string &total, const std::string &stage) const;
  void printCutPieces();
  void printStartRanks(bool ofPiece, int level);
  void printRankedTotals();
  std::string countedFrom(const PassAccumulator &first) const;
  void printBadOffsets();
  /// Quads of the ranked accumulators that the pass collects.
  int64_t rankedCalls() const { return rankedQuadsOf(placed); }
  int64_t rankedPieces() const { return rankedQuadsOf(perPiece); }
  static int64_t rankedQuadsOf(const std::vector<PassAccumulator> &list);
  kernel::ProgramOp programOp() const { return pass->getParentOfType<kernel::ProgramOp>(); }
  /// The status word that this kernel writes for offsets that are bad; null where it does not.
  kernel::BufferOp badOffsets();

  void put(llvm::StringRef line, int level) {
    code.push_back(line.starts_with("#") ? line.str() : indented(line, level));
  }
  void put(const Lines &lines, int level) {
    for (const std::string &line : lines)
      put(line, level);
  }
  int64_t lanes() const { return rows.getPlan().getLanes(); }
  int64_t rowsPerWarp() const { return 32 / lanes(); }
  int64_t warps() const { return threads / 32; }
  bool prefetches() const;

  mutable kernel::PassOp pass;
  std::string name;
  bool countsTokens;
  ProgramText &program;
  RegionPrinter rows, finish;
  std::optional<RegionPrinter> pieces;
  std::string pieceArguments; ///< of its function; "@total" and "@stage" stand for words of shared memory
  /// What a block hands on of all its tokens, those of the rows first, and of one piece; ranked ones first.
  std::vector<PassAccumulator> placed, perPiece;
  int64_t partialQuads = 0, rowQuads = 0, pieceQuads = 0;
  int64_t threads = 256;
  int64_t sharedSize = 0;
  /// Words of shared memory where pieces meet, where warps stage rows of a pieces region, where ranks are.
  int64_t meetWord = 0, pieceStageWord = 0, rankWord = 0;
  bool direct = false; ///< one warp per block, whose results go to the workspace without shared memory
};

/// Bytes of the workspace, before what blocks hand on, that keep what the blocks before each one have counted.
int64_t rankedBytes(const ProgramText &program);

} // namespace moe
