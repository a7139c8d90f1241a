// Checks of one access, in the order in which they can make it impossible: place, alignment, direction, order, value.
#include "Memory.h"
#include "Findings.h"

#include <algorithm>
#include <cstring>

namespace moe::emulator {

/// What memory holds before it is written: a number that is neither 0 nor small in any type.
constexpr int poison = 0x7f;

static std::string digits(uint64_t value) { return std::to_string(value); }

static const char *verb(moe_access_kind kind) {
  return kind == MOE_LOAD ? "reads" : kind == MOE_STORE ? "writes" : "updates atomically";
}

//===-- Words about who and where
//-------------------------------------------------------------------------------------===//

std::string Who::nameThread(const Mark &other) const {
  return "thread " + digits(other.thread) + " of block " + digits(started[other.block - firstBlock]);
}

std::string Who::here() const { return "kernel '" + kernel + "', " + nameThread(mark); }

std::string Who::at(uint32_t line) const {
  std::string text = "\n  at " + source.quote(line);
  if (lastOwnLine && lastOwnLine != line)
    text += "\n  after " + source.quote(lastOwnLine);
  return text;
}

//===-- A buffer
//------------------------------------------------------------------------------------------------------===//

Buffer::Buffer(const moe_emulator_buffer &description, int number)
    : name(description.name), data(static_cast<char *>(description.data)), bytes(description.bytes),
      use(description.use), elementBytes(description.element_bytes), rowBytes(description.row_bytes), index(number) {
  uint64_t defined = std::min(description.defined_bytes, bytes);
  if (bytes > defined)
    std::memset(data + defined, poison, bytes - defined);
  if (defined % 4)
    shift = 0;
  const uint64_t cell = uint64_t(1) << shift;
  state.assign((bytes + cell - 1) >> shift, 0);
  std::fill_n(state.begin(), (defined + cell - 1) >> shift, Defined);
  if (use != MOE_EMULATOR_READ)
    cells.resize(state.size());
  restored.assign(data, data + std::min(description.restored_bytes, bytes));
}

void Buffer::split(unsigned newShift) {
  const unsigned by = shift - newShift;
  std::vector<uint8_t> finer(state.size() << by);
  for (size_t n = 0; n < finer.size(); ++n)
    finer[n] = state[n >> by];
  const uint64_t cell = uint64_t(1) << newShift;
  finer.resize((bytes + cell - 1) >> newShift);
  state = std::move(finer);
  if (cells.size())
    cells.split(by);
  shift = newShift;
}

std::string Buffer::nameElement(uint64_t at) const {
  std::string text = "byte " + digits(at) + " of '" + name + "' (" + digits(bytes) + " bytes)";
  if (!elementBytes)
    return text;
  uint64_t element = at / elementBytes;
  text += ", element " + digits(element);
  if (rowBytes >= elementBytes && rowBytes < std::max(bytes, at + 1))
    text += " (" + digits(at % rowBytes / elementBytes) + " of row " + digits(at / rowBytes) + ")";
  return text;
}

/// "kernel …, thread … reads 4 bytes at ".
static std::string describe(const Access &access, const Who &who) {
  return who.here() + " " + verb(access.kind) + " " + digits(access.bytes) + " bytes at ";
}

void Buffer::reportOutside(const Access &access, const Who &who) const {
  who.findings.add(MOE_EMULATOR_OUT_OF_BOUNDS, index, who.mark.line, 0, [&] {
    auto at = static_cast<int64_t>(access.at);
    std::string place =
        at < 0 ? digits(static_cast<uint64_t>(-at)) + " bytes before '" + name + "'" : nameElement(access.at);
    return "out of bounds: " + describe(access, who) + place + who.at(who.mark.line);
  });
}

/// Alignment and direction. False where nothing may be done.
bool Buffer::exact(const Access &access, const Who &who) {
  if (reinterpret_cast<uintptr_t>(data + access.at) & (access.bytes - 1))
    who.findings.add(MOE_EMULATOR_MISALIGNED, index, who.mark.line, 0, [&] {
      return "misaligned: " + describe(access, who) + nameElement(access.at) + ", whose address is no multiple of " +
             digits(access.bytes) + who.at(who.mark.line);
    });
  if (access.kind != MOE_LOAD && use == MOE_EMULATOR_READ) {
    who.findings.add(MOE_EMULATOR_INPUT_WRITTEN, index, who.mark.line, 0, [&] {
      return "input written: " + describe(access, who) + nameElement(access.at) + who.at(who.mark.line);
    });
    return false;
  }
  if (unsigned low = static_cast<unsigned>(access.at | access.bytes); low & ((1u << shift) - 1))
    split(low & 1 ? 0 : 1);
  return true;
}

void Buffer::reportRace(const Access &access, uint64_t cell, const Cells::Conflict &conflict, const Who &who) const {
  const Mark &other = conflict.other;
  who.findings.add(MOE_EMULATOR_RACE, index, who.mark.line, other.line, [&] {
    return "race: " + describe(access, who) + nameElement(cell << shift) + who.at(who.mark.line) + "\n  and " +
           who.nameThread(other) + (conflict.otherWrites ? " wrote" : " read") + " it\n  at " +
           who.source.quote(other.line) + "\n  and nothing orders the two";
  });
}

void Buffer::reportTwice(const Access &access, uint64_t cell, const Mark &first, const Who &who) const {
  who.findings.add(MOE_EMULATOR_WRITTEN_TWICE, index, who.mark.line, first.line, [&] {
    return "written twice: " + describe(access, who) + nameElement(cell << shift) + who.at(who.mark.line) + "\n  and " +
           who.nameThread(first) + " wrote it before\n  at " + who.source.quote(first.line) +
           (who.moment.after(first) ? "" : "\n  and nothing orders the two");
  });
}

void Buffer::reportUndefined(const Access &access, uint64_t cell, const Who &who) const {
  who.findings.add(MOE_EMULATOR_UNINITIALISED, index, who.mark.line, 0, [&] {
    return "uninitialised: " + describe(access, who) + nameElement(cell << shift) + ", which has no value yet" +
           who.at(who.mark.line);
  });
}

void Buffer::read(const Access &access, const Who &who) {
  const uint64_t first = access.at >> shift, last = (access.at + access.bytes - 1) >> shift;
  for (uint64_t cell = first; cell <= last; ++cell) {
    state[cell] |= Loaded;
    if (!(state[cell] & Defined))
      reportUndefined(access, cell, who);
    if (cells.size())
      if (Cells::Conflict conflict = cells.read(cell, who.mark, who.moment); conflict.found)
        reportRace(access, cell, conflict, who);
  }
  std::memcpy(access.value, data + access.at, access.bytes);
}

void Buffer::write(const Access &access, const Who &who) {
  const uint64_t first = access.at >> shift, last = (access.at + access.bytes - 1) >> shift;
  for (uint64_t cell = first; cell <= last; ++cell) {
    state[cell] |= Defined | Stored;
    Mark before = cells.lastWrite(cell);
    Cells::Conflict conflict = cells.write(cell, who.mark, who.moment);
    if (use == MOE_EMULATOR_WRITE_ONCE && before.block >= who.moment.oldest)
      reportTwice(access, cell, before, who);
    else if (conflict.found)
      reportRace(access, cell, conflict, who);
  }
  std::memcpy(data + access.at, access.value, access.bytes);
}

/// The new value of a word or two, which `memory` gets; `value` gets the old one.
static void exchange(moe_access_kind kind, char *memory, void *value, unsigned bytes) {
  uint64_t old = 0, next = 0;
  std::memcpy(&old, memory, bytes);
  std::memcpy(&next, value, bytes);
  if (kind == MOE_ATOMIC_ADD)
    next += old;
  std::memcpy(memory, &next, bytes);
  std::memcpy(value, &old, bytes);
}

void Buffer::update(const Access &access, const Who &who) {
  for (uint64_t cell = access.at >> shift; cell <= (access.at + access.bytes - 1) >> shift; ++cell) {
    if (!(state[cell] & Defined))
      reportUndefined(access, cell, who);
    state[cell] |= Loaded;
  }
  char memory[8];
  std::memcpy(memory, data + access.at, access.bytes);
  exchange(access.kind, memory, access.value, access.bytes);
  write({access.kind, access.at, access.bytes, memory}, who);
}

void Buffer::perform(const Access &access, const Who &who) {
  if (!exact(access, who))
    return;
  if (access.kind != MOE_STORE) {
    ++counts.loads.accesses;
    counts.loads.bytes += access.bytes;
  }
  if (access.kind != MOE_LOAD) {
    ++counts.stores.accesses;
    counts.stores.bytes += access.bytes;
  }
  if (access.kind == MOE_LOAD)
    read(access, who);
  else if (access.kind == MOE_STORE)
    write(access, who);
  else
    update(access, who);
}

//===-- Launches
//------------------------------------------------------------------------------------------------------===//

void Buffer::startLaunch() {
  counts = {};
  for (uint8_t &cell : state)
    cell &= Defined;
}

void Buffer::countDistinct(uint8_t bit, moe_emulator_traffic &traffic) const {
  const uint64_t cell = uint64_t(1) << shift;
  const uint64_t row = rowBytes ? rowBytes : bytes;
  uint64_t touched = 0, rows = 0, lastRow = ~uint64_t(0);
  for (uint64_t n = 0; n < state.size(); ++n) {
    if (!(state[n] & bit))
      continue;
    ++touched;
    if (uint64_t number = (n << shift) / row; number != lastRow) {
      lastRow = number;
      rows += (reinterpret_cast<uintptr_t>(data) + number * row) % 32 != 0;
    }
  }
  traffic.distinct_bytes = std::min(touched * cell, bytes);
  traffic.ideal_sectors = (traffic.distinct_bytes + 31) / 32 + rows;
}

moe_emulator_counts Buffer::endLaunch() {
  countDistinct(Loaded, counts.loads);
  countDistinct(Stored, counts.stores);
  const uint64_t undefined =
      static_cast<uint64_t>(std::count_if(state.begin(), state.end(), [](uint8_t cell) { return !(cell & Defined); }));
  counts.undefined_bytes = std::min(undefined << shift, bytes);
  return counts;
}

int64_t Buffer::notRestored() const {
  auto [here, there] = std::mismatch(restored.begin(), restored.end(), data);
  return here == restored.end() ? -1 : here - restored.begin();
}

std::string Buffer::notRestoredText(int64_t at) const {
  auto byte = [](char value) { return digits(static_cast<unsigned char>(value)); };
  return "not restored: byte " + digits(static_cast<uint64_t>(at)) + " of '" + name + "' was " +
         byte(restored[static_cast<size_t>(at)]) + " when the call began and is " + byte(data[at]) +
         " at its end; the next call will find it so";
}

//===-- Shared memory
//-------------------------------------------------------------------------------------------------===//

// Findings in shared memory have no buffer.
constexpr int noBuffer = -1;

SharedVariable::SharedVariable(std::string variableName, uint64_t bytes)
    : name(std::move(variableName)), memory(bytes, poison) {
  cells.resize((bytes + 3) / 4);
}

std::string SharedVariable::describe(const Access &access, uint64_t at, const Who &who) const {
  auto place = static_cast<int64_t>(at);
  return moe::emulator::describe(access, who) + "word " + std::to_string(place / 4) + " of '" + name +
         "' in shared memory (" + digits(memory.size() / 4) + " words)";
}

bool SharedVariable::inside(const Access &access, const Who &who) const {
  const uint32_t line = who.mark.line;
  if (access.at > memory.size() || access.bytes > memory.size() - access.at) {
    who.findings.add(MOE_EMULATOR_OUT_OF_BOUNDS, noBuffer, line, 0,
                     [&] { return "out of bounds: " + describe(access, access.at, who) + who.at(line); });
    if (access.kind != MOE_STORE)
      std::memset(access.value, poison, access.bytes);
    return false;
  }
  if (access.at % std::max(access.bytes, 4u))
    who.findings.add(MOE_EMULATOR_MISALIGNED, noBuffer, line, 0, [&] {
      return "misaligned: " + describe(access, access.at, who) + ", whose address is no multiple of " +
             digits(access.bytes) + who.at(line);
    });
  return true;
}

void SharedVariable::reportRace(const Access &access, uint64_t cell, const Cells::Conflict &conflict,
                                const Who &who) const {
  const Mark &other = conflict.other;
  who.findings.add(MOE_EMULATOR_RACE, noBuffer, who.mark.line, other.line, [&] {
    return "race: " + describe(access, cell * 4, who) + who.at(who.mark.line) + "\n  and " + who.nameThread(other) +
           (conflict.otherWrites ? " wrote" : " read") + " it\n  at " + who.source.quote(other.line) +
           "\n  and nothing orders the two";
  });
}

void SharedVariable::perform(const Access &access, const Who &who) {
  if (!inside(access, who))
    return;
  char *const memoryAt = memory.data() + access.at;
  for (uint64_t cell = access.at / 4; cell <= (access.at + access.bytes - 1) / 4; ++cell) {
    if (access.kind != MOE_STORE && cells.lastWrite(cell).block < who.moment.oldest) {
      std::memset(memory.data() + cell * 4, poison, 4);
      who.findings.add(MOE_EMULATOR_UNINITIALISED, noBuffer, who.mark.line, 0, [&] {
        return "uninitialised: " + describe(access, cell * 4, who) + ", which has no value yet" + who.at(who.mark.line);
      });
    }
    Cells::Conflict conflict =
        access.kind == MOE_LOAD ? cells.read(cell, who.mark, who.moment) : cells.write(cell, who.mark, who.moment);
    if (conflict.found)
      reportRace(access, cell, conflict, who);
  }
  if (access.kind == MOE_LOAD)
    std::memcpy(access.value, memoryAt, access.bytes);
  else if (access.kind == MOE_STORE)
    std::memcpy(memoryAt, access.value, access.bytes);
  else
    exchange(access.kind, memoryAt, access.value, access.bytes);
}

} // namespace moe::emulator
