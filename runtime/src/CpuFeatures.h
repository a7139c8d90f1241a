// Which instruction sets this machine can run.
#pragma once
#include <string>
#include <string_view>

namespace moe::rt {

/// What variant `isa` needs and this machine lacks, e.g. "avx512dq avx512vl"; "" when it runs. A name that this runtime
/// does not know gives "an unknown instruction set".
std::string missingFeatures(std::string_view isa);

} // namespace moe::rt
