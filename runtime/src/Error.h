// The last error of a thread, and the one way to set it: every function of the C interface that fails does so with
// `return fail(status, format, …)`.
#pragma once
#include "moe/runtime.h"

#include <string>

namespace moe::rt {

/// Stores a printf-formatted message as this thread's last error and gives `status` back.
__attribute__((format(printf, 2, 3))) moe_status fail(moe_status status, const char *format, ...);

/// A printf-formatted string.
__attribute__((format(printf, 1, 2))) std::string print(const char *format, ...);

/// Runs `body`, which gives a moe_status, and turns an exception (of the standard library: out of memory) into a
/// status, so that none crosses the C interface.
template <typename Body> moe_status guarded(Body &&body) {
  try {
    return body();
  } catch (const std::exception &error) {
    return fail(MOE_INVALID_ARGUMENT, "unexpected failure in the runtime: %s", error.what());
  }
}

} // namespace moe::rt
