// Offsets are data: they are read once, and only what has been put right is used.
#include "Pieces.h"

#include <algorithm>

namespace moe::rt {

int64_t Pieces::firstFrom(int64_t token) const {
  if (length)
    return (token + length - 1) / length;
  return std::lower_bound(bounds, bounds + count, token) - bounds;
}

uint64_t boundsBytes(const Program &program, const Extent &extent) {
  return program.offsetsIndex < 0 ? 0 : alignUp(static_cast<uint64_t>(extent.pieces + 1) * sizeof(int32_t));
}

Pieces readPieces(const Program &program, const moe_call &call, int32_t *bounds, bool &isBad) {
  isBad = false;
  Extent extent = program.extentOf(call);
  Pieces pieces{extent.pieces, extent.tokens, program.pieces ? program.pieces->length : 0, bounds};
  if (program.offsetsIndex < 0 || !(call.phase & MOE_ACCUMULATE))
    return pieces;
  const auto *offsets = static_cast<const int32_t *>(call.bindings[program.offsetsIndex].data);
  if (!offsets) // a call without tokens
    return pieces;
  auto tokens = static_cast<int32_t>(extent.tokens);
  int32_t last = 0;
  for (int64_t i = 0; i <= pieces.count; ++i) {
    int32_t right = i == 0 ? 0 : i == pieces.count ? tokens : std::clamp(offsets[i], last, tokens);
    isBad |= right != offsets[i];
    bounds[i] = last = right;
  }
  return pieces;
}

} // namespace moe::rt
