// The operations of an accumulator, per combine and element type. Blocks are merged element by element in the order of
// the calls here, so a sum has the same bits whatever thread made which block.
#include "Accumulators.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace moe::rt {

template <typename T> static T neutral(uint32_t combine) {
  using Limits = std::numeric_limits<T>;
  if (combine == MOE_SUM)
    return T(0);
  if constexpr (Limits::has_infinity)
    return combine == MOE_MIN ? Limits::infinity() : -Limits::infinity();
  else
    return combine == MOE_MIN ? Limits::max() : Limits::min();
}

template <typename T> static T add(T a, T b) {
  if constexpr (std::is_integral_v<T>) // A count past 2^31 wraps instead of being undefined.
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
  else
    return a + b;
}

template <typename T> static bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(value);
  else
    return false;
}

template <typename T> static void combineElements(uint32_t combine, uint64_t count, T *into, const T *from) {
  switch (combine) {
  case MOE_SUM:
    for (uint64_t i = 0; i < count; ++i)
      into[i] = add(into[i], from[i]);
    break;
  case MOE_MAX: // a NaN on either side fails `from <= into`, and a NaN already there stays
    for (uint64_t i = 0; i < count; ++i)
      into[i] = isNan(into[i]) || from[i] <= into[i] ? into[i] : from[i];
    break;
  case MOE_MIN:
    for (uint64_t i = 0; i < count; ++i)
      into[i] = isNan(into[i]) || from[i] >= into[i] ? into[i] : from[i];
    break;
  default: // MOE_MAXNUM: the descriptor has been checked
    for (uint64_t i = 0; i < count; ++i)
      into[i] = from[i] > into[i] ? from[i] : into[i];
    break;
  }
}

/// Calls `body(element pointer type tag, accumulator)` with the accumulator's C++ element type.
template <typename Body> static void visit(const moe_gate &gate, Body &&body) {
  for (uint32_t i = 0; i < gate.accumulator_count; ++i) {
    const moe_accumulator &accumulator = gate.accumulators[i];
    // NOLINTNEXTLINE(bugprone-branch-clone): the branches differ in the type of the tag
    if (accumulator.dtype == MOE_F32)
      body(float(), accumulator);
    else if (accumulator.dtype == MOE_F64)
      body(double(), accumulator);
    else
      body(int32_t(), accumulator);
  }
}

void fillNeutral(const moe_gate &gate, void *block) {
  std::memset(block, 0, gate.accumulator_bytes);
  visit(gate, [&](auto tag, const moe_accumulator &accumulator) {
    using T = decltype(tag);
    if (accumulator.combine == MOE_SUM)
      return;
    T *elements = reinterpret_cast<T *>(static_cast<char *>(block) + accumulator.offset);
    for (uint64_t i = 0; i < accumulator.count; ++i)
      elements[i] = neutral<T>(accumulator.combine);
  });
}

static bool isPerPiece(const moe_accumulator &accumulator) { return accumulator.flags & MOE_PER_PIECE; }

void combine(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from) {
  visit(gate, [&](auto tag, const moe_accumulator &accumulator) {
    using T = decltype(tag);
    if (accumulator.pass != pass || isPerPiece(accumulator) != perPiece)
      return;
    combineElements(accumulator.combine, accumulator.count,
                    reinterpret_cast<T *>(static_cast<char *>(into) + accumulator.offset),
                    reinterpret_cast<const T *>(static_cast<const char *>(from) + accumulator.offset));
  });
}

/// Counters are i32.
static void copyCounters(const moe_accumulator &accumulator, void *into, const void *from) {
  char *target = static_cast<char *>(into) + accumulator.offset;
  uint64_t bytes = accumulator.count * sizeof(int32_t);
  if (from)
    std::memcpy(target, static_cast<const char *>(from) + accumulator.offset, bytes);
  else
    std::memset(target, 0, bytes);
}

void keepCounters(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from) {
  for (uint32_t i = 0; i < gate.accumulator_count; ++i)
    if (const moe_accumulator &it = gate.accumulators[i];
        (it.flags & MOE_RANKED) && it.pass == pass && isPerPiece(it) == perPiece)
      copyCounters(it, into, from);
}

void loadCounters(const moe_gate &gate, uint32_t pass, bool perPiece, void *into, const void *from) {
  for (uint32_t i = 0; i < gate.accumulator_count; ++i)
    if (const moe_accumulator &it = gate.accumulators[i];
        (it.flags & MOE_RANKED) && it.rank_pass == pass && isPerPiece(it) == perPiece)
      copyCounters(it, into, from);
}

} // namespace moe::rt
