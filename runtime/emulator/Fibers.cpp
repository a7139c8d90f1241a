// Stacks and switches.
#include "Fibers.h"

#include <new>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MOE_EMULATOR_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MOE_EMULATOR_ASAN 1
#endif
#ifdef MOE_EMULATOR_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace moe::emulator {
namespace {

/// Virtual memory; a stack uses few pages of it.
constexpr size_t stackBytes = 256 * 1024, pageBytes = 4096;

/// Stacks whose used ends lie at different places of a cache: at the same place of every stack they would push each
/// other out of it. A page that cannot be touched stands below each.
class Stacks {
public:
  explicit Stacks(size_t number) : number(number) {}
  boost::context::stack_context allocate() {
    const size_t bytes = stackBytes + pageBytes;
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc();
    mprotect(memory, pageBytes, PROT_NONE);
    boost::context::stack_context stack;
    stack.size = stackBytes - number % 61 * 192;
    stack.sp = static_cast<char *>(memory) + pageBytes + stack.size;
    return stack;
  }
  void deallocate(boost::context::stack_context &stack) {
    munmap(static_cast<char *>(stack.sp) - stack.size - pageBytes, stackBytes + pageBytes);
  }

private:
  size_t number;
};

Fiber host;
Fiber *current = &host, *previous = nullptr;

} // namespace

Fiber *Fiber::running() { return current; }

void Fiber::leaveFor(Fiber &next) {
#ifdef MOE_EMULATOR_ASAN
  __sanitizer_start_switch_fiber(&sanitizerRecord, next.stackBottom, next.stackSize);
#else
  (void)next;
#endif
}

void Fiber::arrived() {
#ifdef MOE_EMULATOR_ASAN
  const void *bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(sanitizerRecord, &bottom, &size);
  if (previous == &host) // its stack is known from the first switch on
    host.stackBottom = bottom, host.stackSize = size;
#endif
}

void Fiber::entered(boost::context::fiber &&from) {
  arrived();
  previous->context = std::move(from);
}

void Fiber::switchTo() {
  Fiber *self = current;
  if (self == this)
    return;
  previous = self;
  current = this;
  self->leaveFor(*this);
  boost::context::fiber from = std::move(context).resume();
  self->entered(std::move(from));
}

void FiberPool::reserve(size_t count) {
  while (fibers.size() < count) {
    const size_t number = fibers.size();
    fibers.push_back(std::make_unique<Fiber>());
    Fiber &fiber = *fibers.back();
    Stacks stacks(number);
    const boost::context::stack_context stack = stacks.allocate();
    fiber.stackBottom = static_cast<const char *>(stack.sp) - stack.size;
    fiber.stackSize = stack.size;
    fiber.context = boost::context::fiber(std::allocator_arg, boost::context::preallocated(stack.sp, stack.size, stack),
                                          stacks, [this, number, &fiber](boost::context::fiber &&from) {
                                            fiber.entered(std::move(from));
                                            body(number);
                                            return boost::context::fiber();
                                          });
  }
}

} // namespace moe::emulator
