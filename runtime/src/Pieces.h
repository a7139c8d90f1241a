// How the tokens of a call are divided into pieces, and these in turn: by a length, a number, or the caller's offsets.
#pragma once
#include "Executable.h"

namespace moe::rt {

/// The pieces of one level in one call: consecutive, in order, together all elements of the level before; some may be
/// empty.
struct Pieces {
  int64_t count = 0;
  int64_t length = 0;              ///< of each, where there are no `bounds`
  const int32_t *bounds = nullptr; ///< [count + 1]: 0, …, elements, never decreasing

  int64_t begin(int64_t piece) const { return bounds ? bounds[piece] : piece * length; }
  int64_t end(int64_t piece) const { return begin(piece + 1); }
  int64_t size(int64_t piece) const { return end(piece) - begin(piece); }
  /// The first piece that begins at `element` or later; `count` where none does.
  int64_t firstFrom(int64_t element) const;
};

/// The pieces of all levels: [0] those of the tokens.
struct AllPieces {
  Pieces levels[maxLevels];
};

/// Bytes that readPieces needs in a call of that extent.
uint64_t boundsBytes(const Program &program, const Extent &extent);

/// The pieces of a call. `bounds` takes the offsets, so that whatever they are, the pieces are as described above: an
/// offset that is out of place becomes the nearest that is not. `isBad` says whether one was. Offsets of the tokens (or
/// pieces) of one layer hold for each layer.
AllPieces readPieces(const Program &program, const moe_call &call, int32_t *bounds, bool &isBad);

} // namespace moe::rt
