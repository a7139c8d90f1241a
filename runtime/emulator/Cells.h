// The memory of accesses: for each cell (some bytes of a buffer or of shared memory) the last write, and reads since
// that a later write could race with.
//
// Exact for accesses of one block: of the reads that no barrier separates, three are enough to tell whether any write
// conflicts with one of them (the last; one by another lane of the same warp; one by another warp). Of readers in other
// blocks each is kept, but for those of one block three as above; what is lost are reads by a third warp between two
// block barriers, where a release covers the others but not that one.
#pragma once
#include "Order.h"

#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <vector>

namespace moe::emulator {

/// A thread at the moment of an access: what comes before it.
struct Moment {
  const BlockOrder &order;
  const Releases &releases;
  unsigned thread;
  uint32_t oldest; ///< marks of blocks with smaller serial numbers are of earlier launches (or of nobody)

  bool after(const Mark &mark) const {
    if (mark.block < oldest)
      return true;
    return (mark.block == order.serial && order.orderedInBlock(mark, thread)) ||
           order.orderedByReleases(mark, thread, releases);
  }
};

/// Zeros, in pages that do not exist before they are used.
template <typename T> class LazyArray {
public:
  void resize(size_t count) { memory.reset(static_cast<T *>(std::calloc(count ? count : 1, sizeof(T)))); }
  T &operator[](size_t n) { return memory.get()[n]; }
  explicit operator bool() const { return memory != nullptr; }

private:
  struct Free {
    void operator()(T *pointer) const { std::free(pointer); }
  };
  std::unique_ptr<T[], Free> memory;
};

class Cells {
public:
  void resize(size_t newCount);
  /// Cuts each cell into 2^shift.
  void split(unsigned shift);
  size_t size() const { return count; }
  Mark lastWrite(size_t cell) { return count ? writes[cell] : Mark(); }

  /// An access that races with what was there before. False `found` where there is none.
  struct Conflict {
    bool found = false, otherWrites = false;
    Mark other;
  };
  Conflict read(size_t cell, const Mark &mark, const Moment &moment);
  /// Also for atomics (mark.atomic), which do not race with each other.
  Conflict write(size_t cell, const Mark &mark, const Moment &moment);

private:
  struct Readers {
    Mark last, otherLane, otherWarp;
  };
  Conflict conflictWithReaders(size_t cell, const Moment &moment);
  Conflict conflictOfAtomic(size_t cell, const Moment &moment);
  void remember(size_t cell, const Mark &mark, const Moment &moment);

  size_t count = 0;
  LazyArray<Mark> writes;
  LazyArray<Readers> readers;                            ///< from the first read on
  std::unordered_map<size_t, std::vector<Mark>> foreign; ///< readers of other blocks than readers[cell].last
  std::unordered_map<size_t, Mark> plain; ///< where writes[cell] is an atomic: the last write that is none
};

inline Cells::Conflict Cells::read(size_t cell, const Mark &mark, const Moment &moment) {
  const Mark &write = writes[cell];
  Conflict conflict;
  if (!moment.after(write))
    conflict = {true, true, write};
  remember(cell, mark, moment);
  return conflict;
}

inline Cells::Conflict Cells::write(size_t cell, const Mark &mark, const Moment &moment) {
  Mark &write = writes[cell];
  Conflict conflict;
  if (mark.atomic)
    conflict = conflictOfAtomic(cell, moment);
  else if (!moment.after(write))
    conflict = {true, true, write};
  if (!conflict.found && readers && readers[cell].last.block >= moment.oldest)
    conflict = conflictWithReaders(cell, moment);
  write = mark;
  return conflict;
}

} // namespace moe::emulator
