// Balances the load of a gate by its state: forward calls, each followed by a step, through the C++ wrapper.
#include "balanced.h" // moe-opt balanced.moe --emit=header
#include "moe/runtime.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

int main() try {
  constexpr std::int64_t tokens = 2048, experts = 16, slots = 2;
  std::vector<float> logits(tokens * experts), bias(experts, 0.0f); // the spec says where the state starts
  std::vector<std::int32_t> route(tokens * slots), load(experts);
  std::uint32_t random = 1;
  for (std::size_t i = 0; i < logits.size(); ++i) { // the first experts are liked better
    random = random * 1664525u + 1013904223u;
    logits[i] = static_cast<float>(random >> 8) / 8388608.0f - static_cast<float>(i % experts) / 40.0f;
  }

  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_balanced);
  moe::rt::Call call(gate, tokens);
  std::int32_t empty, nonfinite_tokens;
  call.output("empty", &empty, {}).output("nonfinite_tokens", &nonfinite_tokens, {});
  call.input("logits", logits.data(), {tokens, experts}).output("route", route.data(), {tokens, slots});
  call.output("load", load.data(), {experts});
  call.state("bias", bias.data(), {experts});
  moe::rt::Step step(call); // takes bias and u from the call
  for (int i = 0; i <= 200; ++i) {
    call.forward(tokens); // or reset, accumulate of each micro-batch, finish
    if (i % 100 == 0)
      std::printf("after %3d steps: expert 0 has %d tokens, expert 15 has %d\n", i, load[0], load[15]);
    step.run();
  }
  return 0;
} catch (const moe::rt::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
