// Accumulator blocks: neutral elements, and one block added to another in a fixed order.
#pragma once
#include "moe/runtime.h"

namespace moe::rt {

/// Fills a block of `gate.accumulator_bytes` with what accumulating nothing gives: token count 0, sums 0, max and
/// maxnum -inf (i32: INT32_MIN), min +inf (i32: INT32_MAX).
void fillNeutral(const moe_gate &gate, void *block);

/// into = into (+) from for every accumulator that `pass` adds to, and that is there per piece or not; the others and
/// the token count are left alone. max and min give NaN where one side is NaN; maxnum ignores NaN on the right
/// (`x > m ? x : m`).
void combine(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from);

/// Copies the counters (MOE_RANKED, per piece or not) that `pass` collects, or zeroes them where `from` is null.
void keepCounters(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from);
/// The same for those that `pass` counts on from.
void loadCounters(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from);

/// The token count at the start of a block.
inline int64_t &tokenCount(void *block) { return *static_cast<int64_t *>(block); }

} // namespace moe::rt
