// The services of the engine: what a thread that runs asks for.
#include "Conversions.h"
#include "Launch.h"

#include <algorithm>
#include <cstring>

namespace moe::emulator {

const moe_services Launch::services = {
    [](moe_access_kind kind, const void *base, long long offset, void *value, unsigned bytes, unsigned line) {
      running().access(kind, static_cast<const char *>(base), offset, value, bytes, line);
    },
    [](moe_meeting_kind kind, moe_word64 value, unsigned from, unsigned line) {
      return running().meet(kind, value, from, line);
    },
    [](unsigned line) { running().syncBlock(line); },
    [](unsigned line) { running().fence(line); },
    [](int index, int size, unsigned line) { return running().badConstant(index, size, line); },
    [](unsigned short bits) { return floatFromHalf(bits); },
    [](float value) { return halfFromFloat(value); },
};

//===-- Memory
//--------------------------------------------------------------------------------------------------------===//

Who Launch::who(uint32_t line, bool atomic, bool inShared) {
  BlockOrder &clocks = block().order;
  return {{clocks, releases, thread, inShared ? clocks.serial : firstBlock},
          clocks.access(thread, line, atomic),
          kernel.name,
          program.lines,
          call.findings,
          firstBlock,
          order,
          self().lastOwnLine};
}

/// The buffer that `base` points into.
Buffer *Launch::findBuffer(const char *base, uint32_t line) {
  Buffer *&hint = recent[line % 256];
  if (hint && base >= hint->begin() && base < hint->begin() + hint->size())
    return hint;
  Buffer *touching = nullptr;
  for (Buffer &buffer : call.buffers) {
    if (base >= buffer.begin() && base < buffer.begin() + buffer.size())
      return hint = &buffer;
    if (buffer.holds(base) && (!touching || base == buffer.begin()))
      touching = &buffer;
  }
  return touching;
}

static const char *verb(moe_access_kind kind) {
  return kind == MOE_LOAD ? " reads " : kind == MOE_STORE ? " writes " : " updates atomically ";
}

void Launch::accessOutside(const Access &access, const char *base, uint32_t line) {
  const Who accessor = who(line, false, false);
  call.findings.add(MOE_EMULATOR_OUT_OF_BOUNDS, -1, line, 0, [&] {
    return "out of bounds: " + accessor.here() + verb(access.kind) + std::to_string(access.bytes) + " bytes through " +
           (base ? "a pointer that leads to no buffer of this call" : "a null pointer") + accessor.at(line);
  });
}

void Launch::noteRequest(const Buffer &buffer, const Access &access, uint32_t line) {
  const uint64_t address = reinterpret_cast<uintptr_t>(buffer.begin()) + access.at;
  const uint64_t first = address / 32, last = (address + access.bytes - 1) / 32;
  if (access.kind != MOE_STORE)
    warp().requests.note(sites.find(line, buffer.number(), false), thread % 32, first, last);
  if (access.kind != MOE_LOAD)
    warp().requests.note(sites.find(line, buffer.number(), true), thread % 32, first, last);
}

void Launch::access(moe_access_kind kind, const char *base, int64_t offset, void *value, unsigned bytes,
                    uint32_t line) {
  interrupt();
  if (line >= program.firstOwnLine)
    self().lastOwnLine = line;
  if (base >= program.sharedBegin() && base < program.sharedEnd())
    return accessShared({kind, static_cast<uint64_t>(offset), bytes, value}, base, line);
  Buffer *buffer = findBuffer(base, line);
  const uint64_t at = buffer ? static_cast<uint64_t>(base - buffer->begin() + offset) : 0;
  const Access place = {kind, at, bytes, value};
  if (buffer && at <= buffer->size() && bytes <= buffer->size() - at) {
    noteRequest(*buffer, place, line);
    const bool atomic = kind >= MOE_ATOMIC_ADD;
    buffer->perform(place, who(line, atomic, false));
    if (atomic)
      block().order.atomic(thread, reinterpret_cast<uintptr_t>(buffer->begin() + at), releases);
    else if (kind == MOE_STORE && releases.any())
      releases.cut(reinterpret_cast<uintptr_t>(buffer->begin() + at));
    return;
  }
  if (buffer)
    buffer->reportOutside(place, who(line, false, false));
  else
    accessOutside(place, base, line);
  if (kind != MOE_STORE)
    std::memset(value, 0x7f, bytes);
}

void Launch::accessShared(const Access &access, const char *base, uint32_t line) {
  const std::vector<SharedVariableInfo> &all = program.sharedVariables();
  auto after = std::upper_bound(all.begin(), all.end(), base,
                                [](const char *at, const SharedVariableInfo &info) { return at < info.address; });
  if (after == all.begin())
    return accessOutside(access, base, line);
  const auto number = static_cast<size_t>(after - all.begin() - 1);
  const SharedVariableInfo &info = all[number];
  std::unique_ptr<SharedVariable> &variable = block().shared[number];
  if (!variable)
    variable = std::make_unique<SharedVariable>(info.name, info.dynamic ? description.shared_bytes : info.bytes);
  ++(access.kind == MOE_LOAD ? counts.sharedLoads : counts.sharedStores);
  variable->perform({access.kind, access.at + static_cast<uint64_t>(base - info.address), access.bytes, access.value},
                    who(line, access.kind >= MOE_ATOMIC_ADD, true));
}

int Launch::badConstant(int index, int size, uint32_t line) {
  const Who accessor = who(line, false, false);
  call.findings.add(MOE_EMULATOR_OUT_OF_BOUNDS, -1, line, 0, [&] {
    return "out of bounds: " + accessor.here() + " reads element " + std::to_string(index) +
           " of a constant table that has " + std::to_string(size) + accessor.at(line);
  });
  return 0;
}

void Launch::fence(uint32_t line) {
  if (line >= program.firstOwnLine)
    self().lastOwnLine = line;
  block().order.fence(thread, releases);
}

void Launch::closeRequests(Warp &warp) {
  warp.requests.close([this](unsigned number, uint64_t sectors) {
    const Sites::Site &site = sites[number];
    call.buffers[site.buffer].countRequest(site.store, sectors);
  });
}

//===-- Meetings
//------------------------------------------------------------------------------------------------------===//

static const char *meetingName(moe_meeting_kind kind) {
  switch (kind) {
  case MOE_SHUFFLE:
    return "a shuffle";
  case MOE_BALLOT:
    return "a vote";
  case MOE_WARP_MAX:
  case MOE_WARP_MIN:
    return "a reduction over lanes";
  case MOE_SYNC_WARP:
    return "a warp barrier";
  }
  return "a meeting";
}

moe_word64 Launch::meet(moe_meeting_kind kind, moe_word64 value, unsigned from, uint32_t line) {
  Thread &me = self();
  if (line >= program.firstOwnLine)
    me.lastOwnLine = line;
  Warp &mine = warp();
  me.kind = kind;
  me.waitsAt = line;
  me.turn = mine.turn;
  mine.values[me.turn][thread % 32] = value;
  mine.meeting |= laneBit();
  if (mine.meeting == ~0u) {
    openMeeting();
    interrupt();
  } else {
    leave();
  }
  return kind == MOE_SHUFFLE ? mine.values[me.turn][from] : mine.result[me.turn];
}

/// The last of 32 lanes has come.
void Launch::openMeeting() {
  Warp &mine = warp();
  const unsigned first = thread / 32 * 32;
  const Thread *const lanes = &block().threads[first];
  for (unsigned lane = 1; lane < 32; ++lane)
    if (lanes[lane].kind != lanes[0].kind || lanes[lane].waitsAt != lanes[0].waitsAt) {
      reportMixed(MOE_EMULATOR_WARP, first, first + lane, meetingName(lanes[lane].kind));
      break;
    }
  const moe_word64 *const values = mine.values[mine.turn];
  moe_word64 &result = mine.result[mine.turn];
  result = 0;
  if (lanes->kind == MOE_WARP_MAX)
    result = *std::max_element(values, values + 32);
  else if (lanes->kind == MOE_WARP_MIN)
    result = *std::min_element(values, values + 32);
  else if (lanes->kind == MOE_BALLOT)
    for (unsigned lane = 0; lane < 32; ++lane)
      result |= static_cast<moe_word64>(values[lane] != 0) << lane;
  if (lanes->kind == MOE_SYNC_WARP) {
    block().order.warpBarrier(thread / 32);
    ++counts.warpBarriers;
  } else {
    ++counts.shuffles;
  }
  closeRequests(mine);
  mine.turn ^= 1;
  mine.meeting = 0;
  mine.ready = ~0u;
  block().readyWarps |= 1u << thread / 32;
}

void Launch::syncBlock(uint32_t line) {
  if (line >= program.firstOwnLine)
    self().lastOwnLine = line;
  self().waitsAt = line;
  warp().atBarrier |= laneBit();
  if (++block().waiting == threads) {
    openBarrier();
    interrupt();
  } else {
    leave();
  }
}

/// The last thread of the block has come.
void Launch::openBarrier() {
  Block &mine = block();
  for (unsigned number = 1; number < threads; ++number)
    if (mine.threads[number].waitsAt != mine.threads[0].waitsAt) {
      reportMixed(MOE_EMULATOR_BARRIER, 0, number, "a block barrier");
      break;
    }
  mine.order.blockBarrier();
  ++counts.blockBarriers;
  for (Warp &warp : mine.warps) {
    closeRequests(warp);
    warp.atBarrier = 0;
    warp.ready = ~0u;
  }
  mine.waiting = 0;
  mine.readyWarps = warps == 32 ? ~0u : (1u << warps) - 1;
}

//===-- Words about who waits
//-----------------------------------------------------------------------------------------===//

/// Threads that meet in different calls.
void Launch::reportMixed(moe_emulator_finding_kind kind, unsigned one, unsigned other, const char *what) {
  const uint32_t line = block().threads[one].waitsAt, otherLine = block().threads[other].waitsAt;
  call.findings.add(kind, -1, line, otherLine, [&] {
    return "kernel '" + kernel.name + "', block " + std::to_string(self().coordinates.block.x) + ": threads meet in " +
           "different calls\n  thread " + std::to_string(one) + " in " +
           (kind == MOE_EMULATOR_WARP ? meetingName(block().threads[one].kind) : what) + " at " +
           program.lines.quote(line) + "\n  thread " + std::to_string(other) + " in " + what + " at " +
           program.lines.quote(otherLine);
  });
}

/// What a thread does when nobody can go on.
std::string Launch::waitText(unsigned number) {
  const Warp &warp = block().warps[number / 32];
  const Thread &thread = block().threads[number];
  const uint32_t bit = 1u << number % 32;
  if (warp.done & bit)
    return "returned";
  if (warp.atBarrier & bit)
    return "waits at a block barrier, at " + program.lines.quote(thread.waitsAt);
  return std::string("waits in ") + meetingName(thread.kind) + ", at " + program.lines.quote(thread.waitsAt);
}

/// Runs of threads that do the same.
std::string Launch::describeWaiting() {
  constexpr unsigned most = 12;
  std::string text;
  unsigned runs = 0;
  for (unsigned first = 0, end; first < threads; first = end) {
    const std::string what = waitText(first);
    for (end = first + 1; end < threads && waitText(end) == what;)
      ++end;
    if (++runs > most)
      return text + "\n  and so on";
    text += "\n  thread " + std::to_string(first);
    if (end > first + 1)
      text += " to " + std::to_string(end - 1) + ", each";
    text += ": " + what;
  }
  return text;
}

/// No thread of the block can go on: not all have come to a meeting, and those that are missing never will.
void Launch::reportStuck() {
  uint32_t meeting = 0, line = 0, otherLine = 0;
  for (unsigned number = 0; number < threads; ++number) {
    const Warp &warp = block().warps[number / 32];
    const uint32_t bit = 1u << number % 32, waitsAt = block().threads[number].waitsAt;
    meeting |= warp.meeting;
    if (warp.done & bit)
      continue;
    if (!line)
      line = waitsAt;
    else if (waitsAt != line)
      otherLine = waitsAt;
  }
  call.findings.add(meeting ? MOE_EMULATOR_WARP : MOE_EMULATOR_BARRIER, -1, line, otherLine, [&] {
    return std::string(meeting ? "lanes that never meet" : "divergent block barrier") + ": kernel '" + kernel.name +
           "', block " + std::to_string(self().coordinates.block.x) + " cannot go on" + describeWaiting();
  });
}

} // namespace moe::emulator
