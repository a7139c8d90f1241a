// Vector clocks: barriers copy clocks, fences and atomics hand them from block to block.
#include "Order.h"

#include <algorithm>

namespace moe::emulator {

void Knowledge::join(const Knowledge &other) {
  if (counts.size() < other.counts.size())
    counts.resize(other.counts.size());
  for (size_t n = 0; n < other.counts.size(); ++n)
    counts[n] = std::max(counts[n], other.counts[n]);
}

void Knowledge::raise(size_t location, uint32_t count) {
  if (counts.size() <= location)
    counts.resize(location + 1);
  counts[location] = std::max(counts[location], count);
}

//===-- Releases
//------------------------------------------------------------------------------------------------------===//

void Releases::clear() {
  locations.clear();
  lists.clear();
}

size_t Releases::locate(uintptr_t address) {
  auto [found, added] = locations.try_emplace(address, lists.size());
  if (added)
    lists.emplace_back();
  return found->second;
}

void Releases::cut(uintptr_t address) { locations.erase(address); }

void Releases::collect(size_t location, uint32_t from, uint32_t to, Knowledge &into) const {
  for (uint32_t n = from; n < to; ++n)
    into.join(lists[location][n].known);
}

bool Releases::covers(size_t location, uint32_t count, const Mark &mark) const {
  for (uint32_t n = 0; n < count; ++n) {
    const Release &release = lists[location][n];
    if (release.block == mark.block && mark.clock <= release.covered[mark.thread])
      return true;
  }
  return false;
}

//===-- One block
//-----------------------------------------------------------------------------------------------------===//

static void raiseAll(std::vector<uint32_t> &into, const std::vector<uint32_t> &from, size_t at = 0) {
  for (size_t n = 0; n < from.size(); ++n)
    into[at + n] = std::max(into[at + n], from[n]);
}

void BlockOrder::News::join(const News &other) {
  any = true;
  fenced |= other.fenced;
  if (!other.covered.empty()) {
    covered.resize(32);
    raiseAll(covered, other.covered);
  }
  known.join(other.known);
  pending.join(other.pending);
}

void BlockOrder::News::clear() {
  any = fenced = false;
  covered.clear();
  known.clear();
  pending.clear();
}

void BlockOrder::start(uint32_t serialNumber, unsigned threads) {
  serial = serialNumber;
  for (std::vector<uint32_t> *clocks : {&clock, &atBarrier, &atWarpBarrier, &ready})
    clocks->assign(threads, 0);
  known.clear();
  pending.clear();
  ofThread.resize(threads);
  ofWarp.resize(threads / 32);
  for (std::vector<News> *level : {&ofThread, &ofWarp})
    for (News &news : *level)
      if (news.any)
        news.clear();
}

void BlockOrder::warpBarrier(unsigned warp) {
  for (unsigned thread = warp * 32; thread < warp * 32 + 32; ++thread) {
    atWarpBarrier[thread] = clock[thread];
    if (ofThread[thread].any) {
      ofWarp[warp].join(ofThread[thread]);
      ofThread[thread].clear();
    }
  }
}

void BlockOrder::blockBarrier() {
  for (unsigned warp = 0; warp < ofWarp.size(); ++warp) {
    warpBarrier(warp);
    News &news = ofWarp[warp];
    if (!news.any)
      continue;
    if (news.fenced)
      raiseAll(ready, atBarrier);
    raiseAll(ready, news.covered, warp * 32);
    known.join(news.known);
    pending.join(news.pending);
    news.clear();
  }
  std::copy(clock.begin(), clock.end(), atBarrier.begin());
}

/// Makes all that comes before it ready to be released, and puts what atomics have seen into effect.
void BlockOrder::fence(unsigned thread, const Releases &releases) {
  News &news = ofThread[thread];
  const unsigned first = thread / 32 * 32;
  news.any = news.fenced = true;
  news.covered.assign(atWarpBarrier.begin() + first, atWarpBarrier.begin() + first + 32);
  news.covered[thread - first] = clock[thread];
  if (!releases.any())
    return;
  const News &warp = ofWarp[thread / 32];
  Knowledge seen = pending;
  seen.join(warp.pending);
  seen.join(news.pending);
  for (size_t location = 0; location < seen.size(); ++location) {
    uint32_t before = std::max({known[location], warp.known[location], news.known[location]});
    if (seen[location] > before)
      releases.collect(location, before, seen[location], news.known);
  }
  news.known.join(seen);
}

void BlockOrder::atomic(unsigned thread, uintptr_t address, Releases &releases) {
  size_t location = releases.locate(address);
  News &news = ofThread[thread];
  const News &warp = ofWarp[thread / 32];
  uint32_t earlier = releases.count(location);
  Release release{serial, ready, known};
  if (warp.fenced || news.fenced)
    raiseAll(release.covered, atBarrier);
  raiseAll(release.covered, warp.covered, thread / 32 * 32);
  raiseAll(release.covered, news.covered, thread / 32 * 32);
  release.known.join(warp.known);
  release.known.join(news.known);
  releases.add(location, std::move(release));
  news.any = true;
  news.pending.raise(location, earlier);
}

bool BlockOrder::orderedByReleases(const Mark &mark, unsigned thread, const Releases &releases) const {
  if (!releases.any())
    return false;
  const News &news = ofThread[thread], &warp = ofWarp[thread / 32];
  size_t size = std::max({known.size(), warp.known.size(), news.known.size()});
  for (size_t location = 0; location < size; ++location) {
    uint32_t count = std::max({known[location], warp.known[location], news.known[location]});
    if (count && releases.covers(location, count, mark))
      return true;
  }
  return false;
}

} // namespace moe::emulator
