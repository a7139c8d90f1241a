// Readers of a cell, and cells that are cut finer.
#include "Cells.h"

namespace moe::emulator {

void Cells::resize(size_t newCount) {
  count = newCount;
  writes.resize(count);
  readers = {};
  foreign.clear();
  plain.clear();
}

void Cells::split(unsigned shift) {
  const size_t old = count;
  LazyArray<Mark> oldWrites = std::move(writes);
  LazyArray<Readers> oldReaders = std::move(readers);
  std::unordered_map<size_t, std::vector<Mark>> oldForeign = std::move(foreign);
  std::unordered_map<size_t, Mark> oldPlain = std::move(plain);
  resize(old << shift);
  if (oldReaders)
    readers.resize(count);
  for (size_t cell = 0; cell < count; ++cell) {
    writes[cell] = oldWrites[cell >> shift];
    if (oldReaders)
      readers[cell] = oldReaders[cell >> shift];
    if (auto found = oldForeign.find(cell >> shift); found != oldForeign.end())
      foreign[cell] = found->second;
    if (auto found = oldPlain.find(cell >> shift); found != oldPlain.end())
      plain[cell] = found->second;
  }
}

static void addReader(std::vector<Mark> &readers, const Mark &mark) {
  for (Mark &reader : readers)
    if (reader.block == mark.block && reader.thread == mark.thread) {
      reader = mark;
      return;
    }
  readers.push_back(mark);
}

void Cells::remember(size_t cell, const Mark &mark, const Moment &moment) {
  if (!readers)
    readers.resize(count);
  Readers &known = readers[cell];
  const Mark last = known.last;
  if (last.block < moment.oldest) { // of an earlier launch, or none
    if (!foreign.empty())
      foreign.erase(cell);
    known = {mark, {}, {}};
    return;
  }
  if (last.block != mark.block) {
    if (!moment.after(last))
      for (const Mark &other : {last, known.otherLane, known.otherWarp})
        if (other.block)
          addReader(foreign[cell], other);
    known = {mark, {}, {}};
    return;
  }
  if (last.thread != mark.thread) {
    if (moment.order.byBarrier(last))
      known.otherLane = known.otherWarp = {};
    else if (last.thread / 32 != mark.thread / 32)
      known.otherLane = {}, known.otherWarp = last;
    else
      known.otherLane = moment.order.byWarpBarrier(last) ? Mark() : last;
  }
  known.last = mark;
}

Cells::Conflict Cells::conflictWithReaders(size_t cell, const Moment &moment) {
  Readers &known = readers[cell];
  Conflict conflict;
  for (const Mark &reader : {known.last, known.otherLane, known.otherWarp})
    if (!conflict.found && reader.block && !moment.after(reader))
      conflict = {true, false, reader};
  if (auto found = foreign.find(cell); found != foreign.end()) {
    for (const Mark &reader : found->second)
      if (!conflict.found && !moment.after(reader))
        conflict = {true, false, reader};
    foreign.erase(found);
  }
  known = {};
  return conflict;
}

/// Atomics do not race with each other, each of them may with a plain write that came before them all.
Cells::Conflict Cells::conflictOfAtomic(size_t cell, const Moment &moment) {
  const Mark &write = writes[cell];
  Mark last = write;
  if (write.atomic && write.block >= moment.oldest) {
    auto found = plain.find(cell);
    last = found == plain.end() ? Mark() : found->second;
  } else {
    plain[cell] = write;
  }
  if (moment.after(last))
    return {};
  return {true, true, last};
}

} // namespace moe::emulator
