// Offsets are data: they are read once, and only what has been put right is used.
#include "Pieces.h"

#include <algorithm>

namespace moe::rt {

int64_t Pieces::firstFrom(int64_t element) const {
  if (bounds)
    return std::lower_bound(bounds, bounds + count, element) - bounds;
  return element > 0 && length > 0 ? (element + length - 1) / length : 0;
}

static uint64_t boundsCount(const Extent &extent, uint32_t level) {
  return alignUp(static_cast<uint64_t>(extent.counts[level] + 1) * sizeof(int32_t)) / sizeof(int32_t);
}

uint64_t boundsBytes(const Program &program, const Extent &extent) {
  uint64_t bytes = 0;
  for (uint32_t level = 1; level <= program.divisions.size(); ++level)
    if (program.divisions[level - 1].axis->offsets)
      bytes += boundsCount(extent, level) * sizeof(int32_t);
  return bytes;
}

/// One layer after the other. A call without tokens need not have offsets.
static void readBounds(const int32_t *offsets, const Extent &extent, uint32_t level, int32_t *bounds, bool &isBad) {
  int64_t count = extent.inLayer(level);
  auto elements = static_cast<int32_t>(extent.inLayer(level - 1));
  bounds[0] = 0;
  for (int64_t first = 0; offsets && first + count <= extent.counts[level]; first += std::max<int64_t>(count, 1)) {
    int32_t start = bounds[first], last = 0;
    for (int64_t i = 0; i <= count; ++i) {
      int32_t right = i == 0 ? 0 : i == count ? elements : std::clamp(offsets[i], last, elements);
      isBad |= right != offsets[i];
      last = right;
      bounds[first + i] = start + right;
    }
  }
}

AllPieces readPieces(const Program &program, const moe_call &call, int32_t *bounds, bool &isBad) {
  isBad = false;
  AllPieces all;
  Extent extent = program.extentOf(call);
  for (uint32_t level = 1; level <= program.divisions.size(); ++level) {
    const auto &[axis, offsets] = program.divisions[level - 1];
    Pieces &pieces = all.levels[level - 1];
    pieces.count = extent.counts[level];
    if (!axis->offsets) {
      pieces.length = axis->length ? axis->length : extent.counts[level - 1] / axis->count;
    } else if (call.phase & MOE_ACCUMULATE) {
      pieces.bounds = bounds;
      readBounds(static_cast<const int32_t *>(call.bindings[offsets].data), extent, level, bounds, isBad);
      bounds += boundsCount(extent, level);
    }
  }
  return all;
}

} // namespace moe::rt
