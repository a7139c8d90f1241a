// Who runs: blocks that start and end, and who goes on when a thread waits.
#include "Launch.h"

#include <algorithm>
#include <numeric>

namespace moe::emulator {
namespace {

/// More fibers than this are not kept waiting at a time.
constexpr size_t maxFibers = 16384;
constexpr unsigned defaultResident = 4;

} // namespace

Launch *Launch::current = nullptr;

Launch::Launch(CallState &call, const Program &program, const Kernel &kernel, const moe_emulator_launch &description)
    : call(call), program(program), kernel(kernel), description(description), threads(description.threads),
      warps(description.threads / 32), firstBlock(call.nextBlock), order(description.blocks),
      random(description.seed != 0), randomState(description.seed * 0x9e3779b97f4a7c15 + 1) {
  std::iota(order.begin(), order.end(), 0);
  if (random) {
    for (size_t n = order.size(); n > 1; --n)
      std::swap(order[n - 1], order[draw() % n]);
    // From an interruption at every second access to one at every 32nd.
    interruptMask = (uint64_t(2) << draw() % 5) - 1;
    // A thread of another warp or block goes on every time, or up to every 16th time.
    jumpMask = (uint64_t(1) << draw() % 5) - 1;
  }
  size_t resident = 1;
  if (random)
    resident = description.resident_blocks ? description.resident_blocks : defaultResident;
  resident = std::clamp<size_t>(resident, 1, std::max<size_t>(1, maxFibers / threads));
  slots.resize(std::min<size_t>(resident, description.blocks));
  call.nextBlock += description.blocks;
}

/// The pool outlives every launch: its fibers wait in threadMain. It is never taken down, since a fiber that waits
/// cannot be ended without being run.
static FiberPool &fiberPool(void (*body)(size_t)) {
  static FiberPool &pool = *new FiberPool(body);
  return pool;
}

void Launch::run() {
  fibers = &fiberPool(threadMain);
  fibers->reserve(slots.size() * threads);
  program.bind(&services);
  coordinates = program.running();
  current = this;
  caller = Fiber::running();
  for (Buffer &buffer : call.buffers)
    buffer.startLaunch();
  for (size_t n = 0; n < slots.size(); ++n) {
    slots[n] = std::make_unique<Block>();
    startBlock(n);
  }
  if (!active.empty())
    pick().switchTo();
  current = nullptr;
}

//===-- Blocks and threads
//--------------------------------------------------------------------------------------------===//

void Launch::startBlock(size_t number) {
  const uint32_t serial = firstBlock + static_cast<uint32_t>(nextInOrder);
  const unsigned index = order[nextInOrder++];
  Block &block = *slots[number];
  block.readyWarps = warps == 32 ? ~0u : (1u << warps) - 1;
  block.waiting = block.done = 0;
  block.warps.resize(warps);
  for (Warp &warp : block.warps) {
    warp.ready = ~0u;
    warp.meeting = warp.atBarrier = warp.done = 0;
    warp.turn = 0;
  }
  block.threads.assign(threads, Thread());
  for (unsigned n = 0; n < threads; ++n)
    block.threads[n].coordinates = {{n}, {index}, {description.blocks}, {threads}};
  block.order.start(serial, threads);
  block.shared.resize(program.sharedVariables().size());
  active.push_back(number);
}

void Launch::endBlock() {
  for (Warp &warp : block().warps)
    closeRequests(warp);
  uint64_t bytes = 0;
  for (const std::unique_ptr<SharedVariable> &variable : block().shared)
    bytes += variable ? variable->size() : 0;
  counts.sharedBytes = std::max(counts.sharedBytes, bytes);
  active.erase(std::find(active.begin(), active.end(), slot));
  if (nextInOrder < order.size())
    startBlock(slot);
  if (!random)
    thread = 0;
}

/// What a fiber does for ever: one thread of a block after the other.
void Launch::threadMain(size_t) {
  for (;;) {
    current->runThread();
    // The one that runs now may be a thread of another launch.
  }
}

void Launch::runThread() {
  if (!abandoned) {
    try {
      kernel.invoke(description.arguments);
    } catch (const Abandon &) {
    }
  }
  endThread();
}

void Launch::endThread() {
  Warp &mine = warp();
  mine.ready &= ~laneBit();
  mine.done |= laneBit();
  Block &ended = block();
  ++ended.done;
  if (!mine.ready)
    ended.readyWarps &= ~(1u << thread / 32);
  if (!abandoned && ended.done == threads)
    endBlock();
  else if (!abandoned && !ended.readyWarps) {
    reportStuck();
    abandoned = true;
  }
  (abandoned ? pickUnfinished() : active.empty() ? *caller : pick()).switchTo();
}

//===-- Choice
//--------------------------------------------------------------------------------------------------------===//

/// xorshift64*.
uint64_t Launch::draw() {
  randomState ^= randomState >> 12;
  randomState ^= randomState << 25;
  randomState ^= randomState >> 27;
  return (randomState * 0x2545f4914f6cdd1d) >> 20;
}

/// One of the set bits, each as likely as any other.
unsigned Launch::drawBit(uint32_t mask) {
  if (mask == ~0u)
    return draw() % 32;
  for (auto skip = draw() % static_cast<unsigned>(__builtin_popcount(mask)); skip; --skip)
    mask &= mask - 1;
  return static_cast<unsigned>(__builtin_ctz(mask));
}

Fiber &Launch::resume(size_t newSlot, unsigned newThread) {
  slot = newSlot;
  thread = newThread;
  *coordinates = &self().coordinates;
  return (*fibers)[slot * threads + thread];
}

/// Some thread that can go on.
Fiber &Launch::pick() {
  if (random) {
    if (draw() & jumpMask)
      if (const uint32_t ready = slots[slot]->warps[thread / 32].ready)
        return resume(slot, thread / 32 * 32 + drawBit(ready));
    const size_t chosen = active[draw() % active.size()];
    const Block &block = *slots[chosen];
    const unsigned warp = drawBit(block.readyWarps);
    return resume(chosen, warp * 32 + drawBit(block.warps[warp].ready));
  }
  const Block &block = *slots[active.front()];
  unsigned number = thread / 32;
  if (!(block.readyWarps >> number & 1))
    number = static_cast<unsigned>(__builtin_ctz(block.readyWarps));
  return resume(active.front(), number * 32 + static_cast<unsigned>(__builtin_ctz(block.warps[number].ready)));
}

/// After a launch was given up: some thread that has to leave its kernel, or whoever asked for the launch.
Fiber &Launch::pickUnfinished() {
  for (size_t number : active)
    for (unsigned warp = 0; warp < warps; ++warp)
      if (uint32_t left = ~slots[number]->warps[warp].done)
        return resume(number, warp * 32 + static_cast<unsigned>(__builtin_ctz(left)));
  return *caller;
}

/// The thread that runs waits, and has said so in its warp's masks.
void Launch::leave() {
  Warp &mine = warp();
  mine.ready &= ~laneBit();
  if (!mine.ready)
    block().readyWarps &= ~(1u << thread / 32);
  if (!block().readyWarps) {
    reportStuck();
    abandoned = true;
    throw Abandon();
  }
  pick().switchTo();
  if (abandoned)
    throw Abandon();
}

/// Others may come first, now and then.
void Launch::interrupt() {
  if (!random || (draw() & interruptMask))
    return;
  pick().switchTo();
  if (abandoned)
    throw Abandon();
}

} // namespace moe::emulator
