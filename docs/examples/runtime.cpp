// Accumulates two micro-batches of 2048 tokens into one pair of losses, through the C++ wrapper.
#include "moe/runtime.hpp"
#include "deepseek_moe.h" // moe-opt examples/deepseek_moe.moe --emit=header

#include <cstdio>
#include <vector>

int main() try {
  constexpr std::int64_t tokens = 2048, experts = 64, slots = 6;
  std::vector<float> logits(2 * tokens * experts), weight(2 * tokens * slots);
  std::vector<std::int32_t> route(2 * tokens * slots);
  for (std::size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(i * 7919u % 1000u) / 250.0f;

  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_deepseek_moe);
  moe::rt::Call call(gate, tokens); // owns workspace and accumulators
  float expert_balance, device_balance, max_violation;
  std::int32_t empty, nonfinite_tokens;
  call.output("expert_balance", &expert_balance, {}).output("device_balance", &device_balance, {});
  call.output("max_violation", &max_violation, {});
  call.output("empty", &empty, {}).output("nonfinite_tokens", &nonfinite_tokens, {});

  call.param("alpha1", 0.02f);
  call.reset();
  for (std::int64_t first : {std::int64_t(0), tokens}) {
    call.input("logits", logits.data() + first * experts, {tokens, experts});
    call.output("weight", weight.data() + first * slots, {tokens, slots});
    call.output("route", route.data() + first * slots, {tokens, slots});
    call.accumulate(tokens);
  }
  call.finish();
  std::printf("token 0: best expert %d, weight %.4f\n", route[0], weight[0]);
  std::printf("expert_balance %.6f device_balance %.6f max_violation %.4f\n", expert_balance, device_balance,
              max_violation);
  return 0;
} catch (const moe::rt::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
