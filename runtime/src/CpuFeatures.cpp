// cpuid, through the compiler's support library, which also asks whether the operating system saves the wide registers.
#include "CpuFeatures.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace moe::rt {

#if defined(__x86_64__)
static bool hasF16c() {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

static std::string lacking(std::string text, bool present, const char *feature) {
  if (present)
    return text;
  return text.empty() ? feature : text + " " + feature;
}
#endif

std::string missingFeatures(std::string_view isa) {
  if (isa == "generic")
    return "";
#if defined(__x86_64__)
  __builtin_cpu_init();
  std::string missing;
  if (isa == "avx2" || isa == "avx512") {
    missing = lacking(missing, __builtin_cpu_supports("avx2"), "avx2");
    missing = lacking(missing, __builtin_cpu_supports("fma"), "fma");
    missing = lacking(missing, __builtin_cpu_supports("avx2") && hasF16c(), "f16c");
  }
  if (isa == "avx512") {
    missing = lacking(missing, __builtin_cpu_supports("avx512f"), "avx512f");
    missing = lacking(missing, __builtin_cpu_supports("avx512bw"), "avx512bw");
    missing = lacking(missing, __builtin_cpu_supports("avx512dq"), "avx512dq");
    missing = lacking(missing, __builtin_cpu_supports("avx512vl"), "avx512vl");
  }
  if (isa == "avx2" || isa == "avx512")
    return missing;
#endif
  return "an unknown instruction set";
}

} // namespace moe::rt
