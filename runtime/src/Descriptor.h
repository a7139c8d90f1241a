// Facts about a descriptor that several parts of the runtime need.
#pragma once
#include "moe/runtime.h"

namespace moe::rt {

constexpr uint64_t alignUp(uint64_t bytes, uint64_t alignment = MOE_ALIGNMENT) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// What the run-time sizes of a call are.
struct Extent {
  int64_t tokens = 0, pieces = 0;
};

/// Whether the array is read by the gate (and so belongs to the `in` direction of moe_find_array).
inline bool isRead(const moe_array &array) {
  return array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_STATE;
}

/// Whether the size of the first axis is one of the call.
inline bool hasRunTimeAxis(const moe_array &array) { return array.rank > 0 && array.sizes[0] < 0; }

/// The elements of an array on one axis, in a call of that extent.
int64_t sizeIn(const moe_array &array, uint32_t axis, const Extent &extent);

/// Number of elements in a call of that extent.
uint64_t elementCount(const moe_array &array, const Extent &extent);

/// Bytes of one row: what a token or a piece has; without such an axis the whole array.
uint64_t rowBytes(const moe_array &array);

/// Bytes in a call of that extent.
uint64_t arrayBytes(const moe_array &array, const Extent &extent);

/// The axis of the pieces into which the gate's tokens are divided, or null.
const moe_axis *pieceAxis(const moe_gate &gate);

/// "input", "loss", … for messages.
const char *roleName(uint32_t role);

} // namespace moe::rt
