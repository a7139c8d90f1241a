// How a pass is laid out over threads: which lane holds which element of a row, and how many lanes share one row.
//
// A row of n elements lies over L lanes in V values per lane and vectors of w: element e(j, lane) = (j / w) * w * L +
// lane * w + j % w. So a load of w elements is one wide access, and the L accesses of a row are contiguous. Elements
// from n on are padding. All rows of a pass have the same L; V and w follow from n.
#pragma once
#include "dialects/MoeKernel/IR/MoeKernel.h"

namespace moe {

/// Layout of rows of one size.
struct RowLayout {
  int64_t size;   ///< elements
  int64_t lanes;  ///< L, a power of two up to 32
  int64_t width;  ///< w, a power of two up to 8; 1 where the row is never in memory
  int64_t values; ///< V, a multiple of w

  bool isPadded() const { return values * lanes > size; }
  /// More values than registers can hold: loops stay loops, arrays lie in local memory.
  bool isLooped() const { return values > maxUnrolledValues; }
  static constexpr int64_t maxUnrolledValues = 32;
};

/// Layouts of a whole region.
class LayoutPlan {
public:
  /// The rows region of a pass. Lanes come from the cost model below, or from the attribute `moe_kernel.cuda_lanes` (an
  /// integer, for tests and tuning) of the program.
  static LayoutPlan forRows(kernel::PassOp pass);
  /// A finish region: one warp.
  static LayoutPlan forFinish();

  RowLayout of(int64_t size) const;
  int64_t getLanes() const { return lanes; }

private:
  int64_t lanes = 32;
  /// Rows of this size have the vector width that is best for memory; all others 1.
  llvm::DenseMap<int64_t, int64_t> widths;
};

/// Whether rows of elements of that type in memory are accessed in vectors.
bool hasVectors(mlir::Type element);

/// Threads per block: 256, or fewer (a power of two, at least a warp) where `wordsPerWarp(threads)`, the words of
/// shared memory of one warp, would not fit the 48 KB that a block has without opting in.
int64_t chooseThreads(int64_t wordsPerWarp, bool looped);
inline constexpr int64_t sharedWords = 12 * 1024;

/// Blocks of a full grid. Fixed, so that results do not depend on the device: two blocks on each of 132
/// multiprocessors.
inline constexpr int64_t maxCudaBlocks = 264;

} // namespace moe
