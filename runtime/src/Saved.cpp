// Offsets in the blocks of saved arrays. Those with tokens or pieces move with the numbers of them, so a call adds them
// up.
#include "Saved.h"

#include <cstring>

namespace moe::rt {

SavedLayout::SavedLayout(const moe_gate &forward) {
  for (uint32_t i = 0; i < forward.array_count; ++i) {
    const moe_array &array = forward.arrays[i];
    if (array.role != MOE_SAVED)
      continue;
    (hasRunTimeAxis(array) ? perRow : whole).push_back(&array);
    if (!hasRunTimeAxis(array))
      wholeBytes += alignUp(rowBytes(array));
  }
}

std::optional<uint32_t> SavedLayout::find(const moe_array &array) const {
  const std::vector<const moe_array *> &entries = hasRunTimeAxis(array) ? perRow : whole;
  for (uint32_t i = 0; i < entries.size(); ++i)
    if (!std::strcmp(entries[i]->name, array.name))
      return i;
  return std::nullopt;
}

uint64_t SavedLayout::offsetOf(size_t index, const Extent &extent) const {
  uint64_t offset = 0;
  for (size_t i = 0; i < index; ++i)
    offset += alignUp(arrayBytes(*perRow[i], extent));
  return offset;
}

void *SavedLayout::place(const moe_array &array, uint32_t index, const moe_call &call, const Extent &extent) const {
  if (hasRunTimeAxis(array)) // nobody touches rows in a call that only finishes
    return call.saved && (call.phase & MOE_ACCUMULATE) ? static_cast<char *>(call.saved) + offsetOf(index, extent)
                                                       : nullptr;
  if (!call.coefficients)
    return nullptr;
  uint64_t offset = 0;
  for (uint32_t i = 0; i < index; ++i)
    offset += alignUp(rowBytes(*whole[i]));
  return static_cast<char *>(call.coefficients) + offset;
}

} // namespace moe::rt
