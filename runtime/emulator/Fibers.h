// Fibers of the emulator: one per CUDA thread that is under way, kept for the next block and the next launch. Switching
// is symmetric: whoever waits goes on with any other.
#pragma once
#include <boost/context/fiber.hpp>
#include <memory>
#include <vector>

namespace moe::emulator {

/// A context that can go on where it was left.
class Fiber {
public:
  Fiber() = default;
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// Goes on with `this` until somebody switches back to the caller.
  void switchTo();
  /// Who runs. The host's own context before the first switch.
  static Fiber *running();

private:
  friend class FiberPool;
  void entered(boost::context::fiber &&from);
  void leaveFor(Fiber &next);
  void arrived();

  boost::context::fiber context;
  // For the address sanitizer: where the stack is, and its own record of a fiber that waits.
  [[maybe_unused]] const void *stackBottom = nullptr;
  size_t stackSize = 0;
  [[maybe_unused]] void *sanitizerRecord = nullptr;
};

/// Fibers that each do the same: run `body(n)`, which never returns, where n is the number of the fiber.
class FiberPool {
public:
  explicit FiberPool(void (*body)(size_t number)) : body(body) {}
  /// Makes sure that there are `count` fibers.
  void reserve(size_t count);
  Fiber &operator[](size_t n) { return *fibers[n]; }
  size_t size() const { return fibers.size(); }

private:
  void (*body)(size_t number);
  std::vector<std::unique_ptr<Fiber>> fibers;
};

} // namespace moe::emulator
