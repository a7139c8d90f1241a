// Runs the consumer's gate on two tokens whose routes are seen at a glance, and checks every result.
#include "moe/runtime.hpp"
#include "tiny.h"

#include <cstdint>
#include <cstdio>

int main() {
  const std::int64_t tokens = 2;
  // Token 0 chooses experts 3 and 1, token 1 experts 3 and 0: counts 1 1 0 2, the sum of their squares is 6.
  const float logits[tokens * 8] = {0, 2, 1, 3, -1, -1, -1, -1, 2, 0, 1, 3, -1, -1, -1, -1};
  std::int32_t route[tokens * 2] = {};
  float spread = 0;
  std::int32_t words[8] = {};
  try {
    moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_tiny);
    moe::rt::Call call(gate, tokens);
    call.input("logits", logits, {tokens, 8});
    call.output("route", route, {tokens, 2});
    call.output("spread", &spread, {});
    // Status words, whatever this version of the compiler reports.
    std::size_t used = 0;
    for (std::uint32_t i = 0; i < moe_gate_tiny.array_count; ++i)
      if (moe_gate_tiny.arrays[i].role == MOE_STATUS_WORD)
        call.output(moe_gate_tiny.arrays[i].name, &words[used++], {});
    call.forward(tokens);
  } catch (const moe::rt::Error &error) {
    std::printf("failed: %s\n", error.what());
    return 1;
  }
  std::printf("route %d %d | %d %d, spread %g\n", route[0], route[1], route[2], route[3], spread);
  return route[0] == 3 && route[1] == 1 && route[2] == 3 && route[3] == 0 && spread == 6 ? 0 : 1;
}
