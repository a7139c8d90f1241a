// The order of accesses: which accesses of other threads come before what a thread does now, by vector clocks.
//
// An access comes before another one if a chain of these steps leads from it to the other:
//  * program order of one thread;
//  * a block barrier: what the block's threads did before it comes before what they do after it;
//  * a warp barrier (__syncwarp), likewise for the 32 lanes. Shuffles, votes and reductions over lanes do not order
//    memory, as in CUDA;
//  * a release and an acquire: thread A fences, then executes an atomic on some location of global memory; thread B
//    executes an atomic on the same location later, then fences. All that comes before A's fence comes before all that
//    follows B's fence. Between fence and atomic, and between atomic and fence, there may be barriers: A's fence may be
//    that of another thread of its block from which a barrier leads to the atomic, and so on (fences are cumulative).
//    Atomics by others in between do not break the chain, a plain store to the location does;
//  * the end of a launch comes before the next launch.
// Two atomics on one location never race, and an access to a location by the thread that executed the last atomic on it
// comes after all atomics on it (the order of one location is total).
//
// Not modelled: fences of one block (__threadfence_block), scopes of atomics, volatile. Fences and atomics that order
// threads of one and the same block are found like those between blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace moe::emulator {

/// One access, as a later one remembers it.
struct Mark {
  uint32_t block = 0;  ///< serial number of the block, counted over all launches of the call from 1; 0: no access
  uint32_t clock = 0;  ///< accesses of its thread up to this one
  uint16_t thread = 0; ///< in its block
  uint16_t atomic = 0;
  uint32_t line = 0;
};

/// How much of each location's releases is known: so many of its first ones.
class Knowledge {
public:
  bool empty() const { return counts.empty(); }
  uint32_t operator[](size_t location) const { return location < counts.size() ? counts[location] : 0; }
  void join(const Knowledge &other);
  void raise(size_t location, uint32_t count);
  void clear() { counts.clear(); }
  size_t size() const { return counts.size(); }

private:
  std::vector<uint32_t> counts;
};

/// What an atomic after a fence hands on: accesses of its own block, and what it knew of others.
struct Release {
  uint32_t block;
  std::vector<uint32_t> covered; ///< by thread: its clock up to which its accesses are handed on
  Knowledge known;
};

/// The releases of all locations of one launch.
class Releases {
public:
  void clear();
  /// The number of the location at `address`.
  size_t locate(uintptr_t address);
  /// A plain store: who reads the location from now on learns nothing of what was released before.
  void cut(uintptr_t address);
  bool any() const { return !lists.empty(); }

  void add(size_t location, Release release) { lists[location].push_back(std::move(release)); }
  uint32_t count(size_t location) const { return static_cast<uint32_t>(lists[location].size()); }
  /// What the releases [from, to) of a location knew, joined into `into`.
  void collect(size_t location, uint32_t from, uint32_t to, Knowledge &into) const;
  /// Whether the first `count` releases of a location hand `mark` on.
  bool covers(size_t location, uint32_t count, const Mark &mark) const;

private:
  std::unordered_map<uintptr_t, size_t> locations;
  std::vector<std::vector<Release>> lists;
};

/// The clocks of one block's threads. A thread knows what its block knew at the last block barrier, what its warp knew
/// at the last warp barrier, and what it has learnt itself since.
class BlockOrder {
public:
  void start(uint32_t serialNumber, unsigned threads);

  uint32_t serial = 0;
  /// The next access of a thread.
  Mark access(unsigned thread, uint32_t line, bool atomic = false) {
    return {serial, ++clock[thread], static_cast<uint16_t>(thread), atomic, line};
  }
  /// Whether an access of this block comes before what `thread` does now, by program order or barriers.
  bool orderedInBlock(const Mark &mark, unsigned thread) const {
    return mark.thread == thread || mark.clock <= atBarrier[mark.thread] ||
           (mark.thread / 32 == thread / 32 && mark.clock <= atWarpBarrier[mark.thread]);
  }
  /// Whether any access comes before what `thread` does now, by releases and acquires.
  bool orderedByReleases(const Mark &mark, unsigned thread, const Releases &releases) const;
  bool byBarrier(const Mark &mark) const { return mark.clock <= atBarrier[mark.thread]; }
  bool byWarpBarrier(const Mark &mark) const {
    return mark.clock <= atWarpBarrier[mark.thread] || mark.clock <= atBarrier[mark.thread];
  }

  void blockBarrier();
  void warpBarrier(unsigned warp);
  void fence(unsigned thread, const Releases &releases);
  void atomic(unsigned thread, uintptr_t address, Releases &releases);

private:
  /// What fences have made ready to be released, and what was learnt, since the level above last heard of it.
  struct News {
    bool any = false;
    bool fenced = false;           ///< some fence: all accesses of the block before the last barrier are ready
    std::vector<uint32_t> covered; ///< of the 32 lanes of the warp; empty: none
    Knowledge known, pending;      ///< pending: an atomic has seen it, no fence has followed yet
    void join(const News &other);
    void clear();
  };

  std::vector<uint32_t> clock, atBarrier, atWarpBarrier;
  std::vector<uint32_t> ready; ///< by thread: covered by a fence that came before the last block barrier
  Knowledge known, pending;    ///< as of the last block barrier
  std::vector<News> ofWarp, ofThread;
};

} // namespace moe::emulator
