// Facts about a descriptor that several parts of the runtime need.
#pragma once
#include "moe/runtime.h"

namespace moe::rt {

constexpr uint64_t alignUp(uint64_t bytes, uint64_t alignment = MOE_ALIGNMENT) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Whether the array is read by the gate (and so belongs to the `in` direction of moe_find_array).
inline bool isRead(const moe_array &array) { return array.role == MOE_INPUT || array.role == MOE_PARAM; }

/// Whether the first axis is the tokens of the call.
inline bool hasTokenAxis(const moe_array &array) { return array.rank > 0 && array.sizes[0] == -1; }

/// Number of elements for calls of `tokens` tokens.
uint64_t elementCount(const moe_array &array, int64_t tokens);

/// "input", "loss", … for messages.
const char *roleName(uint32_t role);

} // namespace moe::rt
