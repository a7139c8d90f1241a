// Prints the kernel of one pass around its regions: the loop over rows (KernelPrinter.cpp), what is collected and where
// it goes (CollectPrinter.cpp), pieces and ranks (PiecePrinter.cpp). ProgramPrinter.cpp puts kernels together.
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
  /// As moe_cuda_kernel.flags.
  uint32_t flags() const { return (pieces ? 1u : 0u) | (random ? 2u : 0u) | (layers ? 4u : 0u); }
  bool pieces; ///< it walks over pieces
  bool random; ///< seed, offset, number of the first token
  bool layers; ///< it finds rows in arrays of one layer
};

/// The arrays and call parameters that kernels of one program declare.
struct KernelParameterText {
  std::string arrays;  ///< "float alpha, const float *__restrict__ x_in, …", in lines
  std::string ofPiece; ///< the same, on one line, for the function of a piece, which sees no layers
};

class KernelPrinter {
public:
  KernelPrinter(kernel::PassOp pass, std::string name, ProgramText &program);
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
  mlir::LogicalResult printRegions();
  void placeAccumulators();
  void placeRegion(const RegionPrinter &region, bool fromPieces);
  void placeEarlier();
  /// Whether blocks hand anything on, so that one of them is the last.
  bool collects() {
    return !placed.empty() || !earlier.empty() || cuts() || countsTokens || saysBadOffsets() ||
           !pass.getFinish().front().empty();
  }
  /// Whether blocks hand on parts of pieces.
  bool cuts() const { return !perPiece.empty(); }
  mlir::LogicalResult chooseBlock();
  mlir::LogicalResult reportSharedMemory(int64_t bytes);
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
  void printPublishOne(const PassAccumulator &accumulator, const std::string &word, int level, bool onto = false);
  std::string publishStatement(const PassAccumulator &accumulator, const std::string &start,
                               const std::string &position, const std::string &value, bool onto);
  void printBody();

  // What is collected (CollectPrinter.cpp).
  void printCollect();
  void printCollectPartials(int level);
  void printCountTokens(int level);
  void printBadOffsets(int level);
  void printFinish();
  void declareCollected(size_t line);

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
  std::vector<PassAccumulator> addedToByPieces() const;
  /// Quads of the ranked accumulators that the pass collects.
  int64_t rankedCalls() const { return rankedQuadsOf(placed); }
  int64_t rankedPieces() const { return rankedQuadsOf(perPiece); }
  static int64_t rankedQuadsOf(const std::vector<PassAccumulator> &list);
  kernel::ProgramOp programOp() const { return pass->getParentOfType<kernel::ProgramOp>(); }
  /// Whether this kernel tells of offsets that are bad.
  bool saysBadOffsets() const;

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
  /// The kernel of the last pass is about all accumulated calls, and adds to the caller's block what this call has
  /// collected. Those before it are about this call alone, and keep that in the workspace.
  const bool isLast;
  bool countsTokens;
  ProgramText &program;
  RegionPrinter rows, finish;
  std::optional<RegionPrinter> pieces;
  std::string pieceArguments; ///< of its function; "@total" and "@stage" stand for words of shared memory
  /// What a block hands on of all its tokens, those of the rows alone first, and of one piece; ranked ones first.
  std::vector<PassAccumulator> placed, perPiece;
  /// Registers of the pieces region for accumulators in `placed` that the rows add to as well.
  std::vector<PassAccumulator> joined;
  /// What kernels of earlier passes have collected and this one merges into the caller's block.
  std::vector<PassAccumulator> earlier;
  int64_t partialQuads = 0, rowQuads = 0, pieceQuads = 0;
  int64_t threads = 256;
  int64_t sharedSize = 0;
  /// Words of shared memory where pieces meet, where warps stage rows of a pieces region, where ranks are.
  int64_t meetWord = 0, pieceStageWord = 0, rankWord = 0;
  bool direct = false; ///< one warp per block, whose results go to the workspace without shared memory
};

/// Whether no pass follows: its kernel merges into the caller's block.
bool isLastPass(kernel::PassOp pass);

/// Whether the kernel of a pass keeps the number of tokens, in the caller's block or for a later kernel.
bool keepsTokenCount(kernel::PassOp pass);

/// Whether the first pass over a level looks at the offsets of the pieces there and tells where they are bad.
bool looksAtOffsets(kernel::PassOp pass);

/// Bytes of the workspace, behind the coefficients, where kernels of earlier passes keep what a call has collected.
int64_t collectedBytes(kernel::ProgramOp program);

/// Name of the function object of a combination in rows.cuh: "moe_Sum".
llvm::StringRef functorName(kernel::Combine combine);

/// Whether a line of `lines` has the word `name`.
bool names(const Lines &lines, const std::string &name);

/// How the rows of a pass come in pieces: one of these is there.
struct Division {
  llvm::StringRef offsets; ///< an array
  int64_t length, count;   ///< 0: not so
};
Division divisionOf(kernel::PassOp pass);

/// Bytes of the workspace, before what blocks hand on, that keep what the blocks before each one have counted.
int64_t rankedBytes(const ProgramText &program);

} // namespace moe
