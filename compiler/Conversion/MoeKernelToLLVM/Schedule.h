// The order in which the CPU code of one region runs: which operations share a loop over the elements of a row, which
// rows need memory, and where that memory stands in the scratch block.
//
// A *step* is one operation outside any loop, or a loop over `size` elements with several members. Members pass
// elements to each other in registers; a row that only members of its own loop read element by element has no memory at
// all.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"
#include "llvm/ADT/SetVector.h"

namespace moe::cpu {

/// Tokens of a tile: one per lane of a 512-bit vector of f32. AVX2 uses the same tile, so that it has the same bits.
constexpr int64_t tileTokens = 16;
/// Longest sorted list that a selection keeps in SSA values, even where the target spills some of them: lists in memory
/// were measured slower from k = 6 on, since the guard waits for a store. Longer lists live in scratch memory.
constexpr int64_t registerList = 16;
/// `chosen` of at most this many positions compares with each; of more, with the last selected element.
constexpr int64_t chosenByCompare = 4;

/// One step of a region.
struct Step {
  llvm::SmallVector<mlir::Operation *> ops;
  /// Elements of the loop; 0 for one operation outside any loop.
  int64_t size = 0;
  /// Number of equal blocks that grouped reductions among the members make; 0 without.
  int64_t groups = 0;
};

/// The selection whose positions `chosen` reads, where comparing with its last element is cheaper than with each; or
/// null.
kernel::TopkOp thresholdOf(kernel::ChosenOp op);

/// True when `op` adds up (or takes the maximum of) the elements of equal blocks or of the whole row.
bool isBlockReduce(kernel::ReduceOp op);

/// True for a sum of floats, whose elements are added up in the order of docs/numerics.md.
bool isOrderedSum(mlir::Operation *op);

/// The steps of a region, and the scratch memory of its rows.
class Schedule {
public:
  /// Of `ops`, operations of one region in its order; `lanes` values stand side by side for each element. Rows that
  /// other operations of the region read stay in memory to the end. `fixedBytes` of scratch are taken already.
  Schedule(llvm::ArrayRef<mlir::Operation *> ops, int64_t lanes, int64_t fixedBytes);

  llvm::ArrayRef<Step> getSteps() const { return steps; }
  /// Byte offset of the memory of a row, or of the temporary of an operation; nullopt when it has none.
  std::optional<int64_t> offsetOf(mlir::Value row) const;
  std::optional<int64_t> temporaryOf(mlir::Operation *op) const;
  /// Bytes of scratch in all.
  int64_t getBytes() const { return bytes; }

private:
  void makeSteps();
  bool isOwn(mlir::Operation *op) const { return own.contains(op); }
  bool isReady(mlir::Operation *op, const Step *step) const;
  bool canJoin(mlir::Operation *op, const Step &step) const;
  void place();
  bool needsMemory(mlir::Value row) const;
  bool isReadElsewhere(mlir::Value row) const;
  int64_t allocate(int64_t size, int64_t first, int64_t last);

  struct Interval {
    int64_t offset, size, first, last;
  };
  llvm::SetVector<mlir::Operation *> own;
  int64_t lanes, fixedBytes, bytes;
  llvm::SmallVector<Step> steps;
  llvm::DenseMap<mlir::Operation *, int64_t> stepOf;
  llvm::DenseMap<mlir::Value, int64_t> offsets;
  llvm::DenseMap<mlir::Operation *, int64_t> temporaries;
  llvm::SmallVector<Interval> intervals;
};

/// Bytes that one element of that type takes in scratch, per lane: truth values take a byte.
int64_t scratchBytes(mlir::Type element);

/// Elements of the loop that `op` is a member of; 0 when it is not a loop.
int64_t loopSize(mlir::Operation *op);

/// True for a load of an array that is the same for all tokens of the function's range: of the call, or of a piece.
bool isUniformLoad(mlir::Operation *op);

/// The row whose memory `row` stands in: a slice has none of its own.
mlir::Value rootOf(mlir::Value row);

} // namespace moe::cpu
