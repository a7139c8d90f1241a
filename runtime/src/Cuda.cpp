// CUDA executables.
#include "Error.h"
#include "Executable.h"

namespace moe::rt {

moe_status prepareCuda(const moe_gate &, uint32_t, const char *, moe_executable **) {
  return fail(MOE_NO_DRIVER, "this build has no CUDA support");
}

} // namespace moe::rt
