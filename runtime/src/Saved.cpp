// Offsets in the blocks of saved arrays. Those with a token axis move with the number of tokens, so a call adds them
// up.
#include "Saved.h"
#include "Descriptor.h"

#include <cstring>

namespace moe::rt {

SavedLayout::SavedLayout(const moe_gate &forward) {
  for (uint32_t i = 0; i < forward.array_count; ++i) {
    const moe_array &array = forward.arrays[i];
    if (array.role != MOE_SAVED)
      continue;
    uint64_t bytes = elementCount(array, 1) * moe_dtype_bytes(static_cast<moe_dtype>(array.dtype));
    (hasTokenAxis(array) ? perToken : whole).push_back({array.name, bytes});
    if (!hasTokenAxis(array))
      wholeBytes += alignUp(bytes);
  }
}

std::optional<uint32_t> SavedLayout::find(const moe_array &array) const {
  const std::vector<Entry> &entries = hasTokenAxis(array) ? perToken : whole;
  for (uint32_t i = 0; i < entries.size(); ++i)
    if (!std::strcmp(entries[i].name, array.name))
      return i;
  return std::nullopt;
}

uint64_t SavedLayout::offsetOf(size_t index, int64_t tokens) const {
  uint64_t offset = 0;
  for (size_t i = 0; i < index; ++i)
    offset += alignUp(perToken[i].bytes * static_cast<uint64_t>(tokens));
  return offset;
}

void *SavedLayout::place(const moe_array &array, uint32_t index, const moe_call &call) const {
  if (hasTokenAxis(array)) // nobody touches rows in a call that only finishes
    return call.saved && (call.phase & MOE_ACCUMULATE)
               ? static_cast<char *>(call.saved) + offsetOf(index, call.token_count)
               : nullptr;
  if (!call.coefficients)
    return nullptr;
  uint64_t offset = 0;
  for (uint32_t i = 0; i < index; ++i)
    offset += alignUp(whole[i].bytes);
  return static_cast<char *>(call.coefficients) + offset;
}

} // namespace moe::rt
