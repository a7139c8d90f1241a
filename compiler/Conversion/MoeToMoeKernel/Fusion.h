// Fusion by structure, one gate at a time: which region of which pass needs which value, what connects the regions to
// the caller and to each other. The schedule comes from Stages, single operations are written by RegionLowering.
#pragma once
#include "compiler/Conversion/MoeToMoeKernel/Lowering.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include <map>

namespace moe {

/// One region of a pass under construction.
struct FusedRegion {
  int pass;
  Level level; ///< that of the pass: rows, the next coarser one: pieces, Call: finish
  llvm::DenseSet<mlir::Operation *> needed;
  std::optional<RegionLowering> lowering;
};

/// What a `moe.rank` or `moe.permute` keeps between the pass that counts and the one that ranks.
struct Queue {
  mlir::StringAttr accumulator; ///< counts of every element, or of every slot and element where ranks go by slot
  mlir::StringAttr totals; ///< a coefficient: by slot, the counts of all tokens (of the piece); of a permutation, where
                           ///< the segment of each element begins, and the end of the last
};

class Fusion {
public:
  Fusion(GateOp gate, mlir::OpBuilder builder) : gate(gate), builder(builder), stages(gate) {}
  /// Writes the program of the gate, and that of its step where it has updates, in front of it, and erases the gate.
  mlir::LogicalResult run();

private:
  // What is needed where (Fusion.cpp).
  FusedRegion &region(int pass, Level level) { return regions.at({pass, -static_cast<int>(level)}); }
  FusedRegion &lastFinish() { return region(stages.getPassCount() - 1, Level::Call); }
  bool isAboutCall(mlir::Operation *op) const;
  FusedRegion &rows(int pass) { return region(pass, Level::Token); }
  mlir::Block &body() { return gate.getBody().front(); }
  mlir::LogicalResult checkAxes();
  void createProgram();
  void schedule();
  void assign();
  int emptyPass();
  bool asksForTokens();
  FusedRegion &regionOfSink(mlir::Operation *op);
  void require(FusedRegion &region, mlir::Value value);
  void requireReduction(ReduceOp op);
  void requireQueue(mlir::Operation *op);
  bool isHandedOver(const FusedRegion &region, mlir::Value value) const;
  bool isCarried(mlir::Value value) const;
  void requireSinks();
  void collectForStep();
  mlir::SmallVector<InputOp> tokenInputs();
  mlir::SmallVector<ForcedOp> checkedSelections();
  void remarks();

  // What connects the program to the caller, and its regions to each other (Declarations.cpp).
  mlir::LogicalResult declareInterface();
  mlir::LogicalResult declareArray(mlir::Operation *op);
  kernel::BufferOp declareBuffer(llvm::StringRef name, kernel::Role role, mlir::Type type, mlir::Type shapeOf,
                                 mlir::FloatAttr init, mlir::Location loc);
  void declareStatus();
  mlir::StringAttr declareStatusWord(llvm::StringRef name);
  mlir::LogicalResult declareAccumulators();
  mlir::LogicalResult declareAccumulator(ReduceOp reduce, mlir::StringAttr &name);
  mlir::LogicalResult declareQueues();
  mlir::StringAttr declareCount(llvm::StringRef wanted);
  mlir::LogicalResult declareCoefficients();
  mlir::StringAttr uniqueName(llvm::StringRef wanted);
  void attachAxes();

  // Regions (WriteRegions.cpp).
  void createPasses();
  mlir::LogicalResult write(FusedRegion &region);
  mlir::LogicalResult writeOp(FusedRegion &region, mlir::Operation *op);
  void writeResult(FusedRegion &region, mlir::Operation *op);
  void writeAccumulate(FusedRegion &region, ReduceOp op);
  void writeCoefficients(FusedRegion &region);
  void writeCounts(FusedRegion &region);
  void writeRank(FusedRegion &region, RankOp op);
  mlir::LogicalResult writeCollected(FusedRegion &region, ReduceOp op);

  // Dispatch plans and shifts (Dispatch.cpp).
  bool isOrdered(PermuteOp op);
  void writePermute(FusedRegion &region, PermuteOp op);
  void writeSegments(FusedRegion &region, PermuteOp op, const Queue &queue);
  void writeOrder(FusedRegion &region, OutputOp op);
  void emptyOrder(FusedRegion &region, PermuteOp op);
  void writeShift(FusedRegion &region, ShiftOp op);

  void bindOperands(FusedRegion &region, mlir::Operation *op);
  mlir::Value keysOf(FusedRegion &region, mlir::Operation *op);
  mlir::Value isEmpty(FusedRegion &region);

  // Status words (Status.cpp).
  mlir::Value isNonfinite(mlir::Value x);
  mlir::Value validHere();
  void countWhere(mlir::Value condition, mlir::StringAttr accumulator, mlir::Location loc);
  void countNonfinite();
  void countOutOfRange();
  void writeStatus();
  mlir::Location statusLoc(llvm::StringRef text);

  // The step (StepProgram.cpp).
  mlir::LogicalResult writeStep(kernel::ProgramOp forward);

  GateOp gate;
  mlir::OpBuilder builder;
  Stages stages;
  kernel::ProgramOp program;
  std::map<std::pair<int, int>, FusedRegion> regions; ///< by pass and level, in the order they run
  mlir::SmallVector<bool> carries; ///< by pass: whether it takes small arrays of earlier passes instead of their inputs
  llvm::StringSet<> names;
  llvm::MapVector<mlir::Operation *, mlir::StringAttr> accumulators; ///< collected reductions
  llvm::MapVector<mlir::Operation *, Queue> queues;                  ///< ranks
  llvm::MapVector<mlir::Value, mlir::StringAttr> coefficients;       ///< values that a later region reads
  llvm::DenseMap<mlir::Operation *, mlir::StringAttr> buffers;     ///< inputs, params, states, losses, metrics, outputs
  mlir::StringAttr nonfinite, outOfRange, badOffsets, validTokens; ///< accumulators
  mlir::StringAttr emptyWord, nonfiniteWord, outOfRangeWord, badOffsetsWord; ///< buffers
  bool hasTokens = false;                                                    ///< the gate has a run-time axis
};

/// Gathers by a selection that a later pass filters become gathers by the unfiltered one, where that spares a
/// computation.
void hoistGathers(GateOp gate);

/// The plan whose order the output `op` writes, or null.
PermuteOp orderedBy(mlir::Operation *op);

/// Why the operation `op` has to wait for another pass: it uses `value`.
std::string waitReason(mlir::Operation *op, mlir::Value value);

/// The inputs that say at run time which groups `op` works with.
llvm::SmallVector<InputOp> placementsOf(mlir::Operation *op);

/// A reduction over tokens of how often, or whether, a selection names each element, which is counted slot by slot: the
/// selection; null for others.
mlir::Value countedSelection(ReduceOp op);

} // namespace moe
