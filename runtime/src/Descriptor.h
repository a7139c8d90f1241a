// Facts about a descriptor that several parts of the runtime need.
#pragma once
#include "moe/runtime.h"

namespace moe::rt {

constexpr uint64_t alignUp(uint64_t bytes, uint64_t alignment = MOE_ALIGNMENT) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// How many times tokens may be divided into pieces, and how many layers they may have: more would be no gate.
constexpr uint32_t maxLevels = 6;
constexpr uint32_t maxLayers = 1024;

/// What the run-time sizes of a call are.
struct Extent {
  int64_t counts[maxLevels + 2] = {}; ///< rows (the tokens of all layers), pieces of level 1, of level 2, …
  int64_t layers = 1;
  uint32_t perLayerLevels = 1; ///< levels below this one are the same in each layer

  int64_t rows() const { return counts[0]; }
  /// Tokens or pieces of one layer; of levels that are not the same in each, all of them.
  int64_t inLayer(uint32_t level) const { return level < perLayerLevels ? counts[level] / layers : counts[level]; }
};

/// Whether the array is read by the gate (and so belongs to the `in` direction of moe_find_array).
inline bool isRead(const moe_array &array) {
  return array.role == MOE_INPUT || array.role == MOE_PARAM || array.role == MOE_STATE;
}

/// The size of the first axis behind that of the layers, if any: the only one that may be run-time. 0 without axes.
inline int64_t outerSize(const moe_array &array) {
  uint32_t first = array.flags & MOE_ARRAY_LAYERED ? 1 : 0;
  return array.rank > first ? array.sizes[first] : 0;
}

/// Whether that size is one of the call.
inline bool hasRunTimeAxis(const moe_array &array) { return outerSize(array) < 0; }

/// The level that a run-time size is about: 0 tokens, n pieces of level n; -1 for dispatch rows. `isBounds`: one more
/// than those pieces.
int32_t levelOfSize(int64_t size, bool &isBounds);

/// Whether generated code gets a pointer to the rows of each layer: an input or output with tokens of a gate with
/// layers.
inline bool isByLayer(const moe_gate &gate, const moe_array &array) {
  return gate.layers && (array.role == MOE_INPUT || array.role == MOE_OUTPUT) && outerSize(array) == MOE_TOKENS;
}

/// The elements of the caller's array on one axis, in a call of that extent.
int64_t sizeIn(const moe_array &array, uint32_t axis, const Extent &extent);

/// Number of elements in a call of that extent.
uint64_t elementCount(const moe_array &array, const Extent &extent);

/// Bytes of one row: what a token or a piece (in one layer) has; without such an axis the whole array.
uint64_t rowBytes(const moe_array &array);

/// Bytes in a call of that extent.
uint64_t arrayBytes(const moe_array &array, const Extent &extent);

/// Whether the axis is one of pieces.
inline bool isPieces(const moe_axis &axis) { return axis.length || axis.offsets || axis.count; }

/// The axis of the pieces of a level (from 1 on), or null where the gate has no such level.
const moe_axis *pieceAxis(const moe_gate &gate, uint32_t level = 1);

/// "input", "loss", … for messages.
const char *roleName(uint32_t role);

} // namespace moe::rt
