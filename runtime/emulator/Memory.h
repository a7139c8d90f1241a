// The memory of one call: its buffers, what is known about each of their bytes, and how it was used. Also the shared
// memory of a block, which is checked in the same way.
#pragma once
#include "Cells.h"
#include "emulator.h"
#include "prelude/Machine.h"

#include <string>

namespace moe::emulator {

class Findings;
class SourceLines;

/// Who accesses, for checks and messages.
struct Who {
  Moment moment;
  Mark mark;
  const std::string &kernel;
  const SourceLines &source;
  Findings &findings;
  uint32_t firstBlock;                  ///< the serial number of the first block of this launch that started
  const std::vector<unsigned> &started; ///< blocks in the order in which they started
  uint32_t lastOwnLine; ///< where the kernel itself, not a helper, last accessed memory or met others; 0: unknown

  /// "kernel 'gate_forward', block 2, thread 5: ".
  std::string here() const;
  std::string nameThread(const Mark &other) const;
  /// The lines of an access: its own, and where the kernel was before it called a helper.
  std::string at(uint32_t line) const;
};

/// One access, with its place in a buffer or in a block's shared memory.
struct Access {
  moe_access_kind kind;
  uint64_t at;
  unsigned bytes;
  void *value;
};

/// A buffer of a call.
class Buffer {
public:
  Buffer(const moe_emulator_buffer &description, int number);

  const char *begin() const { return data; }
  uint64_t size() const { return bytes; }
  /// `base` is a pointer into this buffer, or to its end.
  bool holds(const char *base) const { return base >= data && base <= data + bytes; }
  int number() const { return index; }

  void perform(const Access &access, const Who &who);
  void reportOutside(const Access &access, const Who &who) const;

  void startLaunch();
  /// One request of a warp, which touches so many sectors.
  void countRequest(bool store, uint64_t sectors) {
    moe_emulator_traffic &traffic = store ? counts.stores : counts.loads;
    ++traffic.requests;
    traffic.sectors += sectors;
  }
  moe_emulator_counts endLaunch();
  /// The first byte that was not restored, or -1.
  int64_t notRestored() const;
  std::string notRestoredText(int64_t at) const;

private:
  enum : uint8_t { Defined = 1, Loaded = 2, Stored = 4 };

  bool exact(const Access &access, const Who &who);
  void read(const Access &access, const Who &who);
  void write(const Access &access, const Who &who);
  void update(const Access &access, const Who &who);
  void split(unsigned newShift);
  std::string nameElement(uint64_t at) const;
  void reportUndefined(const Access &access, uint64_t cell, const Who &who) const;
  void reportRace(const Access &access, uint64_t cell, const Cells::Conflict &conflict, const Who &who) const;
  void reportTwice(const Access &access, uint64_t cell, const Mark &first, const Who &who) const;
  void countDistinct(uint8_t bit, moe_emulator_traffic &traffic) const;

  std::string name;
  char *data;
  uint64_t bytes;
  moe_emulator_use use;
  uint32_t elementBytes;
  uint64_t rowBytes;
  int index;
  unsigned shift = 2;         ///< a cell has 1 << shift bytes
  std::vector<uint8_t> state; ///< of each cell
  Cells cells;                ///< empty for an input
  std::vector<char> restored;
  moe_emulator_counts counts = {};
};

/// One variable in the shared memory of a block. A later block may take it over: what an earlier one has left counts as
/// never written.
class SharedVariable {
public:
  SharedVariable(std::string variableName, uint64_t bytes);

  uint64_t size() const { return memory.size(); }
  /// `access` may lie outside.
  void perform(const Access &access, const Who &who);

private:
  bool inside(const Access &access, const Who &who) const;
  std::string describe(const Access &access, uint64_t at, const Who &who) const;
  void reportRace(const Access &access, uint64_t cell, const Cells::Conflict &conflict, const Who &who) const;

  std::string name;
  std::vector<char> memory;
  Cells cells; ///< of 4 bytes
};

} // namespace moe::emulator
