// What a forward call keeps for its backward: the places of saved arrays in the caller's two blocks.
#pragma once
#include "Descriptor.h"

#include <optional>
#include <vector>

namespace moe::rt {

/// Places in the order of the forward gate's arrays, each a multiple of MOE_ALIGNMENT: arrays with an axis of tokens or
/// pieces in `saved`, those without in `coefficients`.
class SavedLayout {
public:
  explicit SavedLayout(const moe_gate &forward);

  /// Bytes of the `saved` block of a call, and of the `coefficients` block.
  uint64_t savedBytes(const Extent &extent) const { return offsetOf(perRow.size(), extent); }
  uint64_t coefficientBytes() const { return wholeBytes; }

  /// The index of an array in its block: of the arrays with a run-time axis, or of the others. The array need not be
  /// the forward gate's own; none without an array of its name there.
  std::optional<uint32_t> find(const moe_array &array) const;
  /// Where that array is in the call's blocks; null where the call brings no block for it.
  void *place(const moe_array &array, uint32_t index, const moe_call &call, const Extent &extent) const;

private:
  uint64_t offsetOf(size_t index, const Extent &extent) const;

  std::vector<const moe_array *> perRow, whole; ///< of the forward gate
  uint64_t wholeBytes = 0;
};

} // namespace moe::rt
