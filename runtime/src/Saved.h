// What a forward call keeps for its backward: the places of saved arrays in the caller's two blocks.
#pragma once
#include "moe/runtime.h"

#include <optional>
#include <vector>

namespace moe::rt {

/// Places in the order of the forward gate's arrays, each a multiple of MOE_ALIGNMENT: arrays with a token axis in
/// `saved`, those without in `coefficients`.
class SavedLayout {
public:
  explicit SavedLayout(const moe_gate &forward);

  /// Bytes of the `saved` block of a call of `tokens` tokens, and of the `coefficients` block.
  uint64_t savedBytes(int64_t tokens) const { return offsetOf(perToken.size(), tokens); }
  uint64_t coefficientBytes() const { return wholeBytes; }

  /// The index of an array in its block: of the arrays with a token axis, or of the others. The array need not be the
  /// forward gate's own; none without an array of its name there.
  std::optional<uint32_t> find(const moe_array &array) const;
  /// Where that array is in the call's blocks; null where the call brings no block for it.
  void *place(const moe_array &array, uint32_t index, const moe_call &call) const;

private:
  uint64_t offsetOf(size_t index, int64_t tokens) const;

  struct Entry {
    const char *name;
    uint64_t bytes; ///< of one token, or of the whole array
  };
  std::vector<Entry> perToken, whole;
  uint64_t wholeBytes = 0;
};

} // namespace moe::rt
