// Prints one region of a pass (rows, pieces or finish) as CUDA statements.
//
// Each row value becomes a register array `name[V]` (a plain variable where V is 1), each scalar a variable, or, where
// it is used once, part of the expression that uses it. Element-wise work on rows of one size shares one loop over j:
// the printer keeps the last loop open and appends to it until something needs a result that only the whole loop gives.
#pragma once
#include "compiler/Conversion/MoeKernelToCUDA/CostModel.h"
#include "compiler/Conversion/MoeKernelToCUDA/Expression.h"
#include "compiler/Conversion/MoeKernelToCUDA/Names.h"
#include "compiler/Conversion/MoeKernelToCUDA/Uniform.h"
#include "compiler/Target/Layout.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"
#include <map>

namespace moe {

/// Lines of code, each with its indentation relative to the region.
using Lines = std::vector<std::string>;

/// What the regions of one program share: names of parameters, of accumulators' registers, and constants at file scope.
struct ProgramText {
  llvm::StringMap<std::string> parameters; ///< buffer → kernel parameter
  Names names;                             ///< with all parameters taken
  Lines tables;                            ///< constants at file scope
  std::map<std::vector<int32_t>, std::string> tableNames;
  /// Name of a constant array at file scope with these elements.
  std::string table(llvm::StringRef wanted, llvm::ArrayRef<int32_t> elements);
  /// Where what the blocks before each one have counted stands, for each ranked accumulator: its first quad, of
  /// `rankedQuads` for each block.
  llvm::StringMap<int64_t> rankedQuad;
  int64_t rankedQuads = 0, nextRankedQuad = 0;
};

enum class RegionKind { Rows, Pieces, Finish };

/// A rank operation of a row loop: constants that say where in shared memory its counters and the slots of a round are.
struct RankUse {
  mutable kernel::AccumulatorOp accumulator;
  std::string counts, round;
  int64_t slots;
};

/// An input with a row per token, as the row loop reads it.
struct TokenLoad {
  mutable kernel::BufferOp buffer; ///< mutable: the accessors of an op are not const
  RowLayout layout;
  bool isRow;       ///< or one value per token
  std::string name; ///< registers with the values of this row
  std::string raw;  ///< registers as they come from memory
};

class RegionPrinter {
public:
  RegionPrinter(mlir::Block &block, const LayoutPlan &plan, ProgramText &program, RegionKind kind);
  /// Fails with a diagnostic on the operation that has no CUDA form.
  mlir::LogicalResult print();

  /// The region's statements.
  Lines lines;
  /// Statements before the row loop: the operations that are the same for all tokens, or for those of a piece
  /// (Uniform.h).
  Lines invariants, pieceInvariants;
  std::vector<TokenLoad> tokenLoads;
  /// Registers of the accumulators that the region adds to.
  llvm::MapVector<mlir::StringAttr, std::string> accumulators;
  /// Words of shared memory that one row needs for staging; 0 without staging.
  int64_t stageWords = 0;
  /// Rank operations, whose rounds all warps of a block walk together.
  std::vector<RankUse> ranks;
  bool hasRounds() const { return inRounds; }
  /// Of a pieces region: where the accumulators of a piece stand in shared memory, in words from `total` on.
  llvm::StringMap<int64_t> totalWords;
  /// Takes over the names that another region of the same kernel has given.
  void avoidNamesOf(const RegionPrinter &other) { names = other.names; }
  /// True where several rows share a warp, or all warps a round, so that some may be missing in the last round.
  bool hasMissingRows() const { return kind == RegionKind::Rows && (plan.getLanes() < 32 || inRounds); }
  const LayoutPlan &getPlan() const { return plan; }

  // Reading of TokenLoads, for the row loop.
  std::string declareRaw(const TokenLoad &load, llvm::StringRef name) const;
  Lines loadRaw(const TokenLoad &load, llvm::StringRef name, llvm::StringRef row) const;
  Lines convertRaw(const TokenLoad &load) const;
  /// 32-bit registers that a row takes as it comes from memory.
  int64_t rawRegisters(const TokenLoad &load) const;

private:
  struct Loop {
    RowLayout layout;
    Lines before, body, after;
    bool usesPosition = false;
    llvm::DenseSet<mlir::Value> pending; ///< values that only the whole loop gives
  };

  // Operations (RegionPrinter.cpp, MemoryPrinter.cpp, GroupPrinter.cpp, SelectionPrinter.cpp).
  mlir::LogicalResult printOperation(mlir::Operation &op);
  void printMap(kernel::MapOp op);
  void printScalar(mlir::Operation &op);
  void printReduce(kernel::ReduceOp op);
  void printRowSum(kernel::ReduceOp op);
  void printLoad(kernel::LoadOp op);
  void printTokenLoad(kernel::LoadOp op, kernel::BufferOp buffer);
  void printWholeLoad(kernel::LoadOp op, kernel::BufferOp buffer);
  void printLoadAt(kernel::LoadAtOp op);
  void printStore(kernel::StoreOp op);
  void printStoreAt(kernel::StoreAtOp op);
  void printScalarStore(kernel::StoreOp op, kernel::BufferOp buffer, const std::string &guard);
  void printRowStore(kernel::StoreOp op, kernel::BufferOp buffer, const std::string &guard);
  void printAccumulate(kernel::AccumulateOp op);
  void printRead(kernel::ReadOp op);
  void printReadOfPiece(kernel::ReadOp op);
  /// The row of a buffer that this region is at: "row", "piece", or "" where there is one only.
  std::string rowOf(kernel::BufferOp buffer) const;
  /// The array that `row` is in, and the number of the row there: of one layer, where the array comes in layers.
  std::string arrayAt(kernel::BufferOp buffer, llvm::StringRef row) const;
  std::string rowIn(kernel::BufferOp buffer, llvm::StringRef row) const;
  std::string stageStart() const { return kind == RegionKind::Finish ? "0" : "stage"; }
  void printConcat(kernel::ConcatOp op);
  void printRank(kernel::RankOp op);
  void printOldStates();
  void printGroupReduce(kernel::ReduceOp op);
  void printGroupTopSum(kernel::GroupTopSumOp op);
  void printExpand(kernel::ExpandOp op);
  void printExpandInLane(kernel::ExpandOp op);
  void printTopk(kernel::TopkOp op);
  void printTopkRounds(kernel::TopkOp op, const std::string &key, const std::string &name);
  void printTopkLists(kernel::TopkOp op, const std::string &key, const std::string &name);
  Lines topkRounds(kernel::TopkOp op, const std::string &key, const std::string &name);
  void printChosen(kernel::ChosenOp op);
  void printCount(kernel::CountOp op);
  void printChosenStaged(kernel::ChosenOp op, const std::string &name);
  void printScatter(kernel::ScatterOp op);
  void printScatterStaged(kernel::ScatterOp op, const std::string &name);
  void printStagedRow(mlir::Value result, const std::string &name, llvm::StringRef type);
  void printGather(kernel::GatherOp op);
  void printPick(mlir::Value result, mlir::Value input, mlir::Value indices);
  void printSlice(kernel::SliceOp op);
  void printExtract(kernel::ExtractOp op);

  /// What becomes of the values of each group: one combined value, or the sum of the `top` greatest.
  struct GroupWork {
    mlir::Value input, result;
    std::optional<llvm::ArrayRef<int32_t>> groups;
    kernel::Combine combine;
    int64_t top; ///< 0: combine
    /// Groups of floats are added up like rows of their own.
    bool isOrderedSum() const;
  };
  /// Where in a staged row the members of a group are: from `first` on, in the row or in a table of elements.
  struct StagedGroup {
    std::string first, table, count;
    int64_t most; ///< members of the greatest group
  };
  /// A row in registers: `base[j]`, or `base`; `base[j] == 0` for the marks of a topk.
  struct Row {
    std::string base;
    bool indexed = false;
    bool marks = false;
  };
  void printConcatStaged(kernel::ConcatOp op, const Row &first, const Row &second);
  Row addedOnto(kernel::BufferOp buffer, const RowLayout &layout, bool isRow, const Row &source);
  std::string packed(kernel::BufferOp buffer, const RowLayout &layout, const std::string &source);
  /// Value `j` of a row as it came from memory, in the type that it is computed in.
  Expression converted(const TokenLoad &load, const std::string &j) const;
  void printGroups(const GroupWork &work);
  void printGroupSumsInLane(const GroupWork &work, const std::string &name);
  void printGroupsInLane(const GroupWork &work, const std::string &name);
  void handOutGroups(const GroupWork &work, const std::string &name, const std::string &whole, Lines code);
  void printGroupsInBlocks(const GroupWork &work, const std::string &name);
  StagedGroup stagedGroup(const GroupWork &work, const std::string &name, const std::string &group);
  void printGroupsStaged(const GroupWork &work, const std::string &name);
  std::string groupDeclaration(const GroupWork &work, llvm::StringRef name, int64_t count, bool start) const;
  std::string groupUpdate(const GroupWork &work, llvm::StringRef target, llvm::StringRef index,
                          llvm::StringRef element);

  // Loops, statements, comments (RegionPrinter.cpp).
  Loop &openLoop(const RowLayout &layout, mlir::Operation *user);
  void closeLoop();
  void inLoop(std::string statement);
  void beforeLoop(std::string statement);
  void statement(std::string text);
  void statements(const Lines &text);
  void note(mlir::Operation *op);
  Lines takeComments();
  bool dependsOnOpenLoop(mlir::Value value) const;
  bool dependsOnOpenLoop(mlir::Operation *op) const;

  // Values.
  RowLayout layoutOf(mlir::Value row) const { return plan.of(llvm::cast<kernel::RowType>(row.getType()).getSize()); }
  Expression element(mlir::Value row);
  Expression scalar(mlir::Value value);
  Expression evaluate(mlir::Operation *op, mlir::Value value);
  Expression named(mlir::Value value, Expression text, llvm::StringRef kind);
  /// Registers of a row that is complete: closes the loop that may still be writing them.
  Row &registers(mlir::Value row);
  /// Declares a row and gives its name; `start` is an initialiser (" = {}").
  std::string declareRow(mlir::Value row, llvm::StringRef kind, llvm::StringRef start = "");
  void defineRow(mlir::Value row, llvm::StringRef kind, const Expression &text);
  std::string freshName(mlir::Value value, llvm::StringRef kind);
  bool isInlined(mlir::Operation *op) const;
  Rate rateOf(mlir::Operation *op) const { return hoisted.lookup(op); }
  Expression position(kernel::IndexOp op) const;
  Expression wideProduct(mlir::arith::MulUIExtendedOp op, mlir::Value value, llvm::ArrayRef<Expression> operands);
  std::string reserveStage(const RowLayout &layout, bool isDouble);
  std::string stageRow(mlir::Value row);
  std::string loopHeader(int64_t values, llvm::StringRef index = "j", int64_t step = 1) const;

  mlir::Block &block;
  LayoutPlan plan;
  ProgramText &program;
  llvm::DenseMap<mlir::Operation *, Rate> hoisted; ///< of a rows region: printed before the loop
  Names names;
  WantedNames wanted;
  AccumulatorLayout accumulatorLayout;
  RegionKind kind;
  bool inRounds, statesAreRead = false;
  mlir::Operation *unsupported = nullptr;
  std::optional<Loop> loop;
  llvm::DenseMap<mlir::Value, Row> rows;
  llvm::DenseMap<mlir::Value, Expression> scalars;
  llvm::DenseMap<mlir::Value, std::string> keysOf; ///< positions of a topk → registers of its keys
  llvm::StringSet<> noted;
  Lines comments;
};

// Text that both the printer of regions and that of kernels need.

/// Position in the row of value `j` of this lane.
Expression positionOf(const RowLayout &layout, const Expression &j);
/// `#pragma unroll` where the loop over a row of this layout is unrolled, as a line; or none.
Lines unrollPragma(const RowLayout &layout);
/// "    text"
std::string indented(llvm::StringRef text, int levels = 1);
/// Statement over all elements of a row for each position of `indices` that is not negative; `at` is the position, and
/// `value`, where `values` names registers, their element of that slot.
Lines forEachPosition(const RowLayout &layout, const RowLayout &slots, const std::string &indices,
                      const std::string &statement, llvm::StringRef valueType = "", llvm::StringRef values = "");
/// `target += value;`, `target = moe_max(target, value);` …
std::string updateStatement(kernel::Combine combine, llvm::StringRef target, const Expression &value);
/// Neutral element of a combination.
std::string neutralElement(kernel::Combine combine, mlir::Type type);
/// What an accumulator holds, as a name: "P_sum".
std::string accumulatedName(kernel::AccumulatorOp accumulator);
/// Whether an array is a struct of one pointer for each layer.
bool comesInLayers(kernel::BufferOp buffer);
/// The variable with the layer of a row and its number there, and its declaration.
std::string placeOf(llvm::StringRef row);
std::string placeDeclaration(llvm::StringRef row);
/// The block that the finish region of a pass reads: the caller's, or that of this call in the workspace.
std::string totalsBlock(mlir::Operation *pass);
/// Name of a combination in prelude functions: sum, max, min, maxnum.
llvm::StringRef combineName(kernel::Combine combine);

} // namespace moe
